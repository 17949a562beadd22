import { MongoServerError } from 'mongodb'
import { describe, expect, it } from 'vitest'
import { retryWhileUnavailable } from './retry-while-unavailable.ts'

const steppedDown = new MongoServerError({ code: 189, codeName: 'PrimarySteppedDown' })
const invalidIndex = new MongoServerError({ code: 67, codeName: 'CannotCreateIndex' })

/** Work that fails with these errors, one an attempt, and a log. */
function createWork(...errors: Error[]) {
  const warnings: unknown[] = []
  let attempts = 0
  return {
    work: async (): Promise<number> => {
      const error = errors[attempts++]
      if (error) throw error
      return attempts
    },
    log: { warn: ({ err }: { err: unknown }) => void warnings.push(err) },
    warnings,
  }
}

describe('retryWhileUnavailable', () => {
  it('repeats work while MongoDB has no primary, and logs each failure', async () => {
    const { work, log, warnings } = createWork(steppedDown, steppedDown)
    expect(await retryWhileUnavailable(work, log)).toBe(3)
    expect(warnings).toEqual([steppedDown, steppedDown])
  })

  it('throws any other error at once, and one of MongoDB after the timeout', async () => {
    const invalid = createWork(invalidIndex)
    await expect(retryWhileUnavailable(invalid.work, invalid.log)).rejects.toBe(invalidIndex)
    const late = createWork(steppedDown, steppedDown)
    await expect(retryWhileUnavailable(late.work, late.log, 1)).rejects.toBe(steppedDown)
    expect([...invalid.warnings, ...late.warnings].length).toBeLessThan(2)
  })
})
