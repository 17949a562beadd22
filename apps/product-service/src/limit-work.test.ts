import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { limitWork } from './limit-work.ts'

const limit = { concurrency: 2, maxOpen: 64, timeout: 3000, busy: 'Too many.' }

/** Limits a search that ends when it is told to, and records which queries have begun. */
function createSearch() {
  const begun: number[] = []
  const { promise, resolve } = Promise.withResolvers<void>()
  const search = limitWork(async (query: number) => {
    begun.push(query)
    await promise
    return query
  }, limit)
  return { begun, search, end: resolve }
}

describe('limitWork', () => {
  it('runs two at a time, in the order of their arrival, and refuses more than 64 at once', async () => {
    const { begun, search, end } = createSearch()
    const results = Array.from({ length: 66 }, (_, i) => search(i).catch((error: unknown) => error))
    expect(await Promise.all(results.slice(64))).toMatchObject([{ code: 'UNAVAILABLE' }, { code: 'UNAVAILABLE' }])
    await setImmediate()
    expect(begun).toEqual([0, 1])
    end()
    expect(await Promise.all(results.slice(0, 64))).toEqual(Array.from({ length: 64 }, (_, i) => i))
    expect(begun).toEqual(Array.from({ length: 64 }, (_, i) => i))
  })

  it('accepts work again once other work has ended, failed ones included', async () => {
    const search = limitWork(async (fails: boolean) => {
      if (fails) throw new Error('broken')
      return 'done'
    }, limit)
    for (let round = 0; round < 2; round++) {
      const results = await Promise.allSettled(Array.from({ length: 64 }, () => search(true)))
      expect(results.every(({ status }) => status === 'rejected')).toBe(true)
    }
    expect(await search(false)).toBe('done')
  })
})
