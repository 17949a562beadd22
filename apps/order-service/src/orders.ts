import { statuses, type Status } from '@halles/contracts/order-events'
import { pageOf } from '@halles/service/mongo'
import type { Page, PageWish } from '@halles/service/page'
import type { Collection, Db } from 'mongodb'
import type { Order } from './order.ts'

/** What an order was placed under: a key of its customer's, until when it counts, and for which basket. */
export type Mark = { key: string; until: Date; basket: string }

/** An order as it is stored, or what is not one yet (an intent) or never will be (being undone). */
export type Stored = Omit<Order, 'status'> & {
  status: Status | 'Intent' | 'Undoing'
  /** The key it was placed under. */
  idem?: Mark
  /**
   * From when on anyone may take care of it: undo an intent, tell what an order has not told. It stays from the intent
   * until all is told, so that its index changes twice an order and not more.
   */
  sweepAt?: Date
  /** Which sweep has it now. */
  sweptBy?: string
  /** Its stock is owed back to the shelf; from when on to try (again). */
  releaseAt?: Date
  /** Which recovery has it now. */
  releasedBy?: string
}

/** How long a fast path has before a sweep does its work, in milliseconds: longer than holding and confirming may take. */
export const SWEEP_AFTER = 15_000

/** Those that are orders: intents are seen by no one. */
export const visible = { status: { $in: [...statuses] } }

export type Orders = ReturnType<typeof ordersIn>

/** The collection of orders, with its indexes. */
export async function ordersCollection(db: Db): Promise<Collection<Stored>> {
  const orders = db.collection<Stored>('orders')
  await orders.createIndexes([
    { key: { userId: 1, _id: -1 } },
    { key: { status: 1, _id: -1 } },
    {
      key: { userId: 1, 'idem.key': 1 },
      unique: true,
      partialFilterExpression: { 'idem.key': { $exists: true } },
    },
    { key: { sweepAt: 1 }, partialFilterExpression: { sweepAt: { $exists: true } } },
    { key: { releaseAt: 1 }, partialFilterExpression: { releaseAt: { $exists: true } } },
  ])
  return orders
}

/** Orders, as they are read and as their status changes. */
export function ordersIn(orders: Collection<Stored>) {
  return {
    /** The order that a filter names, or null. */
    find: async (filter: { _id: string; userId?: string }): Promise<Order | null> =>
      (await orders.findOne({ ...filter, ...visible })) as Order | null,

    /** Those of these orders that fit the filter, in any order. */
    findMany: async (ids: string[], filter: { userId?: string }): Promise<Order[]> =>
      (await orders.find({ _id: { $in: ids }, ...filter, ...visible }).toArray()) as Order[],

    /** A page of orders, newest first. */
    page: async (filter: { userId?: string; status?: Status }, wish: PageWish): Promise<Page<Order>> =>
      (await pageOf(
        orders,
        {
          list: 'orders',
          filter: { ...visible, ...filter },
          sort: [['_id', -1]],
          omit: ['idem', 'sweepAt', 'sweptBy', 'releaseAt', 'releasedBy'],
        },
        wish,
      )) as Page<Order>,

    /** Forgets who these customers were: their orders stay, under their id. */
    forget: async (userIds: string[]): Promise<void> =>
      void (await orders.updateMany(
        { userId: { $in: userIds } },
        { $set: { 'customer.name': '', 'customer.email': '' } },
      )),

    /**
     * Moves an order from the status in which it was read; null when it is not in it any more. The same write keeps the
     * news of it and, for `Annulée`, that its stock is owed back.
     */
    move: async (
      { _id, status, seq }: Order,
      to: Status,
      { at, traceparent }: { at: Date; traceparent?: string | undefined },
    ): Promise<Order | null> =>
      (await orders.findOneAndUpdate(
        { _id, status, seq },
        {
          $set: {
            status: to,
            sweepAt: new Date(at.getTime() + SWEEP_AFTER),
            ...(to === 'Annulée' && { releaseAt: at }),
          },
          $inc: { seq: 1 },
          $push: {
            statusHistory: { status: to, timestamp: at },
            unsent: {
              seq: seq + 1,
              type: 'order.status-changed',
              at,
              previousStatus: status,
              ...(traceparent && { traceparent }),
            },
          },
        },
        { returnDocument: 'after' },
      )) as Order | null,
  }
}
