import { describe, expect, it } from 'vitest'
import { eventually, inTime, soon } from './wait.ts'

/** Keeps the whole process busy, as a machine that does much else does. */
const stall = (ms: number): void => {
  for (const until = performance.now() + ms; performance.now() < until;);
}

describe('what is waited for', () => {
  it('is given back as soon as it is there', async () => {
    let looks = 0
    expect(await eventually('a third look', () => ++looks === 3 && 'seen')).toBe('seen')
    expect(looks).toBe(3)
  })

  it('is named when it does not come', async () => {
    await expect(eventually('nothing', () => null, 30)).rejects.toThrow('did not happen within 30 ms: nothing')
    await expect(soon('nothing', () => null, 30)).rejects.toThrow('did not happen within 30 ms: nothing')
  })

  it('comes soon, however long it takes to look', async () => {
    let looks = 0
    const look = () => (stall(50), ++looks === 3 && 'seen')
    expect(await soon('a third look', look, 60)).toBe('seen')
  })
})

describe('what must be done in time', () => {
  const after = (ms: number) => new Promise<string>((resolve) => setTimeout(resolve, ms, 'done'))

  it('is, or is not, also where the process stands still meanwhile', async () => {
    const [first, second] = [inTime(60, after(40)), inTime(40, after(60)).catch(String)]
    stall(100)
    expect(await first).toBe('done')
    expect(await second).toBe('Error: not done within 40 ms')
  })

  it('fails as it fails', async () => {
    await expect(inTime(1000, Promise.reject(new Error('no')))).rejects.toThrow('no')
  })
})
