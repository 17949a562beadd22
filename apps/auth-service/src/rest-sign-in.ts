import type { App } from '@halles/service/app'
import { Refusal } from '@halles/service/refusal'
import { Nullable } from '@halles/service/schema'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { clearCookie, keepInCookie, tokenInCookie } from './cookie.ts'
import type { Desk } from './desk.ts'
import { logIn } from './log-in.ts'
import { logOut } from './log-out.ts'
import { refreshSession } from './refresh-session.ts'
import { register } from './register.ts'
import { problems, tags } from './route.ts'
import { Holding, SessionView, sessionView, type Session } from './session.ts'
import { CredentialsBody, RegistrationBody } from './user.ts'

/** How one comes in and goes out: REST's routes by which sessions begin, go on and end. */
export function signInRoutes(app: App, desk: Desk): void {
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
}

/** The refresh token that a request brings: in its body or, without a body, in its cookie. */
function presented(request: FastifyRequest<{ Body: { refreshToken: string } | null }>) {
  return request.body
    ? { token: request.body.refreshToken, inCookie: false }
    : { token: tokenInCookie(request), inCookie: true }
}
