import { hash, parseOptions } from '@node-rs/argon2'
import { describe, expect, it, vi } from 'vitest'
import { createPasswordHasher } from './hashing.ts'

const passwords = await createPasswordHasher()

describe('a password', () => {
  it('is kept as argon2id, 19 MiB, 2 passes, with its parameters and a salt of its own', async () => {
    const [one, other] = await Promise.all([passwords.hash('12345678'), passwords.hash('12345678')])
    expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(parseOptions(one)).toMatchObject({ saltLen: 16, outputLen: 32 })
    expect(one).not.toBe(other)
  })

  it('is right whole, and not cut at any length', async () => {
    const long = 'x'.repeat(127)
    const hashed = await passwords.hash(`${long}a`)
    expect(await passwords.matches(hashed, `${long}a`)).toBe(true)
    expect(await passwords.matches(hashed, `${long}b`)).toBe(false)
    expect(await passwords.matches(hashed, long)).toBe(false)
  })

  it('is right by the parameters that its hash was made with, so that they can be raised', async () => {
    const older = await hash('12345678', { memoryCost: 8192, timeCost: 1, parallelism: 1 })
    expect(await passwords.matches(older, '12345678')).toBe(true)
  })

  it.each([
    ['less memory', { memoryCost: 19_455, timeCost: 2, parallelism: 1 }, true],
    ['fewer passes', { memoryCost: 19_456, timeCost: 1, parallelism: 1 }, true],
    ['another algorithm', { algorithm: 1, memoryCost: 19_456, timeCost: 2, parallelism: 1 }, true],
    ['the same', { memoryCost: 19_456, timeCost: 2, parallelism: 1 }, false],
    ['more', { memoryCost: 65_536, timeCost: 3, parallelism: 1 }, false],
  ])('that was hashed with %s is known by that', async (_what, cost, outdated) => {
    expect(passwords.isOutdated(await hash('12345678', cost))).toBe(outdated)
  })

  it('is never right for no one', async () => {
    expect(await passwords.matches(undefined, '12345678')).toBe(false)
  })
})

describe('a crowd', () => {
  it('is served a few at a time, in order of arrival', async () => {
    const { hash: hashed, waiting } = await createPasswordHasher({ lanes: 1, most: 3 })
    const done: number[] = []
    const all = [0, 1, 2, 3].map(async (n) => {
      await hashed('12345678')
      done.push(n)
    })
    expect(waiting()).toBe(3)
    await Promise.all(all)
    expect(done).toEqual([0, 1, 2, 3])
    expect(waiting()).toBe(0)
  })

  it('that is too large is turned away at once, and told when to come back', async () => {
    const turnedAway = vi.fn()
    const { hash: hashed, matches } = await createPasswordHasher({ lanes: 1, most: 1, turnedAway })
    const served = [hashed('12345678'), hashed('12345678')]
    const others = await Promise.allSettled([hashed('12345678'), matches(undefined, '12345678')])
    for (const other of others)
      expect(other).toMatchObject({ status: 'rejected', reason: { code: 'RATE_LIMITED', retryAfter: 1 } })
    expect(turnedAway).toHaveBeenCalledTimes(2)
    await Promise.all(served)
    expect(await hashed('12345678')).toContain('argon2id')
  })

  it('loses no place to someone whose hash cannot be read', async () => {
    const { matches, waiting } = await createPasswordHasher({ lanes: 1, most: 1 })
    for (let i = 0; i < 3; i++) await expect(matches('not a hash', 'x')).rejects.toThrow(/Decoding/)
    expect(await matches(undefined, 'x')).toBe(false)
    expect(waiting()).toBe(0)
  })
})
