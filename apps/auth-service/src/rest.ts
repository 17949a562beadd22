import type { App } from '@halles/service/app'
import { PageView, pageView } from '@halles/service/page'
import { admin, signedIn } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import { Revoked } from '@halles/service/revocations'
import { Closed, Moment, Nullable, Problem } from '@halles/service/schema'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { clearCookie, keepInCookie, tokenInCookie } from './cookie.ts'
import { Forgotten, PasswordReset, Verification } from './account-link.ts'
import { askForReset, askForVerification } from './ask-for-link.ts'
import { changePassword } from './change-password.ts'
import { deleteAccount } from './delete-account.ts'
import type { Desk } from './desk.ts'
import { endAllSessions, endSession } from './end-sessions.ts'
import type { Keys } from './keys.ts'
import { logIn } from './log-in.ts'
import { logOut } from './log-out.ts'
import { changeRole, setActive } from './manage-users.ts'
import { readRevocations } from './read-revocations.ts'
import { readSecurityLog } from './read-security-log.ts'
import { readSessions } from './read-sessions.ts'
import { readMyData } from './read-my-data.ts'
import { readMe, readUser, searchUsers } from './read-users.ts'
import { refreshSession } from './refresh-session.ts'
import { register } from './register.ts'
import { EventSearch, EventView, eventView } from './security-event.ts'
import {
  Holding,
  OpenSessionView,
  openSessionView,
  SessionSearch,
  SessionsOf,
  SessionView,
  sessionView,
  type Session,
} from './session.ts'
import {
  ActiveChange,
  CredentialsBody,
  Deletion,
  PasswordChange,
  RegistrationBody,
  RoleChange,
  UserSearch,
  UserView,
  userView,
} from './user.ts'
import { resetPassword, verifyEmail } from './use-link.ts'

const problems = { '4xx': Problem, '5xx': Problem }

const ById = Closed({ id: Type.String({ minLength: 1, maxLength: 512 }) })

// Who asks matters before what.
const isSignedIn = async ({ person }: FastifyRequest): Promise<void> => void signedIn(person)
const isAdmin = async ({ person }: FastifyRequest): Promise<void> => void admin(person)

/** How long a list of keys may be kept, in seconds: services ask again at least this often. */
const KEYS_FRESH_FOR = 300

const Jwks = Type.Object(
  {
    keys: Type.Array(
      Type.Object({
        kid: Type.String({ description: 'The thumbprint of the key (RFC 7638)' }),
        kty: Type.String(),
        crv: Type.String(),
        x: Type.String(),
        y: Type.String(),
        alg: Type.String(),
        use: Type.String(),
      }),
    ),
  },
  { title: 'Jwks' },
)

const MyData = Type.Object(
  {
    exportedAt: Moment,
    user: UserView,
    sessions: Type.Array(OpenSessionView),
    securityLog: Type.Array(EventView),
  },
  { title: 'MyData' },
)

/** The REST face of auth-service. */
export function rest(app: App, desk: Desk, keys: Pick<Keys, 'published'>): void {
  const tags = ['auth']
  const security = [{ bearer: [] }]

  /** Answers a session, its refresh token in the body or in the cookie. */
  const answer = (reply: FastifyReply, session: Session, inCookie: boolean) => {
    if (inCookie) keepInCookie(reply, session.refreshToken, desk.sessionLife / 1000)
    reply.header('cache-control', 'no-store')
    return sessionView(session, inCookie)
  }

  app.post(
    '/register',
    {
      schema: {
        summary: 'Opens an account and signs in. EMAIL_TAKEN when the address has one, whatever its case.',
        tags,
        body: RegistrationBody,
        response: { 201: SessionView, ...problems },
      },
    },
    async (request, reply) => {
      const { cookie = false, ...wish } = request.body
      reply.code(201)
      return answer(reply, await register(desk, request, wish), cookie)
    },
  )

  app.post(
    '/login',
    {
      schema: {
        summary: 'Signs in. INVALID_CREDENTIALS, the same for an unknown address and a wrong password.',
        tags,
        body: CredentialsBody,
        response: { 200: SessionView, ...problems },
      },
    },
    async (request, reply) => {
      const { cookie = false, ...credentials } = request.body
      return answer(reply, await logIn(desk, request, credentials), cookie)
    },
  )

  app.post(
    '/refresh',
    {
      schema: {
        summary: 'Gives the next session for a refresh token, from the body or else from the cookie.',
        tags,
        body: Nullable(Holding),
        response: { 200: SessionView, ...problems },
      },
    },
    async (request, reply) => {
      const { token, inCookie } = presented(request)
      if (token === undefined) throw new Refusal('UNAUTHENTICATED', 'There is no session here: sign in first.')
      return answer(reply, await refreshSession(desk, request, token), inCookie)
    },
  )

  app.post(
    '/logout',
    {
      schema: {
        summary: 'Ends the session of a refresh token, from the body or else from the cookie, if it still lives.',
        tags,
        body: Nullable(Holding),
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      const { token, inCookie } = presented(request)
      if (token !== undefined) await logOut(desk, request, token)
      if (inCookie) clearCookie(reply)
      return reply.code(204).send(null)
    },
  )

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
    async ({ person }, reply) => {
      const { user, sessions, securityLog } = await readMyData(desk, person)
      reply.header('cache-control', 'no-store')
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

  app.get(
    '/sessions',
    {
      schema: {
        summary: 'The sessions that are open, newest first: one’s own, or as an admin those of `userId`.',
        tags,
        security,
        querystring: SessionSearch,
        response: { 200: PageView(OpenSessionView, 'OpenSessionPage'), ...problems },
      },
      preValidation: isSignedIn,
    },
    async ({ person, query }) => pageView(await readSessions(desk, person, query), openSessionView),
  )

  app.delete(
    '/sessions',
    {
      schema: {
        summary: 'Signs out everywhere, here too: oneself, or as an admin `userId`.',
        tags,
        security,
        querystring: Closed(SessionsOf),
        response: { 204: Type.Null(), ...problems },
      },
      preValidation: isSignedIn,
    },
    async (request, reply) => {
      await endAllSessions(desk, request, request.query.userId)
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/sessions/:id',
    {
      schema: {
        summary: 'Ends one session: one’s own, or as an admin anyone’s.',
        tags,
        security,
        params: ById,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await endSession(desk, request, request.params.id)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/users',
    {
      schema: {
        summary: 'All users, newest first, for admins. `search` is of beginnings of words of name and e-mail.',
        tags,
        security,
        querystring: UserSearch,
        response: { 200: PageView(UserView, 'UserPage'), ...problems },
      },
      preValidation: isAdmin,
    },
    async ({ person, query }) => pageView(await searchUsers(desk, person, query), userView),
  )

  app.get(
    '/users/:id',
    {
      schema: {
        summary: 'A user, for themselves or an admin.',
        tags,
        security,
        params: ById,
        response: { 200: UserView, ...problems },
      },
    },
    async ({ person, params }) => userView(await readUser(desk, person, params.id)),
  )

  app.put(
    '/users/:id/role',
    {
      schema: {
        summary: 'Makes another user an admin, or an admin a user: for admins.',
        tags,
        security,
        params: ById,
        body: RoleChange,
        response: { 200: UserView, ...problems },
      },
      preValidation: isAdmin,
    },
    async (request) => userView(await changeRole(desk, request, request.params.id, request.body.role)),
  )

  app.put(
    '/users/:id/active',
    {
      schema: {
        summary: 'Closes the account of another user, which ends their sessions, or opens it again: for admins.',
        tags,
        security,
        params: ById,
        body: ActiveChange,
        response: { 200: UserView, ...problems },
      },
      preValidation: isAdmin,
    },
    async (request) => userView(await setActive(desk, request, request.params.id, request.body.active)),
  )

  app.get(
    '/security-log',
    {
      schema: {
        summary: 'What happened to accounts, newest first, for admins.',
        tags,
        security,
        querystring: EventSearch,
        response: { 200: PageView(EventView, 'SecurityEventPage'), ...problems },
      },
      preValidation: isAdmin,
    },
    async ({ person, query }) => pageView(await readSecurityLog(desk, person, query), eventView),
  )

  app.get(
    '/revocations',
    {
      schema: {
        summary:
          'For services: which access tokens are no good any more before they end. Not passed on by the gateway.',
        tags,
        querystring: Closed({ since: Type.Optional(Type.Integer({ minimum: 0 })) }),
        response: { 200: Revoked, ...problems },
      },
    },
    async ({ query }, reply) => {
      reply.header('cache-control', 'no-store')
      return readRevocations(desk, query.since)
    },
  )

  app.get(
    '/.well-known/jwks.json',
    {
      schema: {
        summary: 'The public keys that access tokens are checked with (RFC 7517).',
        tags,
        response: { 200: Jwks, '5xx': Problem },
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${KEYS_FRESH_FOR}`)
      return { keys: await keys.published() }
    },
  )
}

/** The refresh token that a request brings: in its body or, without a body, in its cookie. */
function presented(request: FastifyRequest<{ Body: { refreshToken: string } | null }>) {
  return request.body
    ? { token: request.body.refreshToken, inCookie: false }
    : { token: tokenInCookie(request), inCookie: true }
}
