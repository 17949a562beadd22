import { describe, expect, it } from 'vitest'
import { createFairQueue, type QueuePath } from './fair-queue.ts'

const always = () => true
const createQueue = (limits = { perNetwork: 100, total: 1000 }) => {
  const queue = createFairQueue<string>(limits)
  return {
    ...queue,
    push: (path: string, item: string, tier: 'upper' | 'lower' = 'lower') =>
      queue.push(path.split('/') as unknown as QueuePath, tier, item),
    remove: (path: string, item: string) => queue.remove(path.split('/') as unknown as QueuePath, 'lower', item),
    takeAll: (accepts = always) => {
      const taken: string[] = []
      for (let item = queue.take(accepts); item !== undefined; item = queue.take(accepts)) taken.push(item)
      return taken
    },
  }
}

describe('createFairQueue', () => {
  it('lets networks take turns, however many entries one has', () => {
    const { push, takeAll } = createQueue()
    for (const item of ['a1', 'a2', 'a3', 'a4']) push('a/x', item)
    push('b/y', 'b1')
    push('c/z', 'c1')
    expect(takeAll()).toEqual(['a1', 'b1', 'c1', 'a2', 'a3', 'a4'])
  })

  it('lets narrower networks and accounts take turns within a network', () => {
    const { push, takeAll } = createQueue()
    for (const item of ['1', '2', '3']) push('a/one/x', `x${item}`)
    push('a/one/y', 'y1')
    push('a/two/z', 'z1')
    expect(takeAll()).toEqual(['x1', 'z1', 'y1', 'x2', 'x3'])
  })

  it('keeps a network at its place in turn when it has been idle', () => {
    const { push, take, takeAll } = createQueue()
    push('a/x', 'a1')
    push('b/y', 'b1')
    push('b/y', 'b2')
    expect([take(always), take(always)]).toEqual(['a1', 'b1'])
    push('a/x', 'a2')
    expect(takeAll()).toEqual(['b2', 'a2'])
  })

  it('skips networks that are not accepted', () => {
    const { push, take, takeAll, size } = createQueue()
    push('a/x', 'a1')
    push('b/y', 'b1')
    expect(take((network) => network === 'b')).toBe('b1')
    expect(takeAll(() => false)).toEqual([])
    expect(size()).toBe(1)
  })

  it('takes the upper tier three times as often as the lower one', () => {
    const { push, takeAll } = createQueue()
    for (let i = 1; i <= 5; i++) push(`a${i}/x`, `lower${i}`)
    for (let i = 1; i <= 4; i++) push(`b${i}/x`, `upper${i}`, 'upper')
    expect(takeAll()).toEqual([
      'upper1',
      'upper2',
      'upper3',
      'lower1',
      'upper4',
      'lower2',
      'lower3',
      'lower4',
      'lower5',
    ])
  })

  it('refuses the newest entry of the longest queue in a network beyond its limit', () => {
    const { push, takeAll } = createQueue({ perNetwork: 3, total: 100 })
    push('a/one/x', 'x1')
    push('a/one/x', 'x2')
    expect(push('a/one/x', 'x3')).toBeUndefined()
    expect(push('a/two/y', 'y1')).toBe('x3')
    expect(push('a/one/x', 'x4')).toBe('x4')
    expect(takeAll()).toEqual(['x1', 'y1', 'x2'])
  })

  it('refuses an entry of the network with most of them when all are beyond their limit', () => {
    const { push, takeAll, size } = createQueue({ perNetwork: 10, total: 4 })
    for (const item of ['a1', 'a2', 'a3']) push('a/x', item)
    push('b/y', 'b1')
    expect(push('c/z', 'c1')).toBe('a3')
    expect(size()).toBe(4)
    expect(takeAll()).toEqual(['a1', 'b1', 'c1', 'a2'])
  })

  it('removes an entry that waits, and nothing for another one', () => {
    const { push, remove, takeAll, size } = createQueue()
    push('a/x', 'a1')
    push('a/x', 'a2')
    remove('a/x', 'a1')
    remove('a/x', 'a1')
    remove('b/x', 'a2')
    expect(size()).toBe(1)
    expect(takeAll()).toEqual(['a2'])
    expect(size()).toBe(0)
  })
})
