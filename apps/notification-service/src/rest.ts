import type { App } from '@halles/service/app'
import { pageView, PageView } from '@halles/service/page'
import { admin, type Person } from '@halles/service/person'
import type { Publisher } from '@halles/service/kafka'
import { Moment, Nullable, Problem } from '@halles/service/schema'
import type { FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { shown, type Content, type DeadLetter } from './dead-letter.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Delivery } from './deliver.ts'
import { letterStatuses, type Letter } from './letter.ts'
import type { Letters } from './letters.ts'
import { DeadLettersQuery, listDeadLetters, readDeadLetter } from './read-dead-letters.ts'
import { LettersQuery, listLetters } from './read-letters.ts'
import { redriveDeadLetter } from './redrive-dead-letter.ts'
import { resendLetter } from './resend-letter.ts'

const NotificationView = Type.Object(
  {
    id: Type.String(),
    orderId: Nullable(Type.String({ description: 'null for a letter about an account' })),
    recipient: Type.String({ description: 'The e-mail address that it goes to' }),
    subject: Type.String(),
    status: Type.Enum([...letterStatuses]),
    attempts: Type.Integer({ description: 'How often its delivery was tried' }),
    createdAt: Moment,
    sentAt: Nullable(Moment),
    lastError: Type.Optional(Type.String({ description: 'Why the last try was in vain; told to admins' })),
  },
  { title: 'Notification' },
)

const viewFor =
  (person: Person | undefined) =>
  (letter: Letter): Static<typeof NotificationView> => ({
    id: letter.id,
    orderId: letter.orderId ?? null,
    recipient: letter.recipient,
    subject: letter.subject,
    status: letter.status,
    attempts: letter.attempts,
    createdAt: letter.createdAt.toISOString(),
    sentAt: letter.sentAt?.toISOString() ?? null,
    ...(person?.role === 'admin' && letter.lastError !== null && { lastError: letter.lastError }),
  })

const fields = {
  id: Type.String({ description: 'Its partition and offset on the dead-letter queue' }),
  reason: Type.String({ description: 'Why it could not be processed' }),
  origin: Type.Object({
    topic: Type.String(),
    partition: Nullable(Type.Integer()),
    offset: Nullable(Type.String()),
    group: Nullable(Type.String({ description: 'Who could not process it' })),
  }),
  key: Nullable(Type.String()),
  size: Nullable(Type.Integer({ description: 'Bytes of its value; null when it has none' })),
  parkedAt: Moment,
  redrives: Type.Integer({ description: 'How often it was sent again' }),
  redrivenAt: Nullable(Moment),
}
const DeadLetterView = Type.Object(fields, { title: 'DeadLetter' })
const WholeDeadLetterView = Type.Object(
  {
    ...fields,
    value: Nullable(
      Type.String({ description: 'What it says; null when it has no value or one too large to be kept' }),
    ),
    encoding: Nullable(
      Type.Enum(['utf-8', 'base64'], { description: 'How value is written: base64 when it is no text' }),
    ),
    headers: Type.Array(Type.Object({ name: Type.String(), value: Type.String() })),
  },
  { title: 'WholeDeadLetter' },
)

const deadLetterView = (dead: DeadLetter): Static<typeof DeadLetterView> => ({
  id: dead.id,
  reason: dead.reason,
  origin: dead.origin,
  key: dead.key?.toString('utf8') ?? null,
  size: dead.size,
  parkedAt: dead.parkedAt.toISOString(),
  redrives: dead.redrives,
  redrivenAt: dead.redrivenAt?.toISOString() ?? null,
})

const wholeDeadLetterView = (dead: DeadLetter & Content): Static<typeof WholeDeadLetterView> => {
  const value = dead.value && shown(dead.value)
  return {
    ...deadLetterView(dead),
    value: value?.text ?? null,
    encoding: value?.encoding ?? null,
    headers: dead.headers.map(({ name, value }) => ({ name, value: value.toString('utf8') })),
  }
}

const common = { tags: ['notifications'], security: [{ bearer: [] }] }
const ofOne = { params: Type.Object({ id: Type.String() }) }
const forAdmins = { 401: Problem, 403: Problem }

/** Who asks matters before what. */
const preValidation = async ({ person }: FastifyRequest): Promise<void> => void admin(person)

/** The REST face: letters and dead letters. */
export function rest(
  app: App,
  shop: { letters: Letters; deadLetters: DeadLetters; delivery: Delivery; publisher: Pick<Publisher, 'send'> },
): void {
  app.get(
    '/notifications',
    {
      schema: {
        ...common,
        summary: "One's own letters, or everyone's for an admin, newest first",
        querystring: LettersQuery,
        response: { 200: PageView(NotificationView, 'NotificationPage'), 400: Problem, 401: Problem },
      },
    },
    async (request) => pageView(await listLetters(shop, request.person, request.query), viewFor(request.person)),
  )

  app.post(
    '/notifications/:id/resend',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'Send a letter once more (admin)',
        ...ofOne,
        response: { 202: NotificationView, ...forAdmins, 404: Problem },
      },
    },
    async (request, reply) => {
      const letter = await resendLetter(shop, request.person, request.params.id)
      return reply.code(202).send(viewFor(request.person)(letter))
    },
  )

  app.get(
    '/dead-letters',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'What could not be processed, the latest first (admin)',
        querystring: DeadLettersQuery,
        response: { 200: PageView(DeadLetterView, 'DeadLetterPage'), 400: Problem, ...forAdmins },
      },
    },
    async (request) => pageView(await listDeadLetters(shop, request.person, request.query), deadLetterView),
  )

  app.get(
    '/dead-letters/:id',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'One of them, with what it says (admin)',
        ...ofOne,
        response: { 200: WholeDeadLetterView, ...forAdmins, 404: Problem },
      },
    },
    async (request) => wholeDeadLetterView(await readDeadLetter(shop, request.person, request.params.id)),
  )

  app.post(
    '/dead-letters/:id/redrive',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'Send it to its topic once more (admin)',
        ...ofOne,
        response: { 202: DeadLetterView, ...forAdmins, 404: Problem, 413: Problem, 503: Problem },
      },
    },
    async (request, reply) => {
      const dead = await redriveDeadLetter(shop, request.person, request.params.id)
      return reply.code(202).send(deadLetterView(dead))
    },
  )
}
