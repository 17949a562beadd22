import { expect, it } from 'vitest'
import { parseAccountDeletion } from './account-deletions.ts'

const event = {
  specversion: '1.0',
  id: '0199a1c3-2222-7aaa-8bbb-000000000002',
  source: '/auth-service',
  type: 'account.deleted',
  subject: 'u-1',
  time: '2026-11-24T08:30:00.000Z',
  datacontenttype: 'application/json',
  data: { user: { id: 'u-1' } },
}

it('parseAccountDeletion parses an event, and keeps fields of a later version', () => {
  const later = { ...event, data: { ...event.data, reason: 'none' } }
  expect(parseAccountDeletion(JSON.stringify(later))).toEqual(later)
})

it.each([
  ['{', 'not JSON'],
  ['null', 'not a deletion of an account'],
  [JSON.stringify({ ...event, type: 'account.password-changed' }), '/type'],
  [JSON.stringify({ ...event, data: {} }), '/data'],
  [JSON.stringify({ ...event, subject: 'u-2' }), 'subject is not the id of the user'],
])('parseAccountDeletion rejects %s with %s', (text, message) =>
  expect(() => parseAccountDeletion(text)).toThrow(message),
)
