import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { logger } from './log.ts'
import { revocationsFrom, type Revoked } from './revocations.ts'

/** The promise of docs/contract.md, in milliseconds. */
const KNOWN_WITHIN = 5000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  onTestFinished(() => void vi.useRealTimers())
})

const told = (...sessions: string[]): Revoked => ({
  until: Date.now(),
  life: 660_000,
  sessions: sessions.map((id) => ({ id, at: Date.now() })),
  users: [],
})
const token = (sid: string) => ({ id: 'someone', sid, version: 0 })

/** A service that has just been answered that nothing was revoked; its next questions wait for an answer. */
async function peer() {
  const asked: ((answer: Revoked) => void)[] = []
  const revocations = revocationsFrom(
    (_since, signal) =>
      new Promise((resolve, reject) => {
        asked.push(resolve)
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      }),
  )
  onTestFinished(() => revocations.stop())
  const started = revocations.start(logger('test', 'silent'))
  asked[0]!(told())
  await started
  return { ...revocations, asked }
}

describe('what was revoked', () => {
  it('the moment after a service had asked is known to it in time, though an answer takes as long as it may', async () => {
    const { asked, isRevoked } = await peer()
    const revoked = Date.now()
    while (asked.length === 1) await vi.advanceTimersByTimeAsync(1)
    await vi.advanceTimersByTimeAsync(1999)
    expect(isRevoked(token('ended'))).toBe(false)
    asked[1]!(told('ended'))
    await vi.advanceTimersByTimeAsync(0)
    expect(isRevoked(token('ended'))).toBe(true)
    expect(isRevoked(token('other'))).toBe(false)
    expect(Date.now() - revoked).toBeLessThan(KNOWN_WITHIN)
  })

  it('is asked for again when no answer comes, and what is known stays', async () => {
    const { asked, isRevoked } = await peer()
    await vi.advanceTimersByTimeAsync(2000)
    asked[1]!(told('ended'))
    await vi.advanceTimersByTimeAsync(2000)
    expect(asked).toHaveLength(3)
    await vi.advanceTimersByTimeAsync(4000) // nobody answers the third
    expect(asked).toHaveLength(4)
    expect(isRevoked(token('ended'))).toBe(true)
    asked[3]!(told('late'))
    await vi.advanceTimersByTimeAsync(0)
    expect(isRevoked(token('late'))).toBe(true)
  })
})
