import { describe, expect, it } from 'vitest'
import { eventually, rejectAfter, pollWithin } from './wait.ts'

/** Blocks the event loop, like a busy machine. */
const block = (ms: number): void => {
  for (const until = performance.now() + ms; performance.now() < until;);
}

describe('eventually and pollWithin', () => {
  it('return the first value of the check', async () => {
    let checks = 0
    expect(await eventually('a third check', () => ++checks === 3 && 'value')).toBe('value')
    expect(checks).toBe(3)
  })

  it('throw an error that names what did not happen', async () => {
    await expect(eventually('nothing', () => null, 30)).rejects.toThrow('did not happen within 30 ms: nothing')
    await expect(pollWithin('nothing', () => null, 30)).rejects.toThrow('did not happen within 30 ms: nothing')
  })

  it('soon does not count the duration of the checks', async () => {
    let checks = 0
    const check = () => (block(50), ++checks === 3 && 'value')
    expect(await pollWithin('a third check', check, 60)).toBe('value')
  })
})

describe('rejectAfter', () => {
  const after = (ms: number) => new Promise<string>((resolve) => setTimeout(resolve, ms, 'done'))

  it('compares the work with a timer, also while the event loop is blocked', async () => {
    const [first, second] = [rejectAfter(60, after(40)), rejectAfter(40, after(60)).catch(String)]
    block(100)
    expect(await first).toBe('done')
    expect(await second).toBe('Error: not done within 40 ms')
  })

  it('throws what the work throws', async () => {
    await expect(rejectAfter(1000, Promise.reject(new Error('no')))).rejects.toThrow('no')
  })
})
