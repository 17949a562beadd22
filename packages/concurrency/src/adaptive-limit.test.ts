import { describe, expect, it } from 'vitest'
import { busyError, createAdaptiveLimit, isBusyError, type ReleaseSlot } from './adaptive-limit.ts'

const network = (cidr: string, share = 1) => [{ cidr, share }]

/** Creates a limit whose clock the test moves. */
function createLimit({ delay = 0, ...options }: { max?: number; min?: number; target?: number; delay?: number } = {}) {
  let time = 0
  const limit = createAdaptiveLimit(
    { max: 100, min: 10, target: 100, ...options },
    () => time,
    () => delay,
  )
  let client = 0
  const acquire = (cidr = `client ${client++}`) => limit.acquire(network(cidr))
  return {
    ...limit,
    acquire,
    pass: (ms: number) => void (time += ms),
    /** Fills the limit with requests of different clients, which take `ms`. */
    round: (ms: number, outcome: Parameters<ReleaseSlot>[0] = 'answered') => {
      const slots: ReleaseSlot[] = []
      for (let slot = acquire(); slot; slot = acquire()) slots.push(slot)
      time += ms
      for (const release of slots) release(outcome)
      return slots.length
    },
  }
}

describe('adaptive limit', () => {
  it('admits as many requests as its limit, and one more for each that ends', () => {
    const { acquire, state } = createLimit({ max: 3 })
    const slots = [acquire(), acquire(), acquire()]
    expect(slots.every(Boolean)).toBe(true)
    expect(acquire()).toBeUndefined()
    slots[0]!('ignored')
    slots[0]!('ignored')
    expect(state()).toEqual({ limit: 3, inFlight: 2 })
    expect(acquire()).toBeDefined()
    expect(acquire()).toBeUndefined()
  })

  it('shrinks while half of the requests take longer than the target, to its minimum, and grows again when they do not', () => {
    const { round, state } = createLimit()
    round(250)
    expect(state().limit).toBe(50)
    round(200)
    expect(state().limit).toBe(25)
    for (let n = 0; n < 30; n++) round(250)
    expect(state().limit).toBe(10)
    for (let n = 0; n < 100; n++) round(50)
    expect(state().limit).toBe(100)
  })

  it('settles where the median is the target', () => {
    const { round, state } = createLimit({ max: 500, target: 100 })
    // A server of one request a millisecond: the duration is the number of concurrent requests.
    for (let n = 0; n < 200; n++) round(state().limit)
    expect(state().limit).toBeGreaterThan(75)
    expect(state().limit).toBeLessThan(125)
  })

  it('counts what a request waits for the event loop', () => {
    const { round, state } = createLimit({ delay: 150 })
    for (let n = 0; n < 5; n++) round(50)
    expect(state().limit).toBe(50)
  })

  it('shrinks once for requests that were slow together', () => {
    const { acquire, pass, state } = createLimit()
    const slots = Array.from({ length: 50 }, () => acquire()!)
    for (const release of slots) {
      pass(250)
      release('answered')
    }
    expect(state().limit).toBe(25) // of 50
  })

  it('ignores requests whose duration says nothing', () => {
    const { round, state } = createLimit()
    round(250, 'ignored')
    expect(state().limit).toBe(100)
  })

  it('runs work in a slot, and rejects with UNAVAILABLE without one', async () => {
    const { run, acquire, state } = createLimit({ max: 1 })
    expect(await run(network('a'), async () => state().inFlight)).toBe(1)
    await expect(run(network('a'), () => Promise.reject(new Error('failed')))).rejects.toThrow('failed')
    acquire('b')
    await expect(run(network('a'), async () => 'done')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  it('counts the requests that there were, not those that it would have admitted', () => {
    const { acquire, pass, state } = createLimit()
    const load = (count: number, ms: number) => {
      const slots = Array.from({ length: count }, () => acquire()!)
      pass(ms)
      for (const release of slots) release('answered')
    }
    load(30, 200)
    expect(state().limit).toBe(15)
    for (let n = 0; n < 100; n++) load(10, 50)
    expect(state().limit).toBe(100)
  })

  it('leaves slots free for others when one client floods, and when many do', () => {
    const { acquire } = createLimit()
    const flood = (cidr: string) => {
      let count = 0
      while (acquire(cidr)) count++
      return count
    }
    expect(flood('attacker')).toBe(80)
    expect(flood('second')).toBeGreaterThan(10)
    for (let n = 0; n < 3; n++) expect(acquire(`bystander ${n}`)).toBeDefined()
  })

  it('gives wider networks a larger share', () => {
    const { acquire } = createAdaptiveLimit({ max: 100, target: 100 })
    const networks = (n: number) => [...network(`192.0.2.${n}/32`), ...network('192.0.2.0/24', 2)]
    let count = 0
    while (acquire(networks(count))) count++
    expect(count).toBe(89)
  })
})

describe('busyError', () => {
  it('is UNAVAILABLE, with waits that differ', () => {
    const errors = [busyError(), busyError(), busyError()]
    expect(errors.map(({ code }) => code)).toEqual(['UNAVAILABLE', 'UNAVAILABLE', 'UNAVAILABLE'])
    expect(new Set(errors.map(({ retryAfter }) => retryAfter))).toEqual(new Set([1, 2, 3]))
    expect(errors.every(isBusyError)).toBe(true)
  })
})
