import type { ClientSession, Collection, Db, Document } from 'mongodb'
import type { StockChangeDocument } from '../products/products.ts'
import type { StockLine } from './reservation.ts'

/** The part of a ledger entry that changes stock: a reservation takes its items at `at` and returns them at `releasedAt`. */
type LedgerEntry = { _id: string; items: StockLine[]; at: Date; releasedAt?: Date }

/** The sum of all changes of one product's stock up to the cut of its generation. */
export type SettledStock = { _id: { generation: string; productId: string }; sum: number }

/** The sum of some changes of one product's stock. */
export type ProductSum = { productId: string; sum: number }

/** How many documents a full pass reads at a time. */
const BATCH_SIZE = 2000
/** How long one read or write may take, in milliseconds. */
const MAX_TIME_MS = 30_000

/** The name of the collection, for aggregations. */
export const SETTLED_STOCK = 'settledStock'

/**
 * Returns an aggregation pipeline on `reservations` whose results are the changes of stock after `from`, until `to`, as documents
 * `{_id: productId, count}`: reservations, their releases, and movements. It reads by index what changed in that time.
 */
export function changesBetween(from: Date, to?: Date): Document[] {
  const within = { $gt: from, ...(to && { $lte: to }) }
  const lines = (time: string, sign: 1 | -1): Document[] => [
    { $match: { [time]: within } },
    { $unwind: '$items' },
    { $project: { _id: '$items.productId', count: { $multiply: ['$items.quantity', sign] } } },
  ]
  const movements = [{ $match: { at: within } }, { $project: { _id: '$productId', count: '$delta' } }]
  return [
    ...lines('at', -1),
    { $unionWith: { coll: 'reservations', pipeline: lines('releasedAt', 1) } },
    { $unionWith: { coll: 'movements', pipeline: movements } },
  ]
}

/** Creates the store of settled stock, and the indexes by which changes are found by their time. */
export async function createSettledStockStore(db: Db) {
  const settled = db.collection<SettledStock>(SETTLED_STOCK)
  const ledger = db.collection<LedgerEntry>('reservations')
  const movements = db.collection<StockChangeDocument>('movements')
  await Promise.all([
    ledger.createIndex({ releasedAt: 1 }, { partialFilterExpression: { releasedAt: { $exists: true } } }),
    movements.createIndex({ at: 1 }),
    settled.createIndex({ '_id.generation': 1 }),
  ])

  return {
    /**
     * Returns the sums of the changes after `from`, until `to`, by product. They must be final: the aggregation cannot run in a
     * transaction.
     */
    sumChanges: async (from: Date, to: Date): Promise<ProductSum[]> =>
      ledger
        .aggregate<{ _id: string; sum: number }>(
          [
            ...changesBetween(from, to),
            { $group: { _id: '$_id', sum: { $sum: '$count' } } },
            { $match: { sum: { $ne: 0 } } },
          ],
          { allowDiskUse: true, maxTimeMS: MAX_TIME_MS },
        )
        .map(({ _id: productId, sum }) => ({ productId, sum }))
        .toArray(),

    /** Adds sums to those of a generation, in the transaction that also moves its cut. */
    add: async (generation: string, sums: ProductSum[], session: ClientSession): Promise<void> => {
      const updates = sums.map(({ productId, sum }) => ({
        updateOne: { filter: { _id: { generation, productId } }, update: { $inc: { sum } }, upsert: true },
      }))
      if (updates.length > 0) await settled.bulkWrite(updates, { session })
    },

    /**
     * Sums up all changes until `cut` in bounded batches, and stores them as a new generation. Changes until then are final, so it
     * needs no snapshot. `onBatch` is called after each batch, and its rejection ends the pass.
     */
    sumAll: async (generation: string, cut: Date, onBatch: () => Promise<void>): Promise<void> => {
      const sums = new Map<string, number>()
      const add = (productId: string, count: number) => sums.set(productId, (sums.get(productId) ?? 0) + count)
      for await (const { items, at, releasedAt } of readInBatches(
        ledger,
        { items: 1, at: 1, releasedAt: 1 },
        onBatch,
      )) {
        const sign = Number(releasedAt !== undefined && releasedAt <= cut) - Number(at <= cut)
        if (sign !== 0) for (const { productId, quantity } of items) add(productId, sign * quantity)
      }
      for await (const { productId, delta, at } of readInBatches(movements, { productId: 1, delta: 1, at: 1 }, onBatch))
        if (at <= cut) add(productId, delta)
      const documents = [...sums]
        .filter(([, sum]) => sum !== 0)
        .map(([productId, sum]): SettledStock => ({ _id: { generation, productId }, sum }))
      for (let i = 0; i < documents.length; i += BATCH_SIZE) {
        await settled.insertMany(documents.slice(i, i + BATCH_SIZE), { ordered: false })
        await onBatch()
      }
    },

    /** Deletes all generations but this one. */
    deleteOthers: async (generation: string): Promise<void> =>
      void (await settled.deleteMany({ '_id.generation': { $ne: generation } })),
  }
}

/** Reads a collection by id, a batch at a time, each by a query of its own. */
async function* readInBatches<T extends { _id: string }>(
  collection: Collection<T>,
  projection: Document,
  onBatch: () => Promise<void>,
): AsyncGenerator<T> {
  const all = collection as unknown as Collection<{ _id: string }>
  for (let last = ''; ;) {
    const found = await all
      .find({ _id: { $gt: last } }, { projection, maxTimeMS: MAX_TIME_MS })
      .sort({ _id: 1 })
      .limit(BATCH_SIZE)
      .toArray()
    yield* found as unknown as T[]
    await onBatch()
    if (found.length < BATCH_SIZE) return
    last = found.at(-1)!._id
  }
}
