import { describe, expect, it } from 'vitest'
import { isMailable, messageIdOf, oneLine, ownerFor, pauseAfter, setback } from './letter.ts'

const now = new Date('2026-11-24T08:30:00.000Z')
const hour = 3600_000

describe('the pause before another try', () => {
  it.each([
    [1, 10_000],
    [2, 20_000],
    [5, 160_000],
    [9, 2_560_000],
    [10, hour],
    [200, hour],
  ])('after %i failures is at most %i ms, and half of that at least', (failures, most) => {
    expect(pauseAfter(failures, 1, () => 1)).toBe(most)
    expect(pauseAfter(failures, 1, () => 0)).toBe(most / 2)
    expect(pauseAfter(failures, 0.01, () => 1)).toBe(most / 100)
  })
})

describe('a try in vain', () => {
  const letter = { failures: 2, since: new Date(now.getTime() - hour) }

  it('is repeated later when it may help', () => {
    const after = setback(letter, { result: 'later', reason: 'slow' }, now, 1)
    expect(after).toMatchObject({ status: 'PENDING', failures: 3, lastError: 'slow' })
    expect(after.nextAttemptAt.getTime() - now.getTime()).toBeGreaterThanOrEqual(20_000)
  })

  it('is the last one when the mail server refuses for good', () => {
    expect(setback(letter, { result: 'refused', reason: 'no' }, now, 1).status).toBe('FAILED')
  })

  it('is the last one after a day, however often it was', () => {
    const since = (hours: number) => ({ failures: 30, since: new Date(now.getTime() - hours * hour) })
    const later = { result: 'later', reason: 'away' } as const
    expect(setback(since(22.9), later, now, 1).status).toBe('PENDING')
    expect(setback(since(24), later, now, 1).status).toBe('FAILED')
    expect(setback(since(0.24), later, now, 0.01).status).toBe('FAILED')
  })

  it('comes to a few dozen tries in a day', () => {
    let tries = { status: 'PENDING', failures: 0, since: now, at: now }
    while (tries.status === 'PENDING') {
      const { status, failures, nextAttemptAt } = setback(tries, { result: 'later', reason: '' }, tries.at, 1)
      tries = { ...tries, status, failures, at: nextAttemptAt }
    }
    expect(tries.failures).toBeGreaterThan(25)
    expect(tries.failures).toBeLessThan(60)
  })
})

describe('the Message-ID', () => {
  const eventId = '0199a1c3-2222-7aaa-8bbb-000000000002.2'

  it('is the event id, so that a repeat is known as one, and another for each copy', () => {
    expect(messageIdOf({ eventId, copy: 0 }, 'halles.example')).toBe(`${eventId}@halles.example`)
    expect(messageIdOf({ eventId, copy: 3 }, 'halles.example')).toBe(`${eventId}.3@halles.example`)
  })

  it.each(['a b', 'a>\r\nBcc: x@y', '', 'é', '.a', 'a..b', 'x'.repeat(500)])('is well-formed for the id %j', (id) => {
    expect(messageIdOf({ eventId: id, copy: 0 }, 'halles.example')).toMatch(/^[0-9a-f]{64}@halles\.example$/)
    expect(messageIdOf({ eventId: id, copy: 0 }, 'h.example')).not.toBe(
      messageIdOf({ eventId: `${id}!`, copy: 0 }, 'h.example'),
    )
  })
})

it.each(['a@b.fr', 'robin.o+neil@example.test', "o'neil@example.test", 'élise@exemple.fr', 'a@münchen.de'])(
  'writes to %s',
  (address) => expect(isMailable(address)).toBe(true),
)

it.each([
  '',
  'nobody',
  'a@',
  '@b',
  'a@b@c',
  'a b@c.fr',
  'a@b.fr, c@d.fr',
  'A <a@b.fr>',
  'a@b.fr\r\nRCPT TO:<c@d.fr>',
  'a\u0000@b.fr',
  `${'a'.repeat(250)}@b.fr`,
])('writes to no one at %j', (address) => expect(isMailable(address)).toBe(false))

it('keeps text on one line, whatever breaks or turns it', () => {
  expect(oneLine(' Camille\r\nBcc: a@b.fr\u2028x\u0000y\u202ez\t ')).toBe('Camille Bcc: a@b.fr x y z')
  expect(oneLine('Zoé 👩‍🌾')).toBe('Zoé 👩‍🌾')
})

it("shows an admin everyone's letters, anyone else their own", () => {
  const person = { id: 'p', name: '', email: '', locale: 'fr', sid: '' } as const
  expect(ownerFor({ ...person, role: 'admin' })).toBeUndefined()
  expect(ownerFor({ ...person, role: 'user' })).toBe('p')
})
