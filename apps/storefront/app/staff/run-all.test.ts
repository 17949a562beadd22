import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { runAll } from './run-all.ts'

describe('runAll', () => {
  it('does every item, four at a time, and gives each its own result, in order', async () => {
    let active = 0
    let most = 0
    const results = await runAll([1, 2, 3, 4, 5, 6, 7, 8, 9], async (item) => {
      most = Math.max(most, ++active)
      for (let turn = 0; turn < 10 - item; turn++) await setImmediate()
      active--
      if (item % 4 === 0) throw new Error(`no ${item}`)
    })
    expect(results.map(({ item, error }) => [item, error instanceof Error ? error.message : error])).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8, 9].map((item) => [item, item % 4 === 0 ? `no ${item}` : undefined]),
    )
    expect(most).toBe(4)
  })

  it('gives nothing for no items', async () => {
    expect(await runAll([], () => Promise.reject(new Error('called')))).toEqual([])
  })
})
