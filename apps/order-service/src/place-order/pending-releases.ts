import { newId } from '@halles/mongo/ids'
import { takeLease } from '@halles/mongo/lease'
import { retryWrite } from '@halles/mongo/retry-write'
import type { Collection } from 'mongodb'
import { LEASE_DURATION, type StoredOrder } from '../order.ts'

export type PendingReleases = ReturnType<typeof createPendingReleases>

/** Stores whose stock must be released: cancelled orders, and pending orders that are being cancelled. */
export function createPendingReleases(orders: Collection<StoredOrder>, now: () => Date) {
  return {
    /** Leases up to `limit` releases that are due; returns the ids of their orders. */
    lease: async (limit: number): Promise<string[]> => {
      const releaseLeasedBy = newId()
      const releaseAttemptAt = new Date(now().getTime() + LEASE_DURATION)
      const leased = await takeLease(orders, {
        due: { releaseAttemptAt: { $lte: now() } },
        order: { releaseAttemptAt: 1 },
        limit,
        hold: { $set: { releaseAttemptAt, releaseLeasedBy } },
        held: { releaseLeasedBy },
      })
      return leased.map(({ _id }) => _id)
    },

    /** Records that the stock of these orders was released. A pending order is then removed. */
    markReleased: async (ids: string[]): Promise<void> => {
      const these = { _id: { $in: ids } }
      const { deletedCount } = await retryWrite(() => orders.deleteMany({ ...these, status: 'Cancelling' }))
      if (deletedCount < ids.length)
        await retryWrite(() => orders.updateMany(these, { $unset: { releaseAttemptAt: '', releaseLeasedBy: '' } }))
    },
  }
}
