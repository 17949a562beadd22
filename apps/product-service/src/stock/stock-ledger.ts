import { withinDeadline } from '@halles/concurrency/caller'
import { createCursorCodec, MAX_TOTAL_COUNT, type Page, type PageArgs } from '@halles/validation/page'
import type { Collection, Db, Filter } from 'mongodb'
import { READ_TIMEOUT, type StockChangeDocument } from '../products/products.ts'
import type { LedgerEntry } from './reservations.ts'
import type { StockMovement } from './stock-movement.ts'

/** A position in the ledger: time, source and id of a movement, newest first. */
type Position = { at: Date; rank: number; id: string }

export type StockLedger = Awaited<ReturnType<typeof createStockLedger>>

/**
 * Reads the stock ledger of one product at a time. It is stored in two collections: each entry of `reservations` is two
 * movements once it is released. Each of the three sources is read newest first by an index of its own, and they are merged.
 */
export async function createStockLedger(db: Db) {
  const movements = db.collection<StockChangeDocument>('movements')
  const reservations = db.collection<LedgerEntry>('reservations')
  const newestReleases = { 'items.productId': 1, releasedAt: -1, _id: -1 } as const
  await Promise.all([
    movements.createIndex({ productId: 1, at: -1, _id: -1 }),
    reservations.createIndex({ 'items.productId': 1, at: -1, _id: -1 }),
    reservations.createIndex(newestReleases, { partialFilterExpression: { releasedAt: { $exists: true } } }),
  ])

  const quantityOf = ({ items }: LedgerEntry, productId: string): number =>
    items.find((item) => item.productId === productId)!.quantity

  /** The sources in the order of their ranks: at the same moment an order first took what it gave back. */
  const createSources = (productId: string) => [
    createSource(movements, 'at', { productId }, ({ _id: id, kind, delta, reason, by, at }): StockMovement => {
      return { id, kind, delta, reason, byId: by, orderId: null, at }
    }),
    createSource(reservations, 'at', { 'items.productId': productId }, (entry): StockMovement => {
      const delta = -quantityOf(entry, productId)
      return { id: entry._id, kind: 'reservation', delta, reason: null, byId: null, orderId: entry._id, at: entry.at }
    }),
    createSource(
      reservations,
      'releasedAt',
      { 'items.productId': productId, releasedAt: { $exists: true } },
      (entry): StockMovement => {
        const delta = quantityOf(entry, productId)
        const at = entry.releasedAt!
        return { id: `${entry._id}.release`, kind: 'release', delta, reason: null, byId: null, orderId: entry._id, at }
      },
    ),
  ]

  return {
    /**
     * Returns a page of a product's stock movements, newest first.
     *
     * @throws AppError `VALIDATION_FAILED` for a cursor of another product
     */
    async page(productId: string, { first, after }: PageArgs): Promise<Page<StockMovement>> {
      const cursors = createCursorCodec(['stock-movements', productId], 3)
      const [at, rank, id] = after === undefined ? [] : cursors.read(after)
      const position = id === undefined ? undefined : { at: new Date(at!), rank: Number(rank), id: String(id) }
      const sources = createSources(productId)
      const maxTimeMS = Math.max(1, withinDeadline(READ_TIMEOUT)) // 0 would mean no limit
      const limits = { limit: first + 1, maxTimeMS }
      const [found, counts] = await Promise.all([
        Promise.all(sources.map((source, i) => source.find(i, position, limits))),
        Promise.all(sources.map((source) => source.count(maxTimeMS))),
      ])
      const rows = found.flat().toSorted((a, b) => compare(b.position, a.position))
      const items = rows.slice(0, first)
      const count = counts.reduce((sum, n) => sum + n, 0)
      return {
        items: items.map(({ movement }) => movement),
        cursors: items.map((row) => cursors.write([row.position.at.getTime(), row.position.rank, row.position.id])),
        hasNextPage: rows.length > first,
        totalCount: Math.min(count, MAX_TOTAL_COUNT),
        totalCountIsExact: count <= MAX_TOTAL_COUNT,
      }
    },
  }
}

/** Creates a source of movements: the documents of a collection that fit a filter, by the time in one of their fields. */
function createSource<T extends { _id: string }>(
  collection: Collection<T>,
  timeField: 'at' | 'releasedAt',
  filter: Filter<T>,
  toMovement: (document: T) => StockMovement,
) {
  return {
    /** Finds the newest movements of this source, whose rank is given, that come after a position. */
    async find(rank: number, position: Position | undefined, limits: { limit: number; maxTimeMS: number }) {
      const documents = await collection
        .find({ $and: [filter, position ? afterPosition(timeField, rank, position) : {}] } as Filter<T>, limits)
        .sort({ [timeField]: -1, _id: -1 })
        .toArray()
      return documents.map((document) => {
        const movement = toMovement(document as unknown as T)
        return { movement, position: { at: movement.at, rank, id: document._id } }
      })
    },
    count: (maxTimeMS: number): Promise<number> =>
      collection.countDocuments(filter, { limit: MAX_TOTAL_COUNT + 1, maxTimeMS }),
  }
}

/** The filter for what a source of this rank has after a position, newest first. */
function afterPosition(timeField: string, rank: number, position: Position): object {
  const earlier = { [timeField]: { $lt: position.at } }
  if (rank > position.rank) return earlier
  if (rank < position.rank) return { [timeField]: { $lte: position.at } }
  return { $or: [earlier, { [timeField]: position.at, _id: { $lt: position.id } }] }
}

const compare = (a: Position, b: Position): number =>
  a.at.getTime() - b.at.getTime() || a.rank - b.rank || (a.id < b.id ? -1 : a.id === b.id ? 0 : 1)
