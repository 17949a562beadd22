import { expect, it, onTestFinished, vi } from 'vitest'
import { backoff } from './backoff.ts'

it('backoff doubles its longest pause with each failure, up to the cap, and jitters each one', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
  const random = vi.spyOn(Math, 'random')
  onTestFinished(() => {
    vi.useRealTimers()
    random.mockRestore()
  })
  const pauseAfter = async (failures: number): Promise<number> => {
    const began = Date.now()
    const waiting = backoff(failures, { base: 20, cap: 100 })
    await vi.advanceTimersToNextTimerAsync()
    await waiting
    return Date.now() - began
  }
  random.mockReturnValue(1)
  expect([await pauseAfter(1), await pauseAfter(2), await pauseAfter(3), await pauseAfter(9)]).toEqual([
    20, 40, 80, 100,
  ])
  random.mockReturnValue(0.25)
  expect([await pauseAfter(1), await pauseAfter(2)]).toEqual([5, 10])
})
