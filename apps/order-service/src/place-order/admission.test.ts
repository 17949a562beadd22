import { describe, expect, it } from 'vitest'
import { convoy } from './convoy.ts'

/** Work that notes that it has begun, and ends when told. */
function worker() {
  const begun: string[] = []
  const ends = new Map<string, PromiseWithResolvers<string>>()
  const work = (name: string) => (): Promise<string> => {
    begun.push(name)
    const end = Promise.withResolvers<string>()
    ends.set(name, end)
    return end.promise
  }
  return {
    begun,
    work,
    end: (name: string) => ends.get(name)!.resolve(name),
    fail: (name: string) => ends.get(name)!.reject(new Error(name)),
  }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

const NEVER = 2 ** 31 - 1

describe('a convoy', () => {
  it('leaves when all that were under way have ended, with who is there', async () => {
    const { begun, work, end, fail } = worker()
    const together = convoy({ longest: NEVER, few: 2 })
    const first = [together(work('a')), together(work('b'))]
    await turn()
    expect(begun).toEqual(['a', 'b'])

    const second = [together(work('c')), together(work('d'))]
    await turn()
    end('a')
    expect(await first[0]).toBe('a')
    await turn()
    expect(begun).toEqual(['a', 'b'])

    fail('b')
    await expect(first[1]).rejects.toThrow('b')
    await turn()
    expect(begun).toEqual(['a', 'b', 'c', 'd'])
    end('c')
    end('d')
    expect(await Promise.all(second)).toEqual(['c', 'd'])
  })

  it('lets a few go at once, also after others', async () => {
    const { begun, work, end } = worker()
    const together = convoy({ longest: NEVER, few: 2 })
    const first = together(work('a'))
    for (const name of ['b', 'c']) {
      const done = together(work(name))
      expect(begun.at(-1)).toBe(name)
      end(name)
      await done
      await turn()
    }
    end('a')
    expect(await first).toBe('a')
  })

  it('goes on after work that throws', async () => {
    const together = convoy({ longest: NEVER, few: 1 })
    const thrown = together(() => {
      throw new Error('at once')
    })
    const next = together(async () => 'next')
    await expect(thrown).rejects.toThrow('at once')
    expect(await next).toBe('next')
  })

  it('waits no longer than that for one that is slow', async () => {
    const { begun, work, end } = worker()
    const together = convoy({ longest: 5, few: 1 })
    const slow = together(work('slow'))
    await turn()
    const next = together(async () => void begun.push('next'))
    await next
    expect(begun).toEqual(['slow', 'next'])
    end('slow')
    expect(await slow).toBe('slow')
  })
})
