import { newId } from '@halles/mongo/ids'
import { takeLease } from '@halles/mongo/lease'
import { retryWrite } from '@halles/mongo/retry-write'
import type { Collection } from 'mongodb'
import { LEASE_DURATION, placedFilter, type Order, type StoredOrder } from './order.ts'

/** For a write that may be lost without harm: its events are published once more, and consumers are idempotent. */
const repeatable = { writeConcern: { w: 1 } }

export type PendingPublications = ReturnType<typeof createPendingPublications>

/**
 * Stores which orders have events that Kafka has not acknowledged: the transactional outbox, inside the order
 * documents.
 */
export function createPendingPublications(orders: Collection<StoredOrder>, now: () => Date) {
  return {
    /** Those of these orders that have unpublished events, as they are now. */
    find: async (ids: string[]): Promise<Order[]> =>
      (await orders.find({ _id: { $in: ids }, ...placedFilter, unpublished: { $exists: true } }).toArray()) as Order[],

    /**
     * Leases up to `limit` orders whose events should have been published by now. The lease only saves repeated work:
     * `markPublished` is correct without it.
     */
    lease: async (limit: number): Promise<Order[]> => {
      const leasedBy = newId()
      const nextAttemptAt = new Date(now().getTime() + LEASE_DURATION)
      return (await takeLease(orders, {
        due: { nextAttemptAt: { $lte: now() }, ...placedFilter },
        order: { nextAttemptAt: 1 },
        limit,
        hold: { $set: { nextAttemptAt, leasedBy } },
        held: { ...placedFilter, leasedBy },
      })) as Order[]
    },

    /**
     * Removes the events that Kafka acknowledged: those of these orders as they were read, and no later one. So an
     * event is first published after the one before it, whichever instance publishes it, and however late a paused
     * instance resumes.
     */
    markPublished: async (published: Order[]): Promise<void> => {
      for (const [key, group] of Object.entries(Object.groupBy(published, ({ seq }) => seq))) {
        const seq = Number(key)
        const these = { _id: { $in: group!.map(({ _id }) => _id) } }
        const { matchedCount } = await retryWrite(() =>
          orders.updateMany(
            { ...these, seq },
            { $unset: { unpublished: '', nextAttemptAt: '', leasedBy: '' } },
            repeatable,
          ),
        )
        // Write concern majority: whoever publishes the later event reads by majority, and would publish these once
        // more.
        if (matchedCount < group!.length)
          await retryWrite(() =>
            orders.updateMany({ ...these, seq: { $gt: seq } }, { $pull: { unpublished: { seq: { $lte: seq } } } }),
          )
      }
    },
  }
}
