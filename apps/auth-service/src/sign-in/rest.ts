import type { App } from '@halles/fastify-service/app'
import { AppError } from '@halles/errors/app-error'
import { Nullable } from '@halles/validation/schema'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { register } from '../accounts/register.ts'
import { CredentialsBody, RegistrationBody } from '../accounts/user.ts'
import type { AppDeps } from '../deps.ts'
import { problems, tags } from '../rest-schema.ts'
import { refreshSession } from '../sessions/refresh-session.ts'
import { RefreshTokenInput, SessionView, toSessionView, type Session } from '../sessions/session.ts'
import { logIn } from './log-in.ts'
import { logOut } from './log-out.ts'
import { clearRefreshCookie, readRefreshCookie, setRefreshCookie } from './refresh-cookie.ts'

/** The REST routes that start, refresh and end a session. */
export function signInRoutes(app: App, deps: AppDeps): void {
  /** Builds a response with a session, its refresh token in the body or in the cookie. */
  const sendSession = (reply: FastifyReply, session: Session, inCookie: boolean) => {
    if (inCookie) setRefreshCookie(reply, session.refreshToken, deps.sessionLifetime / 1000)
    reply.header('cache-control', 'no-store')
    return toSessionView(session, inCookie)
  }

  app.post(
    '/register',
    {
      schema: {
        summary:
          'Creates an account and signs in. EMAIL_TAKEN when the address already has an account, regardless of case.',
        tags,
        body: RegistrationBody,
        response: { 201: SessionView, ...problems },
      },
    },
    async (request, reply) => {
      const { cookie = false, ...input } = request.body
      reply.code(201)
      return sendSession(reply, await register(deps, request, input), cookie)
    },
  )

  app.post(
    '/login',
    {
      schema: {
        summary: 'Signs in. INVALID_CREDENTIALS for an unknown address as for a wrong password.',
        tags,
        body: CredentialsBody,
        response: { 200: SessionView, ...problems },
      },
    },
    async (request, reply) => {
      const { cookie = false, ...credentials } = request.body
      return sendSession(reply, await logIn(deps, request, credentials), cookie)
    },
  )

  app.post(
    '/refresh',
    {
      schema: {
        summary: 'Exchanges a refresh token, from the body or else from the cookie, for new tokens.',
        tags,
        body: Nullable(RefreshTokenInput),
        response: { 200: SessionView, ...problems },
      },
    },
    async (request, reply) => {
      const { token, inCookie } = readRefreshToken(request)
      if (token === undefined) throw new AppError('UNAUTHENTICATED', 'There is no session: sign in first.')
      return sendSession(reply, await refreshSession(deps, request, token), inCookie)
    },
  )

  app.post(
    '/logout',
    {
      schema: {
        summary: 'Ends the session of a refresh token, from the body or else from the cookie, if it is still open.',
        tags,
        body: Nullable(RefreshTokenInput),
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      const { token, inCookie } = readRefreshToken(request)
      if (token !== undefined) await logOut(deps, request, token)
      if (inCookie) clearRefreshCookie(reply)
      return reply.code(204).send(null)
    },
  )
}

/** Reads the refresh token of a request from the body or, without a body, from the cookie. */
function readRefreshToken(request: FastifyRequest<{ Body: { refreshToken: string } | null }>) {
  return request.body
    ? { token: request.body.refreshToken, inCookie: false }
    : { token: readRefreshCookie(request), inCookie: true }
}
