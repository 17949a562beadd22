/** A source of repeatable random values. */
export type Random = ReturnType<typeof createRandom>

/**
 * Creates the pseudo-random stream of one actor. The same seed and actor give the same values, whatever other actors draw
 * and however long they take. The generator is SplitMix32; its state starts as the 32-bit FNV-1a hash of seed and actor.
 */
export function createRandom(seed: number, actor: string) {
  let state = Buffer.from(`${seed}/${actor}`).reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5)
  /** A number from 0 to below 1. */
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
  /** An integer from `low` to `high`, both included. */
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  const pick = <T>(list: readonly T[]): T => list[between(0, list.length - 1)]!
  return {
    between,
    pick,
    /** True with this probability (0 to 1). */
    chance: (probability: number): boolean => next() < probability,
    /** One of the keys, each with a probability proportional to its weight. */
    weighted: <K extends string>(weights: Record<K, number>): K => {
      const all = Object.entries(weights) as [K, number][]
      let left = next() * all.reduce((sum, [, weight]) => sum + weight, 0)
      return (all.find(([, weight]) => (left -= weight) < 0) ?? all.at(-1)!)[0]
    },
    /** A copy of the list in random order. */
    shuffled: <T>(list: readonly T[]): T[] => {
      const rest = [...list]
      return list.map(() => rest.splice(between(0, rest.length - 1), 1)[0]!)
    },
    /** A unique identifier: 32 hexadecimal digits. */
    id: (): string =>
      Array.from({ length: 4 }, () =>
        Math.floor(next() * 2 ** 32)
          .toString(16)
          .padStart(8, '0'),
      ).join(''),
  }
}
