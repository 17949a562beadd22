import { createRemoteJWKSet, errors, exportSPKI } from 'jose'
import { Refusal } from './refusal.ts'

/** Finds the public key with this id, as a PEM; undefined when there is none. */
export type KeyOf = (kid: string) => Promise<string | undefined>

/** How long a key is used before auth-service is asked again, in milliseconds. */
const FRESH_FOR = 5 * 60_000

/**
 * The public keys that auth-service serves at `url` (a JWKS, RFC 7517). A key once seen goes on being used while
 * auth-service is away; an id never seen is asked for, at most every 2 seconds.
 *
 * @throws Refusal `UNAVAILABLE` when a key was never seen and auth-service does not answer.
 */
export function keysAt(url: string, now: () => number = Date.now): KeyOf {
  const remote = createRemoteJWKSet(new URL(url), {
    cacheMaxAge: FRESH_FOR,
    cooldownDuration: 2000,
    timeoutDuration: 2000,
  })
  const seen = new Map<string, { pem: string; at: number }>()
  return async (kid) => {
    const known = seen.get(kid)
    if (known && now() - known.at < FRESH_FOR) return known.pem
    try {
      const pem = await exportSPKI(await remote({ alg: 'ES256', kid }))
      seen.set(kid, { pem, at: now() })
      return pem
    } catch (error) {
      if (error instanceof errors.JWKSNoMatchingKey) {
        seen.delete(kid)
        return undefined
      }
      if (known) return known.pem
      throw new Refusal('UNAVAILABLE', 'Tokens cannot be checked right now.', { cause: error })
    }
  }
}
