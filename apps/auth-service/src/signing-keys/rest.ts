import type { App } from '@halles/fastify-service/app'
import { ProblemDetails } from '@halles/validation/schema'
import { Type } from 'typebox'
import { tags } from '../rest-schema.ts'
import type { SigningKeys } from './signing-keys.ts'

/** How long services may cache the keys, in seconds. */
const MAX_AGE = 300

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

/** The REST route to the public keys, by which other services verify access tokens. */
export function signingKeyRoutes(app: App, signingKeys: Pick<SigningKeys, 'listPublicKeys'>): void {
  app.get(
    '/.well-known/jwks.json',
    {
      schema: {
        summary: 'Lists the public keys by which access tokens are verified (RFC 7517).',
        tags,
        response: { 200: Jwks, '5xx': ProblemDetails },
      },
    },
    async (_request, reply) => {
      reply.header('cache-control', `public, max-age=${MAX_AGE}`)
      return { keys: await signingKeys.listPublicKeys() }
    },
  )
}
