import type { App } from '@halles/fastify-service/app'
import { PageView, toPageView } from '@halles/validation/page'
import { RevocationList } from '@halles/auth/revocations'
import { ClosedObject } from '@halles/validation/schema'
import { Type } from 'typebox'
import type { AppDeps } from '../deps.ts'
import { ById, problems, requireSignIn, security, tags } from '../rest-schema.ts'
import type { SigningKeys } from '../signing-keys/signing-keys.ts'
import { endAllSessions, endSession } from './end-sessions.ts'
import { readRevocations } from './read-revocations.ts'
import { readSessions } from './read-sessions.ts'
import { OpenSessionView, sessionOwner, SessionSearch, toOpenSessionView } from './session.ts'

/** The REST routes to open sessions and, for other services, to revocations. */
export function sessionRoutes(app: App, deps: AppDeps, signingKeys: Pick<SigningKeys, 'readRevokedKeys'>): void {
  app.get(
    '/sessions',
    {
      schema: {
        summary: 'Lists the open sessions of the user, or for admins those of `userId`, newest first.',
        tags,
        security,
        querystring: SessionSearch,
        response: { 200: PageView(OpenSessionView, 'OpenSessionPage'), ...problems },
      },
      preValidation: requireSignIn,
    },
    async (request) => toPageView(await readSessions(deps, request.principal, request.query), toOpenSessionView),
  )

  app.delete(
    '/sessions',
    {
      schema: {
        summary: 'Ends all sessions of the user, this one included, or for admins those of `userId`.',
        tags,
        security,
        querystring: ClosedObject(sessionOwner),
        response: { 204: Type.Null(), ...problems },
      },
      preValidation: requireSignIn,
    },
    async (request, reply) => {
      await endAllSessions(deps, request, request.query.userId)
      return reply.code(204).send(null)
    },
  )

  app.delete(
    '/sessions/:id',
    {
      schema: {
        summary: 'Ends a session of the user, or for admins any session.',
        tags,
        security,
        params: ById,
        response: { 204: Type.Null(), ...problems },
      },
    },
    async (request, reply) => {
      await endSession(deps, request, request.params.id)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/revocations',
    {
      schema: {
        summary:
          'Lists the access tokens that were revoked before they expire. For services: the gateway does not forward it.',
        tags,
        querystring: ClosedObject({ since: Type.Optional(Type.Integer({ minimum: 0 })) }),
        response: { 200: RevocationList, ...problems },
      },
    },
    async (request, reply) => {
      reply.header('cache-control', 'no-store')
      return readRevocations({ ...deps, signingKeys }, request.query.since)
    },
  )
}
