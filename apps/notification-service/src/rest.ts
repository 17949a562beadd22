import type { App } from '@halles/fastify-service/app'
import { toPageView, PageView } from '@halles/validation/page'
import { requireAdmin, type Principal } from '@halles/auth/principal'
import type { Publisher } from '@halles/kafka/kafka'
import { ClosedObject, Timestamp, Nullable, PageQuery, ProblemDetails } from '@halles/validation/schema'
import type { FastifyRequest } from 'fastify'
import { Type, type Static } from 'typebox'
import { toText, type DeadLetter, type DeadLetterContent } from './dead-letters/dead-letter.ts'
import type { DeadLetterStore } from './dead-letters/dead-letters.ts'
import { DeadLettersQuery, listDeadLetters, readDeadLetter } from './dead-letters/read-dead-letters.ts'
import { redriveDeadLetter } from './dead-letters/redrive-dead-letter.ts'
import type { DeliveryWorker } from './emails/delivery-worker.ts'
import { emailStatuses, type Email } from './emails/email.ts'
import type { EmailStore } from './emails/emails.ts'
import { emailsConditions, listEmails, MAX_USERS } from './emails/read-emails.ts'
import { resendEmail } from './emails/resend-email.ts'

const NotificationView = Type.Object(
  {
    id: Type.String(),
    orderId: Nullable(Type.String({ description: 'null for a notification about an account' })),
    recipient: Type.String({ description: "The recipient's e-mail address; empty once their account is deleted" }),
    subject: Type.String(),
    status: Type.Enum([...emailStatuses]),
    attempts: Type.Integer({ description: 'The number of delivery attempts' }),
    createdAt: Timestamp,
    sentAt: Nullable(Timestamp),
    lastError: Type.Optional(Type.String({ description: 'Why the last attempt failed; only for admins' })),
  },
  { title: 'Notification' },
)

const EmailsQuery = ClosedObject({
  ...emailsConditions,
  userIds: Type.Optional(
    Type.String({
      pattern: `^[^,]{1,200}(,[^,]{1,200}){0,${MAX_USERS - 1}}$`,
      description: `The ids of up to ${MAX_USERS} users, separated by commas: only notifications to these`,
    }),
  ),
  ...PageQuery,
})

const notificationView =
  (principal: Principal | undefined) =>
  (email: Email): Static<typeof NotificationView> => ({
    id: email.id,
    orderId: email.orderId ?? null,
    recipient: email.recipient,
    subject: email.subject,
    status: email.status,
    attempts: email.attempts,
    createdAt: email.createdAt.toISOString(),
    sentAt: email.sentAt?.toISOString() ?? null,
    ...(principal?.role === 'admin' && email.lastError !== null && { lastError: email.lastError }),
  })

const deadLetterFields = {
  id: Type.String({ description: 'Its partition and offset on the dead-letter queue' }),
  reason: Type.String({ description: 'Why it could not be processed' }),
  origin: Type.Object({
    topic: Type.String(),
    partition: Nullable(Type.Integer()),
    offset: Nullable(Type.String()),
    group: Nullable(Type.String({ description: 'The consumer group that could not process it' })),
  }),
  key: Nullable(Type.String()),
  size: Nullable(Type.Integer({ description: 'The length of its value in bytes; null when it has none' })),
  parkedAt: Timestamp,
  redrives: Type.Integer({ description: 'How often it was redriven' }),
  redrivenAt: Nullable(Timestamp),
}
const DeadLetterView = Type.Object(deadLetterFields, { title: 'DeadLetter' })
const WholeDeadLetterView = Type.Object(
  {
    ...deadLetterFields,
    value: Nullable(
      Type.String({ description: 'The original value; null when there was none or it was too large to be stored' }),
    ),
    encoding: Nullable(
      Type.Enum(['utf-8', 'base64'], { description: 'The encoding of value: base64 when it is not UTF-8' }),
    ),
    headers: Type.Array(Type.Object({ name: Type.String(), value: Type.String() })),
  },
  { title: 'WholeDeadLetter' },
)

const deadLetterView = (deadLetter: DeadLetter): Static<typeof DeadLetterView> => ({
  id: deadLetter.id,
  reason: deadLetter.reason,
  origin: deadLetter.origin,
  key: deadLetter.key?.toString('utf8') ?? null,
  size: deadLetter.size,
  parkedAt: deadLetter.deadLetteredAt.toISOString(),
  redrives: deadLetter.redrives,
  redrivenAt: deadLetter.redrivenAt?.toISOString() ?? null,
})

const wholeDeadLetterView = (deadLetter: DeadLetter & DeadLetterContent): Static<typeof WholeDeadLetterView> => {
  const value = deadLetter.value && toText(deadLetter.value)
  return {
    ...deadLetterView(deadLetter),
    value: value?.text ?? null,
    encoding: value?.encoding ?? null,
    headers: deadLetter.headers.map(({ name, value }) => ({ name, value: value.toString('utf8') })),
  }
}

const common = { tags: ['notifications'], security: [{ bearer: [] }] }
const idParams = { params: Type.Object({ id: Type.String() }) }
const adminErrors = { 401: ProblemDetails, 403: ProblemDetails }

/** Authorizes before the input is validated, so that only admins learn whether their input is valid. */
const preValidation = async ({ principal }: FastifyRequest): Promise<void> => void requireAdmin(principal)

/** Registers the REST routes of notifications and dead letters. */
export function registerRestRoutes(
  app: App,
  deps: {
    emails: EmailStore
    deadLetters: DeadLetterStore
    worker: DeliveryWorker
    publisher: Pick<Publisher, 'send'>
  },
): void {
  app.get(
    '/notifications',
    {
      schema: {
        ...common,
        summary: "List one's own notifications, or everyone's as an admin, newest first",
        querystring: EmailsQuery,
        response: { 200: PageView(NotificationView, 'NotificationPage'), 400: ProblemDetails, 401: ProblemDetails },
      },
    },
    async ({ principal, query: { userIds, ...query } }) => {
      const page = await listEmails(deps, principal, { ...query, userIds: userIds?.split(',') })
      return toPageView(page, notificationView(principal))
    },
  )

  app.post(
    '/notifications/:id/resend',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'Send a notification again (admin)',
        ...idParams,
        response: { 202: NotificationView, ...adminErrors, 404: ProblemDetails },
      },
    },
    async (request, reply) => {
      const email = await resendEmail(deps, request.principal, request.params.id)
      return reply.code(202).send(notificationView(request.principal)(email))
    },
  )

  app.get(
    '/dead-letters',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'List messages that could not be processed, newest first (admin)',
        querystring: DeadLettersQuery,
        response: { 200: PageView(DeadLetterView, 'DeadLetterPage'), 400: ProblemDetails, ...adminErrors },
      },
    },
    async (request) => toPageView(await listDeadLetters(deps, request.principal, request.query), deadLetterView),
  )

  app.get(
    '/dead-letters/:id',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'Read a dead letter with its content (admin)',
        ...idParams,
        response: { 200: WholeDeadLetterView, ...adminErrors, 404: ProblemDetails },
      },
    },
    async (request) => wholeDeadLetterView(await readDeadLetter(deps, request.principal, request.params.id)),
  )

  app.post(
    '/dead-letters/:id/redrive',
    {
      preValidation,
      schema: {
        ...common,
        summary: 'Publish a dead letter to its original topic again (admin)',
        ...idParams,
        response: {
          202: DeadLetterView,
          ...adminErrors,
          404: ProblemDetails,
          413: ProblemDetails,
          503: ProblemDetails,
        },
      },
    },
    async (request, reply) => {
      const deadLetter = await redriveDeadLetter(deps, request.principal, request.params.id)
      return reply.code(202).send(deadLetterView(deadLetter))
    },
  )
}
