import { describe, expect, it } from 'vitest'
import { randomOf } from './random.ts'
import { cableNames, scheduleOf } from './faults.ts'
import { moods } from './mail-server.ts'

describe('chance by a seed', () => {
  const draws = (seed: number, actor: string) => {
    const random = randomOf(seed, actor)
    return Array.from({ length: 50 }, () => random.between(1, 1000))
  }

  it('is the same for the same seed and actor, and another for another', () => {
    expect(draws(7, 'Buyer 1')).toEqual(draws(7, 'Buyer 1'))
    expect(draws(7, 'Buyer 1')).not.toEqual(draws(8, 'Buyer 1'))
    expect(draws(7, 'Buyer 1')).not.toEqual(draws(7, 'Buyer 2'))
  })

  it('is spread evenly', () => {
    const random = randomOf(3, 'dice')
    const throws = Map.groupBy(
      Array.from({ length: 6000 }, () => random.between(1, 6)),
      (eyes) => eyes,
    )
    expect(throws.size).toBe(6)
    for (const { length } of throws.values()) expect(length).toBeGreaterThan(800)
    const weights = Array.from({ length: 1000 }, () => random.weighted({ rare: 1, common: 9 }))
    expect(weights.filter((one) => one === 'rare').length).toBeGreaterThan(50)
    expect(weights.filter((one) => one === 'rare').length).toBeLessThan(200)
    expect(new Set(random.shuffled([1, 2, 3, 4]))).toEqual(new Set([1, 2, 3, 4]))
  })
})

describe('a schedule', () => {
  it('is the same for the same seed, and no longer than asked', () => {
    expect(scheduleOf(7, 60)).toEqual(scheduleOf(7, 60))
    expect(scheduleOf(7, 60)).not.toEqual(scheduleOf(8, 60))
    for (const { at } of scheduleOf(7, 60)) expect(at).toBeLessThan(60_000)
  })

  it.each([1, 7, 42])('with seed %i breaks everything there is within a minute and a half', (seed) => {
    const faults = scheduleOf(seed, 90)
    const of = (...what: string[]) => new Set(faults.filter((fault) => what.includes(fault.what)).map(({ on }) => on))
    expect([...of('kill')].toSorted()).toEqual(
      [
        'auth',
        'gateway',
        'kafka',
        'mongodb',
        'notification',
        'notification-2',
        'order',
        'order-2',
        'product',
      ].toSorted(),
    )
    expect([...of('cut', 'silent', 'slow', 'deaf')].toSorted()).toEqual(cableNames.toSorted())
    expect(new Set(faults.filter(({ on }) => on === 'mail').map(({ what }) => what))).toEqual(new Set(moods))
    expect(faults.find(({ what, lasts }) => what === 'freeze' && lasts > 15_000)?.on).toMatch(/^order/)
  })

  it('says the same of the first seconds, however long it is', () => {
    const short = scheduleOf(5, 20)
    expect(scheduleOf(5, 200).slice(0, short.length)).toEqual(short)
  })
})
