import { clientNetworks } from '@halles/auth/client-networks'
import { describe, expect, it, vi } from 'vitest'
import { createFairSlots, type FairSlotsOptions, type Turn } from './fair-slots.ts'

const ONE = { total: 1, perNetwork: 1 }

/** A queue whose work ends when the test says so. */
function createTestQueue(options: Partial<FairSlotsOptions> = {}) {
  const onRejected = vi.fn()
  const queue = createFairSlots({
    slots: { total: 3, perNetwork: 2 },
    limits: { perNetwork: 100, total: 1000 },
    maxWait: 60_000,
    onRejected,
    ...options,
  })
  const started: string[] = []
  const ends = new Map<string, () => void>()
  const run = (name: string, address: string, turn: Partial<Turn> & { isGone?: () => boolean } = {}) => {
    const { isGone = () => false, ...more } = turn
    const client = { networks: clientNetworks(address), isGone }
    const result = queue.run({ client, account: name, isKnown: false, ...more }, () => {
      started.push(name)
      return new Promise<void>((resolve) => ends.set(name, resolve))
    })
    result.catch(() => {}) // most tests leave calls that wait
    return result
  }
  const settle = () => new Promise((resolve) => setImmediate(resolve))
  const end = async (name: string): Promise<void> => {
    ends.get(name)!()
    await settle()
  }
  return { queue, run, started, end, settle, onRejected }
}

describe('createFairSlots', () => {
  it('keeps a slot free of a network that has all others', async () => {
    const { run, started, settle, end, queue } = createTestQueue()
    for (let i = 1; i <= 5; i++) void run(`a${i}`, `203.0.113.${i}`)
    await settle()
    expect(started).toEqual(['a1', 'a2'])
    expect(queue.queueLength()).toBe(3)
    void run('b1', '198.51.100.1')
    await settle()
    expect(started).toEqual(['a1', 'a2', 'b1'])
    await end('a1')
    expect(started).toEqual(['a1', 'a2', 'b1', 'a3'])
  })

  it.each([
    ['an IPv4 /24', ['203.0.113.1', '203.0.113.200'], '203.0.114.1'],
    ['an IPv6 /48', ['2001:db8:1:1::1', '2001:db8:1:ffff::1'], '2001:db8:2::1'],
  ])('counts all addresses of %s as one network', async (_network, addresses, other) => {
    const { run, started, settle } = createTestQueue()
    for (let i = 0; i < 4; i++) void run(`a${i}`, addresses[i % 2]!)
    void run('other', other)
    await settle()
    expect(started).toEqual(['a0', 'a1', 'other'])
  })

  it('starts known owners first', async () => {
    const { run, started, settle, end } = createTestQueue({ slots: ONE })
    void run('first', '203.0.113.1')
    void run('unknown', '198.51.100.1')
    void run('known', '192.0.2.1', { isKnown: true })
    await settle()
    await end('first')
    await end('known')
    expect(started).toEqual(['first', 'known', 'unknown'])
  })

  it('rejects a call that has waited too long, and never starts it', async () => {
    const { run, started, end, onRejected, queue } = createTestQueue({ slots: ONE, maxWait: 20 })
    void run('first', '203.0.113.1')
    await expect(run('late', '198.51.100.1')).rejects.toMatchObject({ code: 'RATE_LIMITED', retryAfter: 1 })
    expect(onRejected).toHaveBeenCalledExactlyOnceWith('expired')
    expect(queue.queueLength()).toBe(0)
    await end('first')
    expect(started).toEqual(['first'])
  })

  it('never starts the call of a client that has closed its connection', async () => {
    const { run, started, end, settle, onRejected } = createTestQueue({ slots: ONE })
    void run('first', '203.0.113.1')
    const gone = run('gone', '198.51.100.1', { isGone: () => true })
    void run('next', '192.0.2.1')
    await settle()
    await end('first')
    await expect(gone).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    expect(onRejected).toHaveBeenCalledExactlyOnceWith('gone')
    expect(started).toEqual(['first', 'next'])
  })

  it('refuses calls of the network with most of them when it is full', async () => {
    const { run, started, end, settle, queue, onRejected } = createTestQueue({
      slots: ONE,
      limits: { perNetwork: 10, total: 2 },
    })
    void run('a1', '203.0.113.1')
    void run('a2', '203.0.113.1')
    const newest = run('a3', '203.0.113.2')
    void run('b1', '198.51.100.1')
    void run('c1', '192.0.2.1')
    await expect(newest).rejects.toMatchObject({ code: 'RATE_LIMITED' })
    expect(queue.queueLength()).toBe(2)
    expect(onRejected.mock.calls).toEqual([['full'], ['full']])
    await settle()
    await end('a1')
    await end('b1')
    expect(started).toEqual(['a1', 'b1', 'c1'])
  })

  it('frees the slot of work that fails', async () => {
    const { queue } = createTestQueue({ slots: ONE })
    const client = { networks: clientNetworks('203.0.113.1'), isGone: () => false }
    const turn = { client, account: 'a', isKnown: false }
    for (let i = 0; i < 3; i++)
      await expect(queue.run(turn, () => Promise.reject(new Error('fails')))).rejects.toThrow('fails')
    expect(await queue.run(turn, async () => 'done')).toBe('done')
  })
})
