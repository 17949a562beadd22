import type { App } from '@halles/service/app'
import { Revoked } from '@halles/service/revocations'
import { Closed, Problem } from '@halles/service/schema'
import { Type } from 'typebox'
import type { Desk } from './desk.ts'
import type { Keys } from './keys.ts'
import { readRevocations } from './read-revocations.ts'
import { problems, tags } from './route.ts'

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

/** What other services check access tokens by: REST's routes to keys, and to what was revoked. */
export function serviceRoutes(app: App, desk: Desk, keys: Pick<Keys, 'published'>): void {
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
