import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** What is kept of a refresh token: enough to know it again, not enough to use it. */
export const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64url')

export type RefreshTokens = ReturnType<typeof refreshTokensUnder>

/**
 * Refresh tokens under a secret of the server: `<session>.<256 bits>.<seal>`, opaque to clients.
 *
 * The first of a session is random. Each next one is derived from the one before, so that whoever presents the same
 * token gets the same successor, and no successor has to be kept. The seal tells, before any database is asked, that a
 * token was once given out here: a made-up one can neither end a session nor cost a look-up.
 */
export function refreshTokensUnder(secret: Buffer) {
  const mac = (purpose: 'next' | 'seal', text: string): string =>
    createHmac('sha256', secret).update(`${purpose}:${text}`).digest('base64url')
  const sealed = (sid: string, bits: string): string => `${sid}.${bits}.${mac('seal', `${sid}.${bits}`)}`

  return {
    first: (sid: string): string => sealed(sid, randomBytes(32).toString('base64url')),

    /** The successor of a token that `sessionOf` knows. */
    next: (token: string): string => sealed(token.split('.', 1)[0]!, mac('next', token)),

    /** The session that a token was given out for; undefined when it was not given out here. */
    sessionOf(token: string): string | undefined {
      const [sid, bits, seal, ...rest] = token.split('.')
      if (!sid || !bits || !seal || rest.length > 0) return undefined
      const expected = Buffer.from(mac('seal', `${sid}.${bits}`))
      const given = Buffer.from(seal)
      return given.length === expected.length && timingSafeEqual(given, expected) ? sid : undefined
    },
  }
}
