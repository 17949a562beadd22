import { hash, parseOptions } from '@node-rs/argon2'
import { describe, expect, it, vi } from 'vitest'
import { createPasswordHasher } from './password-hasher.ts'

const hasher = await createPasswordHasher()

describe('createPasswordHasher', () => {
  it('hashes with argon2id, 19 MiB and 2 passes, and stores the parameters and a random salt in the hash', async () => {
    const [one, other] = await Promise.all([hasher.hash('12345678'), hasher.hash('12345678')])
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(parseOptions(one)).toMatchObject({ saltLen: 16, outputLen: 32 })
    expect(one).not.toBe(other)
  })

  it('verifies the whole password and truncates it at no length', async () => {
    const long = 'x'.repeat(127)
    const hashed = await hasher.hash(`${long}a`)
    expect(await hasher.verify(hashed, `${long}a`)).toBe(true)
    expect(await hasher.verify(hashed, `${long}b`)).toBe(false)
    expect(await hasher.verify(hashed, long)).toBe(false)
  })

  it('verifies a hash by the parameters in it, so that they can be raised', async () => {
    const older = await hash('12345678', { memoryCost: 8192, timeCost: 1, parallelism: 1 })
    expect(await hasher.verify(older, '12345678')).toBe(true)
  })

  it.each([
    ['less memory', { memoryCost: 19_455, timeCost: 2, parallelism: 1 }, true],
    ['fewer passes', { memoryCost: 19_456, timeCost: 1, parallelism: 1 }, true],
    ['another algorithm', { algorithm: 1, memoryCost: 19_456, timeCost: 2, parallelism: 1 }, true],
    ['the same parameters', { memoryCost: 19_456, timeCost: 2, parallelism: 1 }, false],
    ['stronger parameters', { memoryCost: 65_536, timeCost: 3, parallelism: 1 }, false],
  ])('tells whether a hash with %s needs a rehash', async (_what, parameters, needsRehash) => {
    expect(hasher.needsRehash(await hash('12345678', parameters))).toBe(needsRehash)
  })

  it('verifies no password without a hash', async () => {
    expect(await hasher.verify(undefined, '12345678')).toBe(false)
  })
})

describe('the queue of createPasswordHasher', () => {
  it('bounds the concurrency and keeps the order of arrival within an account', async () => {
    const queued = await createPasswordHasher({
      slots: { total: 1, perNetwork: 1 },
      limits: { perNetwork: 3, total: 3 },
    })
    const done: number[] = []
    const all = [0, 1, 2, 3].map(async (n) => {
      await queued.hash('12345678')
      done.push(n)
    })
    expect(queued.queueLength()).toBe(3)
    await Promise.all(all)
    expect(done).toEqual([0, 1, 2, 3])
    expect(queued.queueLength()).toBe(0)
  })

  it('rejects calls at once when it is full, with the time to retry after', async () => {
    const onRejected = vi.fn()
    const queued = await createPasswordHasher({
      slots: { total: 1, perNetwork: 1 },
      limits: { perNetwork: 1, total: 1 },
      onRejected,
    })
    const accepted = [queued.hash('12345678'), queued.hash('12345678')]
    const rejected = await Promise.allSettled([queued.hash('12345678'), queued.verify(undefined, '12345678')])
    for (const result of rejected)
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'RATE_LIMITED', retryAfter: 1 } })
    expect(onRejected.mock.calls).toEqual([['full'], ['full']])
    await Promise.all(accepted)
    expect(await queued.hash('12345678')).toContain('argon2id')
  })

  it('frees the slot of a call that fails on an invalid hash', async () => {
    const queued = await createPasswordHasher({ slots: { total: 1, perNetwork: 1 } })
    for (let i = 0; i < 3; i++) await expect(queued.verify('not a hash', 'x')).rejects.toThrow(/Decoding/)
    expect(await queued.verify(undefined, 'x')).toBe(false)
    expect(queued.queueLength()).toBe(0)
  })
})
