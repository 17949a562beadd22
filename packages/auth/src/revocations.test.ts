import { beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createLogger } from '@halles/telemetry/log'
import { createRevocationPoller, type RevocationList } from './revocations.ts'

/** The longest propagation time that docs/contract.md allows, in milliseconds. */
const MAX_PROPAGATION = 5000

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  onTestFinished(() => void vi.useRealTimers())
})

const revoked = (...sessions: string[]): RevocationList => ({
  until: Date.now(),
  life: 660_000,
  sessions: sessions.map((id) => ({ id, at: Date.now() })),
  users: [],
})
const token = (sid: string, kid = 'key') => ({ id: 'someone', sid, version: 0, kid })

/** Starts a poller whose first response is empty; the test resolves its later requests. */
async function startPoller() {
  const requests: ((answer: RevocationList) => void)[] = []
  const revocations = createRevocationPoller(
    (_since, signal) =>
      new Promise((resolve, reject) => {
        requests.push(resolve)
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      }),
  )
  onTestFinished(() => revocations.stop())
  const started = revocations.start(createLogger('test', 'silent'))
  requests[0]!(revoked())
  await started
  return { ...revocations, requests }
}

describe('createRevocationPoller', () => {
  it('knows a revocation within 5 s, though it follows a request and the next response is slow', async () => {
    const { requests, isRevoked } = await startPoller()
    const revokedAt = Date.now()
    while (requests.length === 1) await vi.advanceTimersByTimeAsync(1)
    await vi.advanceTimersByTimeAsync(1999)
    expect(isRevoked(token('ended'))).toBe(false)
    requests[1]!(revoked('ended'))
    await vi.advanceTimersByTimeAsync(0)
    expect(isRevoked(token('ended'))).toBe(true)
    expect(isRevoked(token('other'))).toBe(false)
    expect(Date.now() - revokedAt).toBeLessThan(MAX_PROPAGATION)
  })

  it('knows revoked signing keys, and keeps them when a later response does not list them', async () => {
    const { requests, isRevoked } = await startPoller()
    await vi.advanceTimersByTimeAsync(2000)
    requests[1]!({ ...revoked(), keys: ['stolen'] })
    await vi.advanceTimersByTimeAsync(2000)
    requests[2]!(revoked())
    await vi.advanceTimersByTimeAsync(0)
    expect(isRevoked(token('open', 'stolen'))).toBe(true)
    expect(isRevoked(token('open'))).toBe(false)
  })

  it('knows the longest lifetime of a token from the response', async () => {
    const { maxTokenLifetime, requests } = await startPoller()
    await vi.advanceTimersByTimeAsync(2000)
    requests[1]!({ ...revoked(), life: 120_000 })
    await vi.advanceTimersByTimeAsync(0)
    expect(maxTokenLifetime()).toBe(120_000)
  })

  it('polls again after a timeout, and keeps known revocations', async () => {
    const { requests, isRevoked } = await startPoller()
    await vi.advanceTimersByTimeAsync(2000)
    requests[1]!(revoked('ended'))
    await vi.advanceTimersByTimeAsync(2000)
    expect(requests).toHaveLength(3)
    await vi.advanceTimersByTimeAsync(4000) // the third request times out
    expect(requests).toHaveLength(4)
    expect(isRevoked(token('ended'))).toBe(true)
    requests[3]!(revoked('late'))
    await vi.advanceTimersByTimeAsync(0)
    expect(isRevoked(token('late'))).toBe(true)
  })
})
