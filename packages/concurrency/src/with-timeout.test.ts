import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { rejectOnAbort, waitAtMost, withTimeout } from './with-timeout.ts'

const after = async (ms: number, fails = false): Promise<string> => {
  await pause(ms)
  if (fails) throw new Error('failed')
  return 'done'
}
const never = new Promise<string>(() => {})

describe('withTimeout', () => {
  it('passes on a result or an error that arrives in time', async () => {
    expect(await withTimeout(after(1), 1000)).toBe('done')
    await expect(withTimeout(after(1, true), 1000)).rejects.toThrow('failed')
  })

  it('rejects with TIMEOUT after the time limit, and ignores a later error', async () => {
    await expect(withTimeout(never, 10)).rejects.toMatchObject({ code: 'TIMEOUT', retryAfter: 2 })
    await expect(withTimeout(after(30, true), 10)).rejects.toMatchObject({ code: 'TIMEOUT' })
    await pause(40)
  })
})

describe('waitAtMost', () => {
  it('returns whether the work has finished in time', async () => {
    expect(await waitAtMost(after(1), 1000)).toBe(true)
    expect(await waitAtMost(never, 10)).toBe(false)
  })

  it('throws an error that occurs in time, and ignores a later one', async () => {
    await expect(waitAtMost(after(1, true), 1000)).rejects.toThrow('failed')
    expect(await waitAtMost(after(30, true), 10)).toBe(false)
    await pause(40)
  })
})

describe('rejectOnAbort', () => {
  it('passes on a result or an error without an abort', async () => {
    const { signal } = new AbortController()
    expect(await rejectOnAbort(after(1), signal)).toBe('done')
    expect(await rejectOnAbort(after(1), undefined)).toBe('done')
    await expect(rejectOnAbort(after(1, true), signal)).rejects.toThrow('failed')
  })

  it('rejects with the reason of the signal, aborted before or during the work', async () => {
    const abort = new AbortController()
    const aborted = rejectOnAbort(never, abort.signal)
    abort.abort(new Error('stopping'))
    await expect(aborted).rejects.toThrow('stopping')
    await expect(rejectOnAbort(after(1, true), abort.signal)).rejects.toThrow('stopping')
  })
})
