import { randomBytes, randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { digestToken, createRefreshTokens } from './refresh-token.ts'

const tokens = createRefreshTokens(randomBytes(32))

describe('a refresh token', () => {
  it('is new for each session, even for the same id', () => {
    const sid = randomUUID()
    expect(tokens.first(sid)).not.toBe(tokens.first(sid))
  })

  it('has one successor, in the same session, on every server with the same secret', () => {
    const secret = randomBytes(32)
    const [here, there] = [createRefreshTokens(secret), createRefreshTokens(secret)]
    const token = here.first('s1')
    const next = here.next(token)
    expect(there.next(token)).toBe(next)
    expect(there.sessionOf(next)).toBe('s1')
    expect(next).not.toBe(token)
    expect(here.next(next)).not.toBe(next)
  })

  it('gives its successor away to no one without the secret', () => {
    const token = tokens.first('s1')
    expect(createRefreshTokens(randomBytes(32)).next(token)).not.toBe(tokens.next(token))
  })

  it('is known by its seal, and only whole', () => {
    const token = tokens.first('s1')
    const [sid, bits, seal] = token.split('.') as [string, string, string]
    expect(tokens.sessionOf(token)).toBe('s1')
    for (const other of [
      `s2.${bits}.${seal}`,
      `${sid}.${bits.slice(1)}.${seal}`,
      `${sid}.${bits}.${seal.slice(1)}`,
      `${sid}.${bits}.`,
      `${sid}.${bits}`,
      `${token}.`,
      `${sid}..${seal}`,
      `${sid}.${bits}.${'é'.repeat(seal.length)}`,
      createRefreshTokens(randomBytes(32)).first('s1'),
      '',
    ])
      expect(tokens.sessionOf(other)).toBeUndefined()
  })

  it('is not told by its digest', () => {
    const token = tokens.first('s1')
    expect(digestToken(token)).toMatch(/^[\w-]{43}$/)
    expect(digestToken(token)).not.toContain(token.split('.')[1])
  })
})
