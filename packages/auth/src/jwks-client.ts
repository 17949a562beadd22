import { createRemoteJWKSet, errors, exportSPKI } from 'jose'
import { AppError } from '@halles/errors/app-error'

/** Finds the public key with this id, as PEM; undefined when there is none. */
export type FindPublicKey = (kid: string) => Promise<string | undefined>

/** How long a key is cached, in milliseconds. */
const CACHE_TTL = 5 * 60_000

/**
 * Creates a client of the public keys that auth-service serves at `url` (JWKS, RFC 7517). A cached key remains valid while
 * auth-service is unavailable. Unknown key ids are looked up at most every 2 seconds.
 *
 * @throws AppError `UNAVAILABLE` when auth-service does not answer and the key is not cached
 */
export function createJwksClient(url: string, now: () => number = Date.now): FindPublicKey {
  const remote = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: CACHE_TTL,
    cooldownDuration: 2000,
    timeoutDuration: 2000,
  })
  const cache = new Map<string, { pem: string; at: number }>()
  return async (kid) => {
    const cached = cache.get(kid)
    if (cached && now() - cached.at < CACHE_TTL) return cached.pem
    try {
      const pem = await exportSPKI(await remote({ alg: 'ES256', kid }))
      cache.set(kid, { pem, at: now() })
      return pem
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) {
        cache.delete(kid)
        return undefined
      }
      if (cached) return cached.pem
      throw new AppError('UNAVAILABLE', 'Access tokens cannot be verified right now.', { cause: error })
    }
  }
}
