import type { Status } from '@halles/contracts/order-events'
import { migrate } from '@halles/mongo/migrations'
import { findPage } from '@halles/mongo/mongo'
import { retryWrite } from '@halles/mongo/retry-write'
import type { Page, PageArgs } from '@halles/validation/page'
import type { Collection, Db } from 'mongodb'
import { placedFilter, WORKER_DELAY, type Order, type StoredOrder } from './order.ts'

/** The most documents that a gauge counts. */
const COUNT_LIMIT = 10_000

/**
 * Opens the collection `orders`: renames what an earlier version stored under other names, then creates the indexes. It
 * must be called before anything reads or writes orders.
 */
export async function openOrdersCollection(db: Db): Promise<Collection<StoredOrder>> {
  await migrate(db, [
    {
      collection: 'orders',
      dropIndexes: ['userId_1_idem.key_1', 'sweepAt_1', 'releaseAt_1'],
      renameFields: {
        sweepAt: 'nextAttemptAt',
        sweptBy: 'leasedBy',
        releaseAt: 'releaseAttemptAt',
        releasedBy: 'releaseLeasedBy',
        unsent: 'unpublished',
        idem: 'idempotency',
        'idempotency.until': 'idempotency.expiresAt',
        'idempotency.basket': 'idempotency.fingerprint',
      },
      replaceValues: { status: { Intent: 'Pending', Undoing: 'Cancelling' } },
    },
  ])
  const orders = db.collection<StoredOrder>('orders')
  await orders.createIndexes([
    { key: { userId: 1, _id: -1 } },
    { key: { status: 1, _id: -1 } },
    {
      key: { userId: 1, 'idempotency.key': 1 },
      unique: true,
      partialFilterExpression: { 'idempotency.key': { $exists: true } },
    },
    { key: { nextAttemptAt: 1 }, partialFilterExpression: { nextAttemptAt: { $exists: true } } },
    { key: { releaseAttemptAt: 1 }, partialFilterExpression: { releaseAttemptAt: { $exists: true } } },
  ])
  return orders
}

export type OrderStore = ReturnType<typeof createOrderStore>

/** The work that is left to the polling workers; each count stops at 10,000. */
export type Backlog = {
  /** Pending orders, those that are being cancelled included. */
  pendingOrders: number
  pendingReleases: number
  unpublishedEvents: number
  /** When the oldest unpublished event happened. */
  oldestUnpublishedAt: Date | null
}

/** Stores orders: reads, and the write that changes a status. */
export function createOrderStore(orders: Collection<StoredOrder>) {
  return {
    /** The order that a filter names, or null. */
    find: async (filter: { _id: string; userId?: string }): Promise<Order | null> =>
      (await orders.findOne({ ...filter, ...placedFilter })) as Order | null,

    /** The orders with these ids that match the filter, in no order. */
    findMany: async (ids: string[], filter: { userId?: string }): Promise<Order[]> =>
      (await orders.find({ _id: { $in: ids }, ...filter, ...placedFilter }).toArray()) as Order[],

    /** A page of orders, newest first. */
    findPage: async (filter: { userId?: string; status?: Status }, page: PageArgs): Promise<Page<Order>> =>
      (await findPage(
        orders,
        {
          list: 'orders',
          filter: { ...placedFilter, ...filter },
          sort: [['_id', -1]],
          omit: ['idempotency', 'nextAttemptAt', 'leasedBy', 'releaseAttemptAt', 'releaseLeasedBy'],
        },
        page,
      )) as Page<Order>,

    /** Erases the names and addresses of these customers from their orders. The orders and their user ids stay. */
    anonymizeCustomers: async (userIds: string[]): Promise<void> =>
      void (await retryWrite(() =>
        orders.updateMany({ userId: { $in: userIds } }, { $set: { 'customer.name': '', 'customer.email': '' } }),
      )),

    /**
     * Changes the status of an order if it still has the status and the sequence with which it was read; null
     * otherwise. The same write stores the event (transactional outbox) and, for `Annulée`, that the stock must be
     * released.
     */
    changeStatus: async (
      { _id, status, seq }: Order,
      to: Status,
      { at, traceparent }: { at: Date; traceparent?: string | undefined },
    ): Promise<Order | null> =>
      (await orders.findOneAndUpdate(
        { _id, status, seq },
        {
          $set: {
            status: to,
            nextAttemptAt: new Date(at.getTime() + WORKER_DELAY),
            ...(to === 'Annulée' && { releaseAttemptAt: at }),
          },
          $inc: { seq: 1 },
          $push: {
            statusHistory: { status: to, timestamp: at },
            unpublished: {
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

    /** Counts the work that is left to the polling workers, for the gauges. */
    countBacklog: async (): Promise<Backlog> => {
      const [pendingOrders, pendingReleases, [events]] = await Promise.all([
        orders.countDocuments({ status: { $in: ['Pending', 'Cancelling'] } }, { limit: COUNT_LIMIT }),
        orders.countDocuments({ releaseAttemptAt: { $exists: true } }, { limit: COUNT_LIMIT }),
        orders
          .aggregate<{ count: number; oldest: Date }>([
            { $match: { nextAttemptAt: { $exists: true }, ...placedFilter } },
            { $limit: COUNT_LIMIT },
            { $unwind: '$unpublished' },
            { $group: { _id: null, count: { $sum: 1 }, oldest: { $min: '$unpublished.at' } } },
          ])
          .toArray(),
      ])
      return {
        pendingOrders,
        pendingReleases,
        unpublishedEvents: events?.count ?? 0,
        oldestUnpublishedAt: events?.oldest ?? null,
      }
    },
  }
}
