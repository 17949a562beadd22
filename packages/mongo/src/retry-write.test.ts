import { MongoNetworkError, MongoServerError } from 'mongodb'
import { describe, expect, it } from 'vitest'
import { retryWrite } from './retry-write.ts'

/** A write that fails with these errors, one an attempt, and then returns the number of its attempts. */
function failingWrite(...errors: Error[]) {
  let attempts = 0
  return async (): Promise<number> => {
    const error = errors[attempts++]
    if (error) throw error
    return attempts
  }
}

const steppedDown = new MongoServerError({ code: 189, codeName: 'PrimarySteppedDown' })

describe('retryWrite', () => {
  it('repeats a write whose connection broke, or whose primary stepped down', async () => {
    expect(await retryWrite(failingWrite())).toBe(1)
    expect(await retryWrite(failingWrite(steppedDown))).toBe(2)
    expect(await retryWrite(failingWrite(new MongoNetworkError('closed')))).toBe(2)
  })

  it('repeats a write once only, and does not repeat any other error', async () => {
    const duplicate = new MongoServerError({ code: 11_000, codeName: 'DuplicateKey' })
    await expect(retryWrite(failingWrite(steppedDown, steppedDown))).rejects.toBe(steppedDown)
    await expect(retryWrite(failingWrite(duplicate))).rejects.toBe(duplicate)
  })
})
