import type { App } from '@halles/service/app'
import { pageView, PageView } from '@halles/service/page'
import type { Person } from '@halles/service/person'
import { Moment, Nullable, Problem } from '@halles/service/schema'
import { Type, type Static } from 'typebox'
import type { Delivery } from './deliver.ts'
import { letterStatuses, type Letter } from './letter.ts'
import type { Letters } from './letters.ts'
import { LettersQuery, listLetters } from './read-letters.ts'
import { resendLetter } from './resend-letter.ts'

const NotificationView = Type.Object(
  {
    id: Type.String(),
    orderId: Type.String(),
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
    orderId: letter.orderId,
    recipient: letter.recipient,
    subject: letter.subject,
    status: letter.status,
    attempts: letter.attempts,
    createdAt: letter.createdAt.toISOString(),
    sentAt: letter.sentAt?.toISOString() ?? null,
    ...(person?.role === 'admin' && letter.lastError !== null && { lastError: letter.lastError }),
  })

const common = { tags: ['notifications'], security: [{ bearer: [] }] }

/** The REST face: GET /notifications, POST /notifications/:id/resend. */
export function rest(app: App, shop: { letters: Letters; delivery: Delivery }): void {
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
      schema: {
        ...common,
        summary: 'Send a letter once more (admin)',
        params: Type.Object({ id: Type.String() }),
        response: { 202: NotificationView, 401: Problem, 403: Problem, 404: Problem },
      },
    },
    async (request, reply) => {
      const letter = await resendLetter(shop, request.person, request.params.id)
      return reply.code(202).send(viewFor(request.person)(letter))
    },
  )
}
