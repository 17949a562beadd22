import type { Logger } from '@halles/telemetry/log'
import { toAppError } from '@halles/errors/app-error'
import { pollEvery } from '@halles/concurrency/poll-every'
import type { PendingOrders } from './pending-orders.ts'
import type { PendingReleases } from './pending-releases.ts'
import type { StockClient } from './stock-client.ts'

/** How many releases are in flight at a time. */
const MAX_RELEASES = 64

export type RecoveryDeps = {
  pendingOrders: Pick<PendingOrders, 'cancel' | 'cancelExpired'>
  pendingReleases: Pick<PendingReleases, 'lease' | 'markReleased'>
  stock: Pick<StockClient, 'release'>
  log: Logger
  /** How often to poll, in milliseconds. */
  pollInterval?: number
}

export type Recovery = ReturnType<typeof createRecovery>

/**
 * Starts the polling worker that compensates unfinished sagas, from the start on. It cancels pending orders that were
 * not confirmed in time: their customers were answered 503, or nothing, and may have ordered again. It releases the
 * stock of those and of cancelled orders, until product-service acknowledges it. Several instances may run: every write
 * filters by what it changes, and a release is idempotent.
 */
export function createRecovery({ pendingOrders, pendingReleases, stock, log, pollInterval = 2000 }: RecoveryDeps) {
  /** Calls concurrently: product-service writes concurrent releases in one transaction. */
  const release = async (orderIds: string[]): Promise<void> => {
    const releases = await Promise.allSettled(orderIds.map(stock.release))
    await pendingReleases.markReleased(orderIds.filter((_, i) => releases[i]?.status === 'fulfilled'))
    for (const [i, result] of releases.entries()) {
      if (result.status === 'fulfilled') continue
      // Without product-service the next releases would fail as well: the next poll tries again.
      if (toAppError(result.reason)) throw result.reason
      log.error({ err: result.reason, orderId: orderIds[i] }, 'stock could not be released: the next lease tries again')
    }
  }

  const worker = pollEvery(
    'recovery',
    pollInterval,
    async () => {
      const cancelled = await pendingOrders.cancelExpired()
      if (cancelled > 0) log.warn({ orders: cancelled }, 'cancelled pending orders that were not confirmed in time')
      for (;;) {
        const leased = await pendingReleases.lease(MAX_RELEASES)
        if (leased.length === 0) break
        await release(leased)
      }
    },
    log,
  )

  return {
    /**
     * Cancels a pending order whose outcome is unknown. It never rejects: if it fails, the worker cancels the order
     * later.
     */
    cancel: async (orderId: string): Promise<void> => {
      try {
        await pendingOrders.cancel(orderId)
        worker.wake()
      } catch (error) {
        log.warn({ err: error, orderId }, 'pending order could not be cancelled: recovery will cancel it')
      }
    },
    /** Wakes the worker, because stock must be released. */
    wake: (): void => worker.wake(),
    stop: worker.stop,
  }
}
