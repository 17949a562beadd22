import { serviceApp, type App } from '@halles/service/app'
import { keysAt } from '@halles/service/keys'
import { signedIn } from '@halles/service/person'
import { revocationsAt } from '@halles/service/revocations'
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
  const app = await serviceApp({
    name: 'peer-service',
    logLevel: 'silent',
    keyOf: keysAt(jwksUrl),
    ...(pollsRevocations && { revocations: revocationsAt(jwksUrl) }),
    issuer: JWT_ISSUER,
    audience: JWT_AUDIENCE,
    needs: {},
  })
  app.get('/me', async (request) => signedIn(request.person))
  return app
}
