import { backoff } from '@halles/concurrency/backoff'
import { createBatcher } from '@halles/concurrency/batcher'
import { isDuplicateKeyError } from '@halles/mongo/mongo'
import { AppError } from '@halles/errors/app-error'
import type { AnyBulkWriteOperation, Db } from 'mongodb'
import type { Product } from '../products/product.ts'
import { READ_TIMEOUT } from '../products/products.ts'
import { RETRY_WITHIN_MS, ROLLBACK, type Transact } from '../transactions.ts'
import type { StockMetrics } from './metrics.ts'
import { allocateStock, sumLines, type Reservation, type ReserveStock, type StockLine } from './reservation.ts'

/**
 * The ledger entry of one order. It is never deleted: a repeated request is answered from it. A released entry without
 * items is a tombstone: it refuses a reservation that arrives after its release.
 */
export type LedgerEntry = {
  /** The order's id. */
  _id: string
  state: 'held' | 'released'
  items: StockLine[]
  at: Date
  releasedAt?: Date
}

/** A reservation to make. `deadline` is when the caller stops waiting, in milliseconds since 1970. */
export type ReservationRequest = ReserveStock & { deadline: number }

/** Whether a line could be reserved now, and how much there is. `product` is absent when it is unknown or archived. */
export type LineAvailability = {
  productId: string
  available: boolean
  availableQuantity: number
  product?: Pick<Product, 'name' | 'price' | 'image'>
}

/** The most orders in one transaction. */
const MAX_BATCH = 64
/** The pauses before a batch is tried again that another instance has changed meanwhile more than once, in milliseconds. */
const BACKOFF = { base: 25, cap: 250 }

export type ReservationStore = Awaited<ReturnType<typeof createReservationStore>>

/**
 * The stock ledger in MongoDB. Entries and stock change in one transaction, so that at any moment, for each product,
 * stock + held = opening stock + adjustments. Concurrent requests share a transaction (group commit,
 * docs/decisions/0004-batch-concurrent-work-with-group-commit.md); each order gets its own result.
 */
export async function createReservationStore(db: Db, transact: Transact, metrics: StockMetrics, now: () => Date) {
  const ledger = db.collection<LedgerEntry>('reservations')
  const products = db.collection<Product>('products')
  // Creates the collection too: concurrent first transactions would conflict over that.
  await ledger.createIndex({ at: 1 })

  /** Reserves all the orders. Changes nothing and returns false when an order is known or a product is short. */
  const tryReserveAll = async (requests: ReservationRequest[], deadline: number): Promise<boolean> => {
    if (requests.length === 0) return true
    const at = now()
    const entries = requests.map(({ orderId, items }): LedgerEntry => ({ _id: orderId, state: 'held', items, at }))
    const totals = sumLines(requests.flatMap(({ items }) => items)).sort(byProduct)
    const result = await transact(async (session) => {
      try {
        await ledger.insertMany(entries, { session })
      } catch (error) {
        if (isDuplicateKeyError(error)) return ROLLBACK
        throw error
      }
      const { modifiedCount } = await products.bulkWrite(totals.map(takeFromStock), { session })
      return modifiedCount === totals.length ? true : ROLLBACK
    }, deadline)
    return result !== ROLLBACK
  }

  /** Reads the states of the orders that are in the ledger, and the stock of the requested products that are on sale. */
  const readState = async (requests: ReservationRequest[]) => {
    const ids = requests.flatMap(({ items }) => items.map(({ productId }) => productId))
    const [entries, found] = await Promise.all([
      ledger.find({ _id: { $in: requests.map(({ orderId }) => orderId) } }, { projection: { state: 1 } }).toArray(),
      products.find({ _id: { $in: [...new Set(ids)] }, archived: false }, { projection: { stock: 1 } }).toArray(),
    ])
    return {
      known: new Map(entries.map(({ _id, state }) => [_id, state])),
      stock: new Map(found.map(({ _id, stock }) => [_id, stock])),
    }
  }

  /**
   * Reserves optimistically: all orders at once, without reading first. When that fails, known orders are answered from
   * the ledger, stock is allocated to the others, and those that fit are tried again. A refusal stands only once the
   * orders that were preferred to it are committed. Orders whose deadline passes meanwhile get no result.
   *
   * @throws AppError `TIMEOUT` when all deadlines have passed
   */
  const settle = async (requests: ReservationRequest[]): Promise<Map<string, Reservation>> => {
    const results = new Map<string, Reservation>()
    let open = requests
    let plan: ReturnType<typeof allocateStock<ReservationRequest>> = { accepted: requests, refused: [] }
    const deadline = Math.max(...requests.map((request) => request.deadline))
    for (let round = 1; !(await tryReserveAll(plan.accepted, deadline)); round++) {
      if (round > 1) await backoff(round - 1, BACKOFF)
      const { known, stock } = await readState(open)
      for (const [orderId, outcome] of known) results.set(orderId, { orderId, outcome, shortages: [] })
      open = open.filter((request) => !known.has(request.orderId) && request.deadline > Date.now())
      plan = allocateStock(open, stock)
    }
    for (const { orderId } of plan.accepted) results.set(orderId, { orderId, outcome: 'held', shortages: [] })
    for (const refused of plan.refused) results.set(refused.orderId, refused)
    return results
  }

  const reserveBatch = async (batch: ReservationRequest[]): Promise<(Reservation | AppError)[]> => {
    const requests = new Map<string, ReservationRequest>()
    for (const request of batch)
      if (request.deadline > Date.now() && !requests.has(request.orderId)) requests.set(request.orderId, request)
    metrics.batch('reserve', requests.size)
    const results = await settle([...requests.values()])
    for (const { outcome } of results.values()) metrics.reserved(outcome)
    return batch.map(({ orderId }) => results.get(orderId) ?? deadlineExceeded())
  }

  /**
   * Releases what each order holds, and writes a tombstone for each unknown order. Returns the ids of the orders that held
   * something, or ROLLBACK when another call changed one of them meanwhile.
   */
  const tryReleaseAll = (orderIds: string[], deadline: number) =>
    transact(async (session): Promise<Set<string> | typeof ROLLBACK> => {
      const at = now()
      const known = await ledger.find({ _id: { $in: orderIds } }, { session }).toArray()
      const held = known.filter(({ state }) => state === 'held')
      const unknown = orderIds.filter((id) => !known.some(({ _id }) => _id === id))
      if (unknown.length > 0) {
        const tombstone = (_id: string): LedgerEntry => ({ _id, state: 'released', items: [], at, releasedAt: at })
        try {
          await ledger.insertMany(unknown.map(tombstone), { session })
        } catch (error) {
          if (isDuplicateKeyError(error)) return ROLLBACK // the order was reserved since the read
          throw error
        }
      }
      if (held.length > 0) {
        const heldIds = held.map(({ _id }) => _id)
        const release = { $set: { state: 'released', releasedAt: at } } as const
        const { modifiedCount } = await ledger.updateMany({ _id: { $in: heldIds }, state: 'held' }, release, {
          session,
        })
        if (modifiedCount < held.length) return ROLLBACK
        const totals = sumLines(held.flatMap(({ items }) => items)).sort(byProduct)
        await products.bulkWrite(totals.map(returnToStock), { session })
      }
      return new Set(held.map(({ _id }) => _id))
    }, deadline)

  const releaseBatch = async (orderIds: string[], deadline: number): Promise<boolean[]> => {
    metrics.batch('release', orderIds.length)
    const distinct = [...new Set(orderIds)]
    let result = await tryReleaseAll(distinct, deadline)
    for (let round = 1; result === ROLLBACK; round++) {
      await backoff(round, BACKOFF)
      result = await tryReleaseAll(distinct, deadline)
    }
    const released = result
    metrics.released(released.size)
    return orderIds.map((id) => released.delete(id)) // true for the first call about an order only
  }

  const reserve = createBatcher<ReservationRequest, Reservation>(reserveBatch, { concurrency: 1, maxSize: MAX_BATCH })

  return {
    /** Checks lines of one order or of many, each by itself, and returns them in the given order. Makes one query. */
    check: async (lines: readonly StockLine[]): Promise<LineAvailability[]> => {
      const ids = new Set(lines.map(({ productId }) => productId))
      const details = { name: 1, price: 1, image: 1, stock: 1 }
      const found = await products
        .find({ _id: { $in: [...ids] }, archived: false }, { projection: details, maxTimeMS: READ_TIMEOUT })
        .toArray()
      const onSale = new Map(found.map((product) => [product._id, product]))
      return lines.map(({ productId, quantity }) => {
        const product = onSale.get(productId)
        if (!product) return { productId, available: false, availableQuantity: 0 }
        return { productId, available: product.stock >= quantity, availableQuantity: product.stock, product }
      })
    },

    /**
     * Reserves all of an order's stock or none of it, and names the shortages then. The call is idempotent by `orderId`: a
     * repeated call changes nothing and gets the same answer, whatever its lines are.
     *
     * @throws AppError `TIMEOUT` when the deadline, at most 8 s from now, passed before its transaction began: nothing was
     *   reserved
     */
    reserve: ({ orderId, items, deadline }: ReservationRequest): Promise<Reservation> =>
      reserve({ orderId, items: sumLines(items), deadline: Math.min(deadline, Date.now() + RETRY_WITHIN_MS) }),

    /**
     * Releases an order's stock once, and returns whether this call did. The order can reserve nothing afterwards, even
     * when it was unknown (tombstone).
     *
     * @throws AppError `TIMEOUT` when the deadline, at most 8 s from now, has passed
     */
    release: createBatcher(releaseBatch, { concurrency: 1, maxSize: MAX_BATCH, timeout: RETRY_WITHIN_MS }),
  }
}

const deadlineExceeded = (): AppError =>
  new AppError('TIMEOUT', 'The deadline of this call passed before its turn came: nothing was reserved.')

/** A fixed write order: concurrent transactions then conflict at the first product that they share. */
const byProduct = (a: StockLine, b: StockLine): number => (a.productId < b.productId ? -1 : 1)

const takeFromStock = ({ productId, quantity }: StockLine): AnyBulkWriteOperation<Product> => ({
  updateOne: {
    filter: { _id: productId, archived: false, stock: { $gte: quantity } },
    update: { $inc: { stock: -quantity } },
  },
})

/** Archived products too: the ledger counts what is returned. */
const returnToStock = ({ productId, quantity }: StockLine): AnyBulkWriteOperation<Product> => ({
  updateOne: { filter: { _id: productId }, update: { $inc: { stock: quantity } } },
})
