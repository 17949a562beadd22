import { AppError } from '@halles/errors/app-error'
import { loopDelay } from './loop-delay.ts'

/** A network that a caller belongs to, and how many times the share of one client address it may take. */
export type CallerNetwork = { cidr: string; share: number }

/** How a request ended that had a slot. `ignored`: its duration says nothing about the load. */
export type SlotOutcome = 'answered' | 'ignored'

/** Gives a slot back. Calls after the first have no effect. */
export type ReleaseSlot = (outcome: SlotOutcome) => void

export type AdaptiveLimit = ReturnType<typeof createAdaptiveLimit>

/** How often the limit is adjusted at most, in milliseconds, from how many durations at least, and by which factors. */
const adjustment = { interval: 200, samples: 10, largestDecrease: 0.5, increase: 1.1 } as const

/** How many times the free slots one client may hold: alone it gets four fifths of the limit. */
const SHARE_FACTOR = 4

/** Seconds after which refused clients may try again, in turn, so that they do not all come back at once. */
const retryAfterSeconds = [1, 2, 3]
const busyErrors = retryAfterSeconds.map(
  (retryAfter) => new AppError('UNAVAILABLE', 'The shop is busy right now: try again in a moment.', { retryAfter }),
)
let turn = 0

/** The error of a request that is refused for load. Created in advance: refusing costs little. */
export const busyError = (): AppError => busyErrors[turn++ % busyErrors.length]!

/** Whether an error is one of `busyError`. */
export const isBusyError = (error: unknown): boolean => busyErrors.includes(error as AppError)

/**
 * Creates a limit on concurrent requests that follows their duration (an adaptive concurrency limit, as in Netflix's
 * concurrency-limits). When the median is above `target`, the limit becomes as many requests as there were, times target /
 * median, by Little's law: throughput × target. While it is below, the limit grows by a tenth. So there is nothing to configure
 * for a machine. A duration includes what the request has waited for the event loop before it was seen (`loopDelay`). Only requests that began after the last adjustment count, so that one period of slowness does not shrink the limit
 * several times.
 *
 * Slots are shared by client network with dynamic thresholds (Choudhury and Hahne, 1998): a network may hold four times as many
 * slots as are free. So clients that flood leave slots free, and one that holds none gets a slot while any is free.
 *
 * @param max the limit at first and at most
 * @param min the limit at least, so that a slow dependency does not end all traffic
 * @param target the median duration that is aimed at, in milliseconds
 */
export function createAdaptiveLimit(
  { max, min = 96, target }: { max: number; min?: number; target: number },
  now: () => number = () => performance.now(),
  readLoopDelay: () => number = loopDelay,
) {
  readLoopDelay() // starts the monitor
  let limit = max
  let inFlight = 0
  let peak = 0
  let adjustedAt = now()
  let durations: number[] = []
  const held = new Map<string, number>()

  const isFull = (networks: readonly CallerNetwork[]): boolean => {
    const free = Math.floor(limit) - inFlight
    return free <= 0 || networks.some(({ cidr, share }) => (held.get(cidr) ?? 0) >= SHARE_FACTOR * share * free)
  }

  const observe = (startedAt: number, duration: number): void => {
    if (startedAt < adjustedAt) return
    durations.push(duration)
    const time = now()
    if (time - adjustedAt < adjustment.interval || durations.length < adjustment.samples) return
    const median = durations.toSorted((a, b) => a - b)[durations.length >> 1]! + readLoopDelay()
    limit =
      median > target
        ? Math.max(min, Math.min(limit, peak * Math.max(adjustment.largestDecrease, target / median)))
        : Math.min(max, limit * adjustment.increase)
    durations = []
    adjustedAt = time
    peak = 0
  }

  const acquire = (networks: readonly CallerNetwork[]): ReleaseSlot | undefined => {
    if (isFull(networks)) return undefined
    const startedAt = now()
    inFlight++
    peak = Math.max(peak, inFlight)
    for (const { cidr } of networks) held.set(cidr, (held.get(cidr) ?? 0) + 1)
    let released = false
    return (outcome) => {
      if (released) return
      released = true
      inFlight--
      for (const { cidr } of networks) {
        const left = held.get(cidr)! - 1
        if (left > 0) held.set(cidr, left)
        else held.delete(cidr)
      }
      if (outcome !== 'ignored') observe(startedAt, now() - startedAt)
    }
  }

  return {
    /** Whether a request of a client in these networks would be refused now. */
    isFull,

    /** Takes a slot, until the returned function is called. Returns undefined when the request must be refused. */
    acquire,

    /**
     * Does `work` in a slot.
     *
     * @throws AppError `UNAVAILABLE` (`busyError`) when there is none, else what the work throws
     */
    run: async <T>(networks: readonly CallerNetwork[], work: () => Promise<T>): Promise<T> => {
      const release = acquire(networks)
      if (!release) throw busyError()
      try {
        return await work()
      } finally {
        release('answered')
      }
    },

    /** The present limit, and how many slots are taken. */
    state: () => ({ limit: Math.floor(limit), inFlight }),
  }
}
