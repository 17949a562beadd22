import { coalesce } from '@halles/service/coalesce'
import { Refusal } from '@halles/service/refusal'
import { MongoServerError, type AnyBulkWriteOperation, type Db } from 'mongodb'
import type { Product } from './product.ts'
import { allot, summed, type Reservation, type ReserveStock, type StockLine } from './reservation.ts'
import type { StockMetrics } from './metrics.ts'
import { UNDO, type Transact } from './transactions.ts'

/**
 * What one order took from the shelf, kept for good: an order that asks again is answered from here. Released without
 * lines is a tombstone, which stands in the way of an order that comes late.
 */
type Entry = {
  _id: string
  state: 'held' | 'released'
  items: StockLine[]
  at: Date
  releasedAt?: Date
}

/** An order's wish, and until when its caller waits, in milliseconds since 1970. */
export type Wish = ReserveStock & { deadline: number }

/** How many orders share a transaction at the most. */
const BATCH = 64

export type Reservations = Awaited<ReturnType<typeof reservationsIn>>

/**
 * The stock ledger in MongoDB. Entries and stock change in one transaction, so that at any moment
 * stock + what is held = opening stock + adjustments, product by product. All that waits shares a transaction
 * (docs/decisions/0004-what-waits-goes-together.md), each order answered by itself.
 */
export async function reservationsIn(db: Db, transact: Transact, metrics: StockMetrics, now: () => Date) {
  const ledger = db.collection<Entry>('reservations')
  const products = db.collection<Product>('products')
  await ledger.createIndex({ at: 1 }) // and the collection with it, which a first transaction could not do in peace

  /** Takes the stock of all the orders, or changes nothing and says false: one is known already, or a product is short. */
  const take = async (wishes: Wish[]): Promise<boolean> => {
    if (wishes.length === 0) return true
    const at = now()
    const entries = wishes.map(({ orderId, items }): Entry => ({ _id: orderId, state: 'held', items, at }))
    const sales = summed(wishes.flatMap(({ items }) => items)).sort(byProduct)
    const done = await transact(async (session) => {
      try {
        await ledger.insertMany(entries, { session })
      } catch (error) {
        if (isDuplicate(error)) return UNDO
        throw error
      }
      const { modifiedCount } = await products.bulkWrite(sales.map(sale), { session })
      return modifiedCount === sales.length ? true : UNDO
    })
    return done !== UNDO
  }

  /** What the ledger has about these orders already, and the stock of their products that are on sale. */
  const look = async (wishes: Wish[]) => {
    const ids = wishes.flatMap(({ items }) => items.map(({ productId }) => productId))
    const [entries, shelf] = await Promise.all([
      ledger.find({ _id: { $in: wishes.map(({ orderId }) => orderId) } }, { projection: { state: 1 } }).toArray(),
      products.find({ _id: { $in: [...new Set(ids)] }, archived: false }, { projection: { stock: 1 } }).toArray(),
    ])
    return {
      known: new Map(entries.map(({ _id, state }) => [_id, state])),
      shelf: new Map(shelf.map(({ _id, stock }) => [_id, stock])),
    }
  }

  /**
   * Tries all at once first, as that is nearly always right. If not: answers the known from the ledger, allots what is
   * there, and tries again with those that fit. A refusal counts only once those that were preferred have got theirs.
   */
  const settle = async (wishes: Wish[]): Promise<Map<string, Reservation>> => {
    const answers = new Map<string, Reservation>()
    let open = wishes
    let plan: ReturnType<typeof allot<Wish>> = { taken: wishes, refused: [] }
    while (!(await take(plan.taken))) {
      const { known, shelf } = await look(open)
      for (const [orderId, outcome] of known) answers.set(orderId, { orderId, outcome, shortages: [] })
      open = open.filter(({ orderId }) => !known.has(orderId))
      plan = allot(open, shelf)
    }
    for (const { orderId } of plan.taken) answers.set(orderId, { orderId, outcome: 'held', shortages: [] })
    for (const refused of plan.refused) answers.set(refused.orderId, refused)
    return answers
  }

  const reserveAll = async (asked: Wish[]): Promise<(Reservation | Refusal)[]> => {
    const wishes = new Map<string, Wish>()
    for (const wish of asked)
      if (wish.deadline > Date.now() && !wishes.has(wish.orderId)) wishes.set(wish.orderId, wish)
    metrics.batch('reserve', wishes.size)
    const answers = await settle([...wishes.values()])
    for (const { outcome } of answers.values()) metrics.reserved(outcome)
    return asked.map(({ orderId }) => answers.get(orderId) ?? gone())
  }

  /** Gives back what each order holds, and marks those that are not known yet; the ids of those that held something. */
  const giveBack = (ids: string[]) =>
    transact(async (session): Promise<Set<string> | typeof UNDO> => {
      const at = now()
      const known = await ledger.find({ _id: { $in: ids } }, { session }).toArray()
      const held = known.filter(({ state }) => state === 'held')
      const strangers = ids.filter((id) => !known.some(({ _id }) => _id === id))
      if (strangers.length > 0) {
        const tombstone = (_id: string): Entry => ({ _id, state: 'released', items: [], at, releasedAt: at })
        try {
          await ledger.insertMany(strangers.map(tombstone), { session })
        } catch (error) {
          if (isDuplicate(error)) return UNDO // reserved a moment ago: look again
          throw error
        }
      }
      if (held.length > 0) {
        const orders = held.map(({ _id }) => _id)
        const closing = { $set: { state: 'released', releasedAt: at } } as const
        const { modifiedCount } = await ledger.updateMany({ _id: { $in: orders }, state: 'held' }, closing, { session })
        if (modifiedCount < held.length) return UNDO
        const returns = summed(held.flatMap(({ items }) => items)).sort(byProduct)
        await products.bulkWrite(returns.map(giving), { session })
      }
      return new Set(held.map(({ _id }) => _id))
    })

  const releaseAll = async (ids: string[]): Promise<boolean[]> => {
    metrics.batch('release', ids.length)
    const distinct = [...new Set(ids)]
    let released = await giveBack(distinct)
    while (released === UNDO) released = await giveBack(distinct)
    const gaveBack = released
    metrics.released(gaveBack.size)
    return ids.map((id) => gaveBack.delete(id)) // true for the first that asked
  }

  return {
    /**
     * Takes an order's stock, all of it or none; the same order again is answered as before. Lines name each product once.
     *
     * @throws Refusal `TIMEOUT` when its turn came after its deadline: then nothing was begun
     */
    reserve: coalesce<Wish, Reservation>(reserveAll, { lanes: 1, max: BATCH }),
    /** Gives an order's stock back and says whether this very call did; an order not known yet is refused from now on. */
    release: coalesce(releaseAll, { lanes: 1, max: BATCH }),
  }
}

const gone = (): Refusal => new Refusal('TIMEOUT', 'The caller did not wait for this order to come to its turn.')

/** In one order everywhere: rivals then meet at the first product they share. */
const byProduct = (a: StockLine, b: StockLine): number => (a.productId < b.productId ? -1 : 1)

const sale = ({ productId, quantity }: StockLine): AnyBulkWriteOperation<Product> => ({
  updateOne: {
    filter: { _id: productId, archived: false, stock: { $gte: quantity } },
    update: { $inc: { stock: -quantity } },
  },
})

/** Archived or not: what comes back is counted. */
const giving = ({ productId, quantity }: StockLine): AnyBulkWriteOperation<Product> => ({
  updateOne: { filter: { _id: productId }, update: { $inc: { stock: quantity } } },
})

const isDuplicate = (error: unknown): boolean => error instanceof MongoServerError && error.code === 11_000
