import fastifyJwt, { type TokenOrHeader } from '@fastify/jwt'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { decodeProtectedHeader } from 'jose'
import { LRUCache } from 'lru-cache'
import type { FindPublicKey } from './jwks-client.ts'
import { ACCESS_TOKEN_TYPE, Claims, type Principal } from './principal.ts'
import { AppError } from '@halles/errors/app-error'
import { MAX_ACCESS_TOKEN_SECONDS, type Revocations } from './revocations.ts'
import { createParser } from '@halles/validation/schema'

declare module 'fastify' {
  interface FastifyRequest {
    /** The principal of the access token; undefined without a token. A request with an invalid token is answered 401. */
    principal: Principal | undefined
    /** Whether its access token is still valid: neither expired nor revoked since. Always true without a token. */
    isTokenValid: () => boolean
  }
}

/** Which access tokens are accepted. */
export type TokenVerification = {
  /** Finds the public key that signed a token. */
  findPublicKey: FindPublicKey
  issuer: string
  audience: string
  /** Access tokens that were revoked before they expired. */
  revocations?: Revocations | undefined
}

/** How far the clocks of two services may differ, in milliseconds. */
const CLOCK_LEEWAY = 60_000

type VerifiedToken = { principal: Principal; version: number; kid: string; expiresAt: number }

/**
 * Verifies the bearer token of every request that has one, by @fastify/jwt, and sets the request's principal. A verified
 * token is cached until it expires: checking a signature takes about 0.1 ms. A token that was issued for longer than
 * auth-service issues tokens for is invalid, so that one signed with a stolen key does not outlive the key (RFC 8725, 3.9).
 *
 * A request with an invalid, expired or revoked token is rejected with AppError `UNAUTHENTICATED`, whatever its route.
 */
export async function verifyAccessTokens(
  app: FastifyInstance,
  { findPublicKey, issuer, audience, revocations }: TokenVerification,
): Promise<void> {
  const readClaims = createParser(Claims)
  app.decorateRequest('principal', undefined)
  app.decorateRequest('isTokenValid', () => true)
  const verified = new LRUCache<string, VerifiedToken>({ max: 5000 })

  await app.register(fastifyJwt, {
    secret: async (_request: FastifyRequest, token: TokenOrHeader) => {
      const kid = 'header' in token ? token.header['kid'] : undefined
      const key = typeof kid === 'string' ? await findPublicKey(kid) : undefined
      if (!key) throw new AppError('UNAUTHENTICATED', 'This token was signed with an unknown key.')
      return key
    },
    decode: { complete: true },
    verify: {
      algorithms: ['ES256'],
      checkTyp: ACCESS_TOKEN_TYPE,
      allowedIss: issuer,
      allowedAud: audience,
      requiredClaims: ['exp', 'iat', 'iss', 'aud'],
    },
  })

  app.addHook('onRequest', async (request) => {
    const header = request.headers.authorization
    if (header === undefined) return
    const token = verified.get(header) ?? (await verify(request, header))
    const { version, kid, expiresAt } = token
    const { id, sid } = token.principal
    const isRevoked = (): boolean => revocations?.isRevoked({ id, sid, version, kid }) ?? false
    if (isRevoked()) throw new AppError('UNAUTHENTICATED', 'This access token was revoked: sign in again.')
    request.principal = token.principal
    request.isTokenValid = () => Date.now() < expiresAt && !isRevoked()
  })

  const parseClaims = (claims: unknown): Claims => {
    try {
      return readClaims(claims)
    } catch (error) {
      throw new AppError('UNAUTHENTICATED', 'The claims of this access token are invalid.', { cause: error })
    }
  }

  const maxLifetime = (): number => revocations?.maxTokenLifetime() ?? MAX_ACCESS_TOKEN_SECONDS * 1000 + CLOCK_LEEWAY

  const verify = async (request: FastifyRequest, header: string): Promise<VerifiedToken> => {
    const claims = await request.jwtVerify<Claims & { exp: number; iat: number }>()
    const { sub, role, name, email, locale, sid, ver = 0 } = parseClaims(claims)
    const ttl = claims.exp * 1000 - Date.now()
    // Both: an `iat` in the future would allow any `exp`.
    if ((claims.exp - claims.iat) * 1000 > maxLifetime() || ttl > maxLifetime())
      throw new AppError('UNAUTHENTICATED', 'This access token is valid for longer than any that this shop issues.')
    const { kid } = decodeProtectedHeader(header.slice(header.lastIndexOf(' ') + 1))
    const principal = { id: sub, role, name, email, locale, sid }
    const token = { principal, version: ver, kid: kid!, expiresAt: claims.exp * 1000 }
    if (ttl > 0) verified.set(header, token, { ttl })
    return token
  }

  if (!revocations) return
  app.addHook('onReady', () => revocations.start(app.log))
  app.addHook('onClose', async () => revocations.stop())
}
