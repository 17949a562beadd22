/** The place of an entry: from the widest network of its client to its account. Entries with the same first key are one network. */
export type QueuePath = readonly [network: string, ...rest: string[]]

type Node<T> = { size: number; children: Map<string, Node<T>>; items: T[] }

export type FairQueue<T> = ReturnType<typeof createFairQueue<T>>

/** Of so many entries that are taken, one comes from the lower tier first, so that the upper one cannot starve it. */
const LOWER_TIER_TURN = 4

/**
 * Creates a queue that is fair at each level of its entries' paths: networks take turns, then the narrower networks within one,
 * then the accounts within those, each in the order of arrival (hierarchical round robin, as fair queueing by Nagle, RFC 970,
 * does for packets). Entries of the upper tier are taken three times as often as those of the lower one, when both wait.
 *
 * @param limits how many entries may wait: of one network, and of all
 */
export function createFairQueue<T>(limits: { perNetwork: number; total: number }) {
  const tiers = { upper: createNode<T>(), lower: createNode<T>() }
  let taken = 0

  const size = (): number => tiers.upper.size + tiers.lower.size
  const sizeOf = (network: string): number =>
    (tiers.upper.children.get(network)?.size ?? 0) + (tiers.lower.children.get(network)?.size ?? 0)

  const longestNetwork = (): string => {
    const networks = [...new Set([...tiers.upper.children.keys(), ...tiers.lower.children.keys()])]
    return networks.reduce((longest, network) => (sizeOf(network) > sizeOf(longest) ? network : longest))
  }

  /** Removes the newest entry of the longest queue within a network. */
  const dropFrom = (network: string): T => {
    const [upper, lower] = [tiers.upper.children.get(network)?.size ?? 0, tiers.lower.children.get(network)?.size ?? 0]
    return dropNewest(upper > lower ? tiers.upper : tiers.lower, network)
  }

  return {
    size,

    /**
     * Appends an entry. Beyond a limit it returns the entry that is refused instead, which may be the new one: the newest of
     * the longest queue in its network or, when all networks together are beyond theirs, in the network with most entries.
     */
    push(path: QueuePath, tier: keyof typeof tiers, item: T): T | undefined {
      append(tiers[tier], path, item)
      if (sizeOf(path[0]) > limits.perNetwork) return dropFrom(path[0])
      return size() > limits.total ? dropFrom(longestNetwork()) : undefined
    },

    /** Takes the next entry of a network that `accepts` returns true for. Undefined when there is none. */
    take(accepts: (network: string) => boolean): T | undefined {
      const [first, second] =
        taken % LOWER_TIER_TURN === LOWER_TIER_TURN - 1 ? [tiers.lower, tiers.upper] : [tiers.upper, tiers.lower]
      const item = takeFrom(first, accepts) ?? takeFrom(second, accepts)
      if (item !== undefined) taken++
      return item
    },

    /** Removes an entry that waits. Without effect on one that was taken or refused. */
    remove(path: QueuePath, tier: keyof typeof tiers, item: T): void {
      removeFrom(tiers[tier], path, item)
    },
  }
}

const createNode = <T>(): Node<T> => ({ size: 0, children: new Map(), items: [] })

function append<T>(node: Node<T>, [key, ...rest]: readonly string[], item: T): void {
  node.size++
  if (key === undefined) return void node.items.push(item)
  const child = node.children.get(key) ?? createNode<T>()
  node.children.set(key, child)
  append(child, rest, item)
}

/** Takes the first entry below a node, and moves the child that it was taken from to the end of its siblings. */
function takeFrom<T>(node: Node<T>, accepts: (key: string) => boolean): T | undefined {
  if (node.items.length > 0) {
    node.size--
    return node.items.shift()
  }
  for (const [key, child] of node.children) {
    if (!accepts(key)) continue
    const item = takeFrom(child, () => true)
    node.size--
    node.children.delete(key)
    if (child.size > 0) node.children.set(key, child)
    return item
  }
  return undefined
}

/** Removes the newest entry of the longest queue below a node, or below its child `key`. */
function dropNewest<T>(node: Node<T>, key?: string): T {
  node.size--
  if (node.items.length > 0) return node.items.pop()!
  const [longest, child] =
    key === undefined
      ? [...node.children].reduce((one, other) => (other[1].size > one[1].size ? other : one))
      : ([key, node.children.get(key)!] as const)
  const item = dropNewest(child)
  if (child.size === 0) node.children.delete(longest)
  return item
}

/** Whether the entry was below the node, and is removed. */
function removeFrom<T>(node: Node<T>, [key, ...rest]: readonly string[], item: T): boolean {
  if (key === undefined) {
    const at = node.items.indexOf(item)
    if (at === -1) return false
    node.items.splice(at, 1)
  } else {
    const child = node.children.get(key)
    if (!child || !removeFrom(child, rest, item)) return false
    if (child.size === 0) node.children.delete(key)
  }
  node.size--
  return true
}
