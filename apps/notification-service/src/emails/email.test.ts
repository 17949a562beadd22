import { describe, expect, it } from 'vitest'
import { isMailboxAddress, ownerScope, retryDelay, scheduleRetry, toMessageId, toSingleLine } from './email.ts'

const now = new Date('2026-11-24T08:30:00.000Z')
const hour = 3600_000

describe('retryDelay', () => {
  it.each([
    [1, 10_000],
    [2, 20_000],
    [5, 160_000],
    [9, 2_560_000],
    [10, hour],
    [200, hour],
  ])('after %i failed attempts is at most %i ms and at least half of that', (failedAttempts, max) => {
    expect(retryDelay(failedAttempts, 1, () => 1)).toBe(max)
    expect(retryDelay(failedAttempts, 1, () => 0)).toBe(max / 2)
    expect(retryDelay(failedAttempts, 0.01, () => 1)).toBe(max / 100)
  })
})

describe('scheduleRetry', () => {
  const email = { failedAttempts: 2, firstAttemptAt: new Date(now.getTime() - hour) }

  it('schedules the next attempt after a deferred one', () => {
    const state = scheduleRetry(email, { result: 'deferred', reason: 'slow' }, now, 1)
    expect(state).toMatchObject({ status: 'PENDING', failedAttempts: 3, lastError: 'slow' })
    expect(state.nextAttemptAt.getTime() - now.getTime()).toBeGreaterThanOrEqual(20_000)
  })

  it('gives up after a rejected attempt', () => {
    expect(scheduleRetry(email, { result: 'rejected', reason: 'no' }, now, 1).status).toBe('FAILED')
  })

  it('gives up after a day, whatever the number of attempts', () => {
    const startedHoursAgo = (hours: number) => ({
      failedAttempts: 30,
      firstAttemptAt: new Date(now.getTime() - hours * hour),
    })
    const deferred = { result: 'deferred', reason: 'away' } as const
    expect(scheduleRetry(startedHoursAgo(22.9), deferred, now, 1).status).toBe('PENDING')
    expect(scheduleRetry(startedHoursAgo(24), deferred, now, 1).status).toBe('FAILED')
    expect(scheduleRetry(startedHoursAgo(0.24), deferred, now, 0.01).status).toBe('FAILED')
  })

  it('schedules between 25 and 60 attempts in a day', () => {
    let state = { status: 'PENDING', failedAttempts: 0, firstAttemptAt: now, at: now }
    while (state.status === 'PENDING') {
      const next = scheduleRetry(state, { result: 'deferred', reason: '' }, state.at, 1)
      state = { ...state, status: next.status, failedAttempts: next.failedAttempts, at: next.nextAttemptAt }
    }
    expect(state.failedAttempts).toBeGreaterThan(25)
    expect(state.failedAttempts).toBeLessThan(60)
  })
})

describe('toMessageId', () => {
  const eventId = '0199a1c3-2222-7aaa-8bbb-000000000002.2'

  it('returns the event id, which identifies a repeated delivery, and another id for each resend', () => {
    expect(toMessageId({ eventId, resend: 0 }, 'halles.example')).toBe(`${eventId}@halles.example`)
    expect(toMessageId({ eventId, resend: 3 }, 'halles.example')).toBe(`${eventId}.3@halles.example`)
  })

  it.each(['a b', 'a>\r\nBcc: x@y', '', 'é', '.a', 'a..b', 'x'.repeat(500)])(
    'returns a well-formed Message-ID for the event id %j',
    (id) => {
      expect(toMessageId({ eventId: id, resend: 0 }, 'halles.example')).toMatch(/^[0-9a-f]{64}@halles\.example$/)
      expect(toMessageId({ eventId: id, resend: 0 }, 'h.example')).not.toBe(
        toMessageId({ eventId: `${id}!`, resend: 0 }, 'h.example'),
      )
    },
  )
})

describe('isMailboxAddress', () => {
  it.each(['a@b.fr', 'robin.o+neil@example.test', "o'neil@example.test", 'élise@exemple.fr', 'a@münchen.de'])(
    'accepts %s',
    (address) => expect(isMailboxAddress(address)).toBe(true),
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
  ])('refuses %j', (address) => expect(isMailboxAddress(address)).toBe(false))
})

describe('toSingleLine', () => {
  it('replaces line breaks, control characters and bidirectional controls', () => {
    expect(toSingleLine(' Camille\r\nBcc: a@b.fr\u2028x\u0000y\u202ez\t ')).toBe('Camille Bcc: a@b.fr x y z')
    expect(toSingleLine('Zoé 👩‍🌾')).toBe('Zoé 👩‍🌾')
  })
})

describe('ownerScope', () => {
  it('does not limit an admin, and limits anyone else to their own e-mails', () => {
    const principal = { id: 'p', name: '', email: '', locale: 'fr', sid: '' } as const
    expect(ownerScope({ ...principal, role: 'admin' })).toBeUndefined()
    expect(ownerScope({ ...principal, role: 'user' })).toBe('p')
  })
})
