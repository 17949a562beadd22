import type { App } from '@halles/service/app'
import { Moment } from '@halles/service/schema'
import { Type } from 'typebox'
import { EmailChange, Forgotten, PasswordReset, Verification } from './account-link.ts'
import { askForReset, askForVerification } from './ask-for-link.ts'
import { askForEmailChange, changeEmail } from './change-email.ts'
import { changePassword } from './change-password.ts'
import { deleteAccount } from './delete-account.ts'
import type { Desk } from './desk.ts'
import { readMyData } from './read-my-data.ts'
import { readMe } from './read-users.ts'
import { isSignedIn, problems, security, tags } from './route.ts'
import { EventView, eventView } from './security-event.ts'
import { OpenSessionView, openSessionView } from './session.ts'
import { resetPassword, verifyEmail } from './use-link.ts'
import { Deletion, PasswordChange, UserView, userView } from './user.ts'

const MyData = Type.Object(
  {
    exportedAt: Moment,
    user: UserView,
    sessions: Type.Array(OpenSessionView),
    securityLog: Type.Array(EventView),
  },
  { title: 'MyData' },
)

/** What one does with one's own account: REST's routes for it, and for the links in letters about it. */
export function accountRoutes(app: App, desk: Desk): void {
  app.get(
    '/me',
    {
      schema: {
        summary: 'Who the token belongs to.',
        tags,
        security,
        response: { 200: UserView, ...problems },
      },
    },
    async ({ person }) => userView(await readMe(desk, person)),
  )

  app.delete(
    '/me',
    {
      schema: {
        summary: 'Deletes the account of who knows its password, and what other services keep of its owner.',
        tags,
        security,
        body: Deletion,
        response: { 204: Type.Null(), ...problems },
      },
      preValidation: isSignedIn,
    },
    async (request, reply) => {
      await deleteAccount(desk, request, request.body.password)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/me/data',
    {
      schema: {
        summary: 'All that is known here of who asks. Their orders and letters are at `/orders` and `/notifications`.',
        tags,
        security,
        response: { 200: MyData, ...problems },
      },
    },
    async ({ person }) => {
      const { user, sessions, securityLog } = await readMyData(desk, person)
      return {
        exportedAt: desk.now().toISOString(),
        user: userView(user),
        sessions: sessions.map(openSessionView),
        securityLog: securityLog.map(eventView),
      }
    },
  )

  app.put(
    '/me/password',
    {
      schema: {
        summary: 'Changes the password of who knows the present one, and ends their other sessions.',
        tags,
        security,
        body: PasswordChange,
        response: { 204: Type.Null(), ...problems },
      },
      preValidation: isSignedIn,
    },
    async (request, reply) => {
      await changePassword(desk, request, request.body)
      return reply.code(204).send(null)
    },
  )

  app.put(
    '/me/email',
    {
      schema: {
        summary:
          'Wants a letter with a link to another address, for who knows the password. The same answer whether or not that has an account.',
        tags,
        security,
        body: EmailChange,
        response: { 202: Type.Null(), ...problems },
      },
      preValidation: isSignedIn,
    },
    async (request, reply) => {
      await askForEmailChange(desk, request, request.body)
      return reply.code(202).send(null)
    },
  )

  app.post(
    '/password/forgotten',
    {
      schema: {
        summary: 'Wants a letter with a link to a new password. The same answer whether or not there is an account.',
        tags,
        body: Forgotten,
        response: { 202: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await askForReset(desk, request, request.body.email)
      return reply.code(202).send(null)
    },
  )

  app.post(
    '/password/reset',
    {
      schema: {
        summary: 'A new password, by the link in the letter; ends all sessions.',
        tags,
        body: PasswordReset,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await resetPassword(desk, request, request.body)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/email/verification',
    {
      schema: {
        summary: 'Wants a letter with a link that proves one’s own address.',
        tags,
        security,
        response: { 202: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await askForVerification(desk, request)
      return reply.code(202).send(null)
    },
  )

  app.post(
    '/email/verify',
    {
      schema: {
        summary: 'Proves one’s address, by the link in the letter.',
        tags,
        body: Verification,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await verifyEmail(desk, request, request.body.token)
      return reply.code(204).send(null)
    },
  )

  app.post(
    '/email/change',
    {
      schema: {
        summary: 'Another address, by the link in the letter to it. EMAIL_TAKEN when it has another account.',
        tags,
        body: Verification,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await changeEmail(desk, request, request.body.token)
      return reply.code(204).send(null)
    },
  )
}
