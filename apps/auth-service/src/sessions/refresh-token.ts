import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** The SHA-256 digest under which a token is stored: enough to recognize the token, not enough to use it. */
export const digestToken = (token: string): string => createHash('sha256').update(token).digest('base64url')

export type RefreshTokens = ReturnType<typeof createRefreshTokens>

/**
 * Creates the issuer of refresh tokens, `<session id>.<256 bits>.<signature>`, opaque to clients.
 *
 * The first token of a session is random. Each next one is derived from the one before by HMAC, so the same token always has
 * the same successor, and no successor has to be stored. The signature (an HMAC) proves, before the database is asked, that
 * this server issued a token: a forged one can neither end a session nor cost a query.
 */
export function createRefreshTokens(secret: Buffer) {
  // `next` and `seal` separate the domains of the two HMACs. They are part of issued tokens and must not change.
  const hmac = (domain: 'next' | 'seal', text: string): string =>
    createHmac('sha256', secret).update(`${domain}:${text}`).digest('base64url')
  const sign = (sid: string, bits: string): string => `${sid}.${bits}.${hmac('seal', `${sid}.${bits}`)}`

  return {
    /** Creates the first token of a session. */
    createFirst: (sid: string): string => sign(sid, randomBytes(32).toString('base64url')),

    /** Derives the successor of a token that `findSessionId` accepts. */
    deriveNext: (token: string): string => sign(token.split('.', 1)[0]!, hmac('next', token)),

    /** The id of the session that a token was issued for; undefined when this server did not issue it. */
    findSessionId(token: string): string | undefined {
      const [sid, bits, signature, ...rest] = token.split('.')
      if (!sid || !bits || !signature || rest.length > 0) return undefined
      const expected = Buffer.from(hmac('seal', `${sid}.${bits}`))
      const given = Buffer.from(signature)
      return given.length === expected.length && timingSafeEqual(given, expected) ? sid : undefined
    },
  }
}
