/** Chance that can be repeated. */
export type Random = ReturnType<typeof randomOf>

/**
 * The chance of one actor: the same for the same seed and actor, whatever the others do and however long it takes them.
 * Numbers by SplitMix32, from a hash (FNV-1a, 32 bits) of both.
 */
export function randomOf(seed: number, actor: string) {
  let state = Buffer.from(`${seed}/${actor}`).reduce((hash, byte) => Math.imul(hash ^ byte, 0x01000193), 0x811c9dc5)
  /** From 0 to below 1. */
  const next = (): number => {
    state = (state + 0x9e3779b9) | 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97)
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32
  }
  /** A whole number from `low` to `high`, both included. */
  const between = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1))
  const pick = <T>(list: readonly T[]): T => list[between(0, list.length - 1)]!
  return {
    between,
    pick,
    /** True so often, of 1. */
    chance: (share: number): boolean => next() < share,
    /** One of the keys, each as often as its weight says. */
    weighted: <K extends string>(weights: Record<K, number>): K => {
      const all = Object.entries(weights) as [K, number][]
      let left = next() * all.reduce((sum, [, weight]) => sum + weight, 0)
      return (all.find(([, weight]) => (left -= weight) < 0) ?? all.at(-1)!)[0]
    },
    /** The same things in an order of chance. */
    shuffled: <T>(list: readonly T[]): T[] => {
      const rest = [...list]
      return list.map(() => rest.splice(between(0, rest.length - 1), 1)[0]!)
    },
    /** A name that no other draw gives: 32 hexadecimal digits. */
    name: (): string =>
      Array.from({ length: 4 }, () =>
        Math.floor(next() * 2 ** 32)
          .toString(16)
          .padStart(8, '0'),
      ).join(''),
  }
}
