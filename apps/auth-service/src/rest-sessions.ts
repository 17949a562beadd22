import type { App } from '@halles/service/app'
import { PageView, pageView } from '@halles/service/page'
import { Closed } from '@halles/service/schema'
import { Type } from 'typebox'
import type { Desk } from './desk.ts'
import { endAllSessions, endSession } from './end-sessions.ts'
import { readSessions } from './read-sessions.ts'
import { ById, isSignedIn, problems, security, tags } from './route.ts'
import { OpenSessionView, openSessionView, SessionSearch, SessionsOf } from './session.ts'

/** REST's routes to the sessions that are open. */
export function sessionRoutes(app: App, desk: Desk): void {
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
}
