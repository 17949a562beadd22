import { describe, expect, it } from 'vitest'
import { findLeaks } from './log-leaks.ts'

const logLine = (fields: object): string =>
  JSON.stringify({ level: 30, time: 'now', service: 'x', msg: 'response sent', ...fields })

describe('findLeaks', () => {
  it('finds nothing in a line without personal data', () => {
    const fields = { traceId: 'abc', route: '/orders/:id', userId: '01a', url: 'mongodb://127.0.0.1:27017/a' }
    expect(findLeaks(logLine(fields), { 'the password': 'Tomme' })).toEqual([])
  })

  it.each([
    ['an e-mail address', { to: 'camille@example.test' }],
    ['a token', { err: 'Bearer eyJhbGciOiJFUzI1NiJ9.e30.x' }],
    ['a password hash', { hash: '$argon2id$v=19$m=19456' }],
    ['a private key', { key: '-----BEGIN PRIVATE KEY-----' }],
    ['a password in a URL', { url: 'mongodb://user:pass@127.0.0.1/a' }],
    ['a header with credentials', { headers: { authorization: 'x' } }],
    ['the password', { body: 'Tomme' }],
  ])('finds %s', (leak, fields) => {
    expect(findLeaks(logLine(fields), { 'the password': 'Tomme' })).toContain(leak)
  })

  it('finds injected lines and terminal escape sequences', () => {
    expect(findLeaks('{"level":60,"forged":true}', {})).toEqual(['a line that no service has written'])
    expect(findLeaks('\u001b[2J', {})).toEqual(['an escape sequence', 'a line that no service has written'])
  })
})
