import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ANSWER_TIMEOUT, withinAnswerTimeout } from './answer-timeout.ts'

describe('withinAnswerTimeout', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('passes on the result, or the error, of a use case that answers in time', async () => {
    await expect(withinAnswerTimeout(Promise.resolve('placed'))).resolves.toBe('placed')
    await expect(withinAnswerTimeout(Promise.reject(new Error('rejected')))).rejects.toThrow('rejected')
  })

  it('throws TIMEOUT after 8 s, and lets the use case go on', async () => {
    const finished: string[] = []
    const useCase = async (): Promise<void> => {
      await new Promise((resolve) => setTimeout(resolve, ANSWER_TIMEOUT + 1000))
      finished.push('placed')
    }
    const error = withinAnswerTimeout(useCase()).catch((thrown: unknown) => thrown)
    await vi.advanceTimersByTimeAsync(8000)
    expect(await error).toMatchObject({ code: 'TIMEOUT' })
    expect(finished).toEqual([])
    await vi.advanceTimersByTimeAsync(1000)
    expect(finished).toEqual(['placed'])
  })
})
