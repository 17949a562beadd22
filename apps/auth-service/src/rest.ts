import type { App } from '@halles/service/app'
import { Refusal } from '@halles/service/refusal'
import { Nullable, Problem } from '@halles/service/schema'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { clearCookie, keepInCookie, tokenInCookie } from './cookie.ts'
import type { Desk } from './desk.ts'
import type { Keys } from './keys.ts'
import { logIn } from './log-in.ts'
import { logOut } from './log-out.ts'
import { readMe } from './read-users.ts'
import { refreshSession } from './refresh-session.ts'
import { register } from './register.ts'
import { Holding, SessionView, sessionView, type Session } from './session.ts'
import { CredentialsBody, RegistrationBody, UserView, userView } from './user.ts'

const problems = { '4xx': Problem, '5xx': Problem }

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

/** The REST face of auth-service. */
export function rest(app: App, desk: Desk, keys: Pick<Keys, 'published'>): void {
  const tags = ['auth']

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
    async ({ client, body: { cookie = false, ...wish } }, reply) => {
      reply.code(201)
      return answer(reply, await register(desk, client, wish), cookie)
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
    async ({ client, body: { cookie = false, ...credentials } }, reply) =>
      answer(reply, await logIn(desk, client, credentials), cookie),
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
      return answer(reply, await refreshSession(desk, token), inCookie)
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
      if (token !== undefined) await logOut(desk, token)
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
        security: [{ bearer: [] }],
        response: { 200: UserView, ...problems },
      },
    },
    async ({ person }) => userView(await readMe(desk, person)),
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
