import { createServiceApp, type App } from '@halles/fastify-service/app'
import { createJwksClient } from '@halles/auth/jwks-client'
import { requirePrincipal } from '@halles/auth/principal'
import { createRevocationClient } from '@halles/auth/revocations'
import type { Settings } from '../src/config.ts'

/**
 * Creates another service, which knows only the address of auth-service. Its route `GET /me` returns the principal.
 *
 * @param pollsRevocations whether it also rejects revoked tokens before they expire
 */
export async function createPeerService(
  authUrl: string,
  { JWT_ISSUER, JWT_AUDIENCE }: Settings,
  { pollsRevocations = false } = {},
): Promise<App> {
  const jwksUrl = `${authUrl}/.well-known/jwks.json`
  const app = await createServiceApp({
    name: 'peer-service',
    logLevel: 'silent',
    findPublicKey: createJwksClient(jwksUrl),
    ...(pollsRevocations && { revocations: createRevocationClient(jwksUrl) }),
    issuer: JWT_ISSUER,
    audience: JWT_AUDIENCE,
    readinessChecks: {},
  })
  app.get('/me', async (request) => requirePrincipal(request.principal))
  return app
}
