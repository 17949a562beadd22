import { randomBytes, randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { digestToken, createRefreshTokens } from './refresh-token.ts'

const tokens = createRefreshTokens(randomBytes(32))

describe('createRefreshTokens', () => {
  it('creates a new first token on each call, even for the same session id', () => {
    const sid = randomUUID()
    expect(tokens.createFirst(sid)).not.toBe(tokens.createFirst(sid))
  })

  it('derives one successor, in the same session, on every server with the same secret', () => {
    const secret = randomBytes(32)
    const [one, other] = [createRefreshTokens(secret), createRefreshTokens(secret)]
    const token = one.createFirst('s1')
    const next = one.deriveNext(token)
    expect(other.deriveNext(token)).toBe(next)
    expect(other.findSessionId(next)).toBe('s1')
    expect(next).not.toBe(token)
    expect(one.deriveNext(next)).not.toBe(next)
  })

  it('derives another successor with another secret', () => {
    const token = tokens.createFirst('s1')
    expect(createRefreshTokens(randomBytes(32)).deriveNext(token)).not.toBe(tokens.deriveNext(token))
  })

  it('accepts an unmodified token by its signature, and no other', () => {
    const token = tokens.createFirst('s1')
    const [sid, bits, signature] = token.split('.') as [string, string, string]
    expect(tokens.findSessionId(token)).toBe('s1')
    for (const other of [
      `s2.${bits}.${signature}`,
      `${sid}.${bits.slice(1)}.${signature}`,
      `${sid}.${bits}.${signature.slice(1)}`,
      `${sid}.${bits}.`,
      `${sid}.${bits}`,
      `${token}.`,
      `${sid}..${signature}`,
      `${sid}.${bits}.${'é'.repeat(signature.length)}`,
      createRefreshTokens(randomBytes(32)).createFirst('s1'),
      '',
    ])
      expect(tokens.findSessionId(other)).toBeUndefined()
  })
})

describe('digestToken', () => {
  it('returns a SHA-256 digest, which does not contain the token', () => {
    const token = tokens.createFirst('s1')
    expect(digestToken(token)).toMatch(/^[\w-]{43}$/)
    expect(digestToken(token)).not.toContain(token.split('.')[1])
  })
})
