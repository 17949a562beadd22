import type { Client } from '@halles/auth/client-address'
import { AppError } from '@halles/errors/app-error'
import { createFairQueue, type QueuePath } from './fair-queue.ts'

/** For whom work is done: it decides when. */
export type Turn = {
  client: Pick<Client, 'networks' | 'isGone'>
  /** What names the account, such as its address. */
  account: string
  /** Whether the owner has signed in from the client's subnet before. Known owners are served first. */
  isKnown: boolean
}

export type FairSlotsOptions = {
  /** How much work runs at once: in all, and of one network (an IPv4 /24 or IPv6 /48). */
  slots: { total: number; perNetwork: number }
  /** How much work may wait: of one network, and of all. */
  limits: { perNetwork: number; total: number }
  /** How long work may wait, in milliseconds. */
  maxWait: number
  onRejected: (reason: Rejection) => void
}

/** Why work is not done: too much waits, it has waited too long, or the client has closed its connection. */
export type Rejection = 'full' | 'expired' | 'gone'

type Entry = { start: () => void; reject: (reason: Rejection) => void; isGone: () => boolean; network: string }

export type FairSlots = ReturnType<typeof createFairSlots>

/**
 * Creates slots for work that is costly (a bulkhead), with a queue in which networks, and the accounts within one, take turns. So
 * a network that signs in a thousand times delays itself. With fewer slots for one network than in all, the next work of
 * another one starts at once. Work that has expired, or whose client has gone, is dropped before it starts.
 */
export function createFairSlots({ slots, limits, maxWait, onRejected }: FairSlotsOptions) {
  const queue = createFairQueue<Entry>(limits)
  const runningOf = new Map<string, number>()
  let running = 0

  const hasSlot = (network: string): boolean => (runningOf.get(network) ?? 0) < slots.perNetwork

  const startNext = (): void => {
    while (running < slots.total) {
      const entry = queue.take(hasSlot)
      if (!entry) return
      if (entry.isGone()) {
        entry.reject('gone')
        continue
      }
      running++
      runningOf.set(entry.network, (runningOf.get(entry.network) ?? 0) + 1)
      entry.start()
    }
  }

  const free = (network: string): void => {
    running--
    const left = runningOf.get(network)! - 1
    if (left > 0) runningOf.set(network, left)
    else runningOf.delete(network)
    startNext()
  }

  const wait = (path: QueuePath, { client, isKnown }: Turn): Promise<void> =>
    new Promise((resolve, reject) => {
      const tier = isKnown ? 'upper' : 'lower'
      const entry: Entry = {
        network: path[0],
        isGone: client.isGone,
        start: () => {
          clearTimeout(timer)
          resolve()
        },
        reject: (reason) => {
          clearTimeout(timer)
          onRejected(reason)
          reject(tooManySignIns())
        },
      }
      const timer = setTimeout(() => {
        queue.remove(path, tier, entry)
        entry.reject('expired')
      }, maxWait)
      queue.push(path, tier, entry)?.reject('full')
      startNext()
    })

  return {
    /** How much work waits for a slot. */
    queueLength: queue.size,

    /**
     * Runs work in its turn.
     *
     * @throws AppError `RATE_LIMITED` when the work was not started; what `work` throws
     */
    async run<T>(turn: Turn, work: () => Promise<T>): Promise<T> {
      const [widest, ...narrower] = turn.client.networks.toReversed().map(({ cidr }) => cidr)
      await wait([widest!, ...narrower, turn.account], turn)
      try {
        return await work()
      } finally {
        free(widest!)
      }
    },
  }
}

const tooManySignIns = (): AppError =>
  new AppError('RATE_LIMITED', 'Too many people are signing in right now: try again in a moment.', { retryAfter: 1 })
