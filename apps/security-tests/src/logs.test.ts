import { expect, it } from 'vitest'
import { faultsIn } from './logs.ts'

const line = (more: object): string =>
  JSON.stringify({ level: 30, time: 'now', service: 'x', msg: 'answered', ...more })

it('a line that tells of no one is well', () => {
  const said = { traceId: 'abc', route: '/orders/:id', userId: '01a', url: 'mongodb://127.0.0.1:27017/a' }
  expect(faultsIn(line(said), { 'the password': 'Tomme' })).toEqual([])
})

it.each([
  ['an e-mail address', { to: 'camille@example.test' }],
  ['a token', { err: 'Bearer eyJhbGciOiJFUzI1NiJ9.e30.x' }],
  ['a hash of a password', { hash: '$argon2id$v=19$m=19456' }],
  ['a private key', { key: '-----BEGIN PRIVATE KEY-----' }],
  ['a password in a URL', { url: 'mongodb://user:pass@127.0.0.1/a' }],
  ['a header that signs', { headers: { authorization: 'x' } }],
  ['the password', { body: 'Tomme' }],
])('%s is found', (what, said) => {
  expect(faultsIn(line(said), { 'the password': 'Tomme' })).toContain(what)
})

it('a line that someone slipped in, and what a terminal obeys, are found', () => {
  expect(faultsIn('{"level":60,"forged":true}', {})).toEqual(['a line that no service writes'])
  expect(faultsIn('\u001b[2J', {})).toEqual(['an escape sequence', 'a line that no service writes'])
})
