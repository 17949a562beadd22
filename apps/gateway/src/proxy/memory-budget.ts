import type { ClientNetwork } from '@halles/auth/client-networks'

/** Whose budget some bytes exceed: that of the client's address or network, or that of all clients. */
export type ExceededBudget = 'network' | 'total'

export type MemoryBudget = ReturnType<typeof createMemoryBudget>

/**
 * Creates a budget of memory in which requests hold bytes: `perAddress` for one client address (wider networks have a larger
 * share), `total` for all clients.
 */
export function createMemoryBudget({ perAddress, total }: { perAddress: number; total: number }) {
  const bytesOf = new Map<string, number>()
  let used = 0
  return {
    /** Whose budget these further bytes would exceed; undefined when they fit. */
    exceededBy: (networks: readonly ClientNetwork[], bytes: number): ExceededBudget | undefined => {
      if (networks.some(({ cidr, share }) => (bytesOf.get(cidr) ?? 0) + bytes > perAddress * share)) return 'network'
      return used + bytes > total ? 'total' : undefined
    },

    /** Holds bytes; releases them when negative. */
    hold: (networks: readonly ClientNetwork[], bytes: number): void => {
      used += bytes
      for (const { cidr } of networks) {
        const held = (bytesOf.get(cidr) ?? 0) + bytes
        if (held > 0) bytesOf.set(cidr, held)
        else bytesOf.delete(cidr)
      }
    },
  }
}
