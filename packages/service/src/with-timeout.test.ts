import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { waitAtMost, withTimeout } from './with-timeout.ts'

const after = async (ms: number, fails = false): Promise<string> => {
  await pause(ms)
  if (fails) throw new Error('failed')
  return 'done'
}
const never = new Promise<string>(() => {})

describe('withTimeout', () => {
  it('passes on what comes in time, results and errors alike', async () => {
    expect(await withTimeout(after(1), 1000)).toBe('done')
    await expect(withTimeout(after(1, true), 1000)).rejects.toThrow('failed')
  })

  it('rejects with TIMEOUT what takes longer, and ignores how that ends', async () => {
    await expect(withTimeout(never, 10)).rejects.toMatchObject({ code: 'TIMEOUT', retryAfter: 2 })
    await expect(withTimeout(after(30, true), 10)).rejects.toMatchObject({ code: 'TIMEOUT' })
    await pause(40)
  })
})

describe('waitAtMost', () => {
  it('says whether the work has finished in time', async () => {
    expect(await waitAtMost(after(1), 1000)).toBe(true)
    expect(await waitAtMost(never, 10)).toBe(false)
  })

  it('throws what the work throws in time, and ignores what it throws later', async () => {
    await expect(waitAtMost(after(1, true), 1000)).rejects.toThrow('failed')
    expect(await waitAtMost(after(30, true), 10)).toBe(false)
    await pause(40)
  })
})
