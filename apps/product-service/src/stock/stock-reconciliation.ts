import { setTimeout as pause } from 'node:timers/promises'
import { takeLease } from '@halles/mongo/lease'
import { newId } from '@halles/mongo/ids'
import type { Logger } from '@halles/telemetry/log'
import type { ClientSession, Collection, Db, MongoClient } from 'mongodb'
import { changesBetween, createSettledStockStore, SETTLED_STOCK } from './settled-stock.ts'

/** The most products that a result names. */
const MAX_NAMED = 100
/** The default time between reconciliations, in milliseconds. */
const INTERVAL_MS = 60_000
/** The default of `maxDuty`. */
const MAX_DUTY = 20
/** How long one query may take, in milliseconds. */
const MAX_TIME_MS = 30_000
/**
 * How old a change is before it counts as final, in milliseconds. A change has the time at which its transaction began, and MongoDB
 * ends a transaction after 60 s; the rest is for clocks of other instances that differ.
 */
const SETTLE_AFTER_MS = 120_000
/** The most time whose changes are settled in one transaction, in milliseconds. */
const SLICE_MS = 600_000
/** The time between full passes, in milliseconds: they find what was changed by hand in old entries. */
const FULL_INTERVAL_MS = 86_400_000
/** How long an instance that died keeps the others from reconciling, in milliseconds. */
const LEASE_MS = 300_000

/** A product whose stock differs from the ledger: `by` is stock minus expected stock. */
export type StockDifference = { productId: string; by: number }

/** How many products differ, the first 100 of them, and when they were compared. */
export type StockDifferences = { count: number; products: StockDifference[]; at: Date }

/** The state that all instances share. `cut`: changes until then are in the settled sums of `generation`. */
type State = {
  _id: 'stock'
  nextAttemptAt: Date
  leasedBy?: string
  leaseUntil?: Date
  generation?: string
  cut?: Date
  fullPassAt?: Date
  result?: StockDifferences
}
type Settled = Required<Pick<State, 'generation' | 'cut'>>

type Options = {
  now?: () => Date
  /** The time between reconciliations, in milliseconds. */
  interval?: number
  /** How old a change is before it counts as final, in milliseconds. */
  settleAfter?: number
  /** Reconciling takes at most one part in this many of the time. */
  maxDuty?: number
}

export type StockReconciliation = Awaited<ReturnType<typeof createStockReconciliation>>

/**
 * Compares each product's stock with the ledger: stock = all movements - all reservations + all releases. Changes that are final are
 * summed up once, so a reconciliation reads the catalogue, one sum per product, and the changes of the last minutes, all in one
 * snapshot. It blocks no writer. A full pass computes the sums anew once a day, in bounded batches.
 */
export async function createStockReconciliation(
  { client, db }: { client: MongoClient; db: Db },
  { now = () => new Date(), interval = INTERVAL_MS, settleAfter = SETTLE_AFTER_MS, maxDuty = MAX_DUTY }: Options = {},
) {
  const states = db.collection<State>('stockReconciliation')
  const settledStock = await createSettledStockStore(db)
  await states.updateOne({ _id: 'stock' }, { $setOnInsert: { nextAttemptAt: now() } }, { upsert: true })

  /** Keeps the lease. @throws Error when another instance has it by now */
  const renewLease = async (leasedBy: string): Promise<void> => {
    const leaseUntil = new Date(now().getTime() + LEASE_MS)
    const { matchedCount } = await states.updateOne({ _id: 'stock', leasedBy }, { $set: { leaseUntil } })
    if (matchedCount === 0) throw new Error('Another instance reconciles the stock by now.')
  }

  /** Sums up the whole ledger again, slowly. */
  const runFullPass = async (leasedBy: string): Promise<Settled> => {
    const settled = { generation: newId(), cut: new Date(now().getTime() - settleAfter) }
    let startedAt = performance.now()
    await settledStock.sumAll(settled.generation, settled.cut, async () => {
      await renewLease(leasedBy)
      await pause(performance.now() - startedAt) // half of the time
      startedAt = performance.now()
    })
    await guardedUpdate(states, leasedBy, { ...settled, fullPassAt: now() })
    await settledStock.deleteOthers(settled.generation)
    return settled
  }

  /** Adds the changes that have become final since the last reconciliation to the sums. */
  const settleChanges = async (leasedBy: string, { generation, cut: first }: Settled): Promise<Settled> => {
    let cut = first
    const end = new Date(now().getTime() - settleAfter)
    while (cut < end) {
      await renewLease(leasedBy)
      const from = cut
      const next = new Date(Math.min(end.getTime(), cut.getTime() + SLICE_MS))
      const sums = await settledStock.sumChanges(from, next)
      await client.withSession((session) =>
        session.withTransaction(
          async () => {
            await guardedUpdate(states, leasedBy, { cut: next }, session)
            await settledStock.add(generation, sums, session)
          },
          { readConcern: { level: 'snapshot' }, writeConcern: { w: 'majority' } },
        ),
      )
      cut = next
    }
    return { generation, cut }
  }

  const reconcile = async ({ leasedBy, generation, cut, fullPassAt }: State & { leasedBy: string }): Promise<void> => {
    const isFullPassDue = !fullPassAt || fullPassAt.getTime() <= now().getTime() - FULL_INTERVAL_MS
    const settled =
      isFullPassDue || !generation || !cut
        ? await runFullPass(leasedBy)
        : await settleChanges(leasedBy, { generation, cut })
    const result = { ...(await findStockDifferences(db, settled)), at: now() }
    await guardedUpdate(states, leasedBy, { result })
  }

  return {
    /**
     * Reconciles, if it is due and no other instance does, and returns the last result of any instance; undefined before the first.
     * After an error the next attempt is due after the interval.
     */
    run: async (): Promise<StockDifferences | undefined> => {
      const leasedBy = newId()
      const startedAt = now()
      const leased = await takeLease(states, {
        due: { _id: 'stock', nextAttemptAt: { $lte: startedAt }, leaseUntil: { $not: { $gt: startedAt } } },
        order: { nextAttemptAt: 1 },
        limit: 1,
        hold: { $set: { leasedBy, leaseUntil: new Date(startedAt.getTime() + LEASE_MS) } },
        held: { leasedBy },
      })
      if (leased[0])
        try {
          await reconcile({ ...leased[0], leasedBy })
        } finally {
          const took = now().getTime() - startedAt.getTime()
          const nextAttemptAt = new Date(now().getTime() + Math.max(interval, took * (maxDuty - 1)))
          await states.updateOne(
            { _id: 'stock', leasedBy },
            { $set: { nextAttemptAt }, $unset: { leasedBy: 1, leaseUntil: 1 } },
          )
        }
      return (await states.findOne({ _id: 'stock' }))?.result
    },
  }
}

/** Changes the state while this instance has the lease (fencing). @throws Error when it has not */
async function guardedUpdate(
  states: Collection<State>,
  leasedBy: string,
  change: Partial<State>,
  session?: ClientSession,
): Promise<void> {
  const { matchedCount } = await states.updateOne({ _id: 'stock', leasedBy }, { $set: change }, session && { session })
  if (matchedCount === 0) throw new Error('Another instance reconciles the stock by now.')
}

/** Compares the stock of all products with the settled sums and the later changes, in one snapshot. */
async function findStockDifferences(
  db: Db,
  { generation, cut }: Settled,
): Promise<Pick<StockDifferences, 'count' | 'products'>> {
  const negated = { $project: { _id: 1, count: { $multiply: ['$count', -1] } } }
  const settled = [
    { $match: { '_id.generation': generation } },
    { $project: { _id: '$_id.productId', count: { $multiply: ['$sum', -1] } } },
  ]
  const [found] = await db
    .collection('products')
    .aggregate<{ all: { count: number }[]; products: StockDifference[] }>(
      [
        { $project: { count: '$stock' } },
        { $unionWith: { coll: SETTLED_STOCK, pipeline: settled } },
        { $unionWith: { coll: 'reservations', pipeline: [...changesBetween(cut), negated] } },
        { $group: { _id: '$_id', by: { $sum: '$count' } } },
        { $match: { by: { $ne: 0 } } },
        {
          $facet: {
            all: [{ $count: 'count' }],
            products: [{ $limit: MAX_NAMED }, { $project: { _id: 0, productId: '$_id', by: 1 } }],
          },
        },
      ],
      { readConcern: { level: 'snapshot' }, allowDiskUse: true, maxTimeMS: MAX_TIME_MS },
    )
    .toArray()
  return { count: found?.all[0]?.count ?? 0, products: found?.products ?? [] }
}

type Deps = {
  reconciliation: Pick<StockReconciliation, 'run'>
  /** Receives each new result: how many products differ, and when they were compared. */
  onResult: (inconsistentProducts: number, at: Date) => void
  log: Logger
  /** In milliseconds; the first reconciliation comes after it too. */
  interval?: number
}

/**
 * Reconciles stock and ledger periodically, one instance at a time, and logs an error when they differ: that is a bug, or someone
 * changed the database by hand. Every instance reports the result. Returns a function that stops it.
 */
export function startStockReconciliation({ reconciliation, onResult, log, interval = INTERVAL_MS }: Deps): () => void {
  let isStopped = false
  let reportedAt = 0
  let timer: NodeJS.Timeout

  const runOnce = async (): Promise<void> => {
    try {
      const result = await reconciliation.run()
      if (!isStopped && result && result.at.getTime() !== reportedAt) {
        reportedAt = result.at.getTime()
        onResult(result.count, result.at)
        if (result.count > 0)
          log.error({ count: result.count, products: result.products }, 'stock differs from its ledger')
      }
    } catch (error) {
      if (!isStopped) log.warn({ err: error }, 'stock reconciliation failed: it will be retried')
    }
    schedule()
  }

  const schedule = (): void => {
    if (!isStopped) timer = setTimeout(() => void runOnce(), interval).unref()
  }

  schedule()
  return () => {
    isStopped = true
    clearTimeout(timer)
  }
}
