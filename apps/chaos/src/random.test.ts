import { describe, expect, it } from 'vitest'
import { createRandom } from './random.ts'

describe('createRandom', () => {
  const draws = (seed: number, actor: string) => {
    const random = createRandom(seed, actor)
    return Array.from({ length: 50 }, () => random.between(1, 1000))
  }

  it('repeats its values for the same seed and actor, and differs for another seed or actor', () => {
    expect(draws(7, 'Buyer 1')).toEqual(draws(7, 'Buyer 1'))
    expect(draws(7, 'Buyer 1')).not.toEqual(draws(8, 'Buyer 1'))
    expect(draws(7, 'Buyer 1')).not.toEqual(draws(7, 'Buyer 2'))
  })

  it('is distributed evenly, follows weights and shuffles without loss', () => {
    const random = createRandom(3, 'dice')
    const throws = Map.groupBy(
      Array.from({ length: 6000 }, () => random.between(1, 6)),
      (face) => face,
    )
    expect(throws.size).toBe(6)
    for (const { length } of throws.values()) expect(length).toBeGreaterThan(800)
    const weights = Array.from({ length: 1000 }, () => random.weighted({ rare: 1, common: 9 }))
    expect(weights.filter((one) => one === 'rare').length).toBeGreaterThan(50)
    expect(weights.filter((one) => one === 'rare').length).toBeLessThan(200)
    expect(new Set(random.shuffled([1, 2, 3, 4]))).toEqual(new Set([1, 2, 3, 4]))
  })
})
