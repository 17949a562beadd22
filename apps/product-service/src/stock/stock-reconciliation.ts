import type { Logger } from '@halles/telemetry/log'
import type { Db } from 'mongodb'

/** The most products that a result names. */
const MAX_NAMED = 100
/** The default time between reconciliations, in milliseconds. */
const INTERVAL_MS = 60_000
/** Reconciling takes at most one part in this many of the time, so a ledger that has grown large is read less often. */
const MAX_DUTY = 20

/** A product whose stock differs from the ledger: `by` is stock minus expected stock. */
export type StockDifference = { productId: string; by: number }

/** How many products differ, and the first 100 of them. */
export type StockDifferences = { count: number; products: StockDifference[] }

/**
 * Compares each product's stock with the ledger: stock + held = opening stock + adjustments. Reads one snapshot, blocks no
 * writer, and costs MongoDB a pass over all reservations that are held.
 */
export async function findStockDifferences(db: Db): Promise<StockDifferences> {
  const heldLines = [
    { $match: { state: 'held' } },
    { $unwind: '$items' },
    { $project: { _id: '$items.productId', count: '$items.quantity' } },
  ]
  const movements = [{ $project: { _id: '$productId', count: { $multiply: ['$delta', -1] } } }]
  const [found] = await db
    .collection('products')
    .aggregate<{ all: { count: number }[]; products: StockDifference[] }>(
      [
        { $project: { count: '$stock' } },
        { $unionWith: { coll: 'reservations', pipeline: heldLines } },
        { $unionWith: { coll: 'movements', pipeline: movements } },
        { $group: { _id: '$_id', by: { $sum: '$count' } } },
        { $match: { by: { $ne: 0 } } },
        {
          $facet: {
            all: [{ $count: 'count' }],
            products: [{ $limit: MAX_NAMED }, { $project: { _id: 0, productId: '$_id', by: 1 } }],
          },
        },
      ],
      { readConcern: { level: 'snapshot' }, allowDiskUse: true },
    )
    .toArray()
  return { count: found?.all[0]?.count ?? 0, products: found?.products ?? [] }
}

type Deps = {
  findDifferences: () => Promise<StockDifferences>
  /** Receives how many products differ, after each reconciliation. */
  onResult: (inconsistentProducts: number) => void
  log: Logger
  /** In milliseconds; the first reconciliation comes after it too. */
  interval?: number
}

/**
 * Reconciles stock and ledger periodically, and logs an error when they differ: that is a bug, or someone changed the
 * database by hand. Returns a function that stops it.
 */
export function startStockReconciliation({ findDifferences, onResult, log, interval = INTERVAL_MS }: Deps): () => void {
  let isStopped = false
  let timer: NodeJS.Timeout

  const reconcile = async (): Promise<void> => {
    const startedAt = performance.now()
    try {
      const { count, products } = await findDifferences()
      if (isStopped) return
      onResult(count)
      if (count > 0) log.error({ count, products }, 'stock differs from its ledger')
    } catch (error) {
      if (!isStopped) log.warn({ err: error }, 'stock reconciliation failed: it will be retried')
    }
    schedule(Math.max(interval, (performance.now() - startedAt) * (MAX_DUTY - 1)))
  }

  const schedule = (delay: number): void => {
    if (!isStopped) timer = setTimeout(() => void reconcile(), delay).unref()
  }

  schedule(interval)
  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}
