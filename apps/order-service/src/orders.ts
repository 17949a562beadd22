import { statuses, type Status } from '@halles/contracts/order-events'
import { firstIdAt } from '@halles/mongo/ids'
import { migrate } from '@halles/mongo/migrations'
import { findPage } from '@halles/mongo/mongo'
import { retryWrite } from '@halles/mongo/retry-write'
import { toEuros } from '@halles/validation/money'
import type { Page, PageArgs } from '@halles/validation/page'
import type { Collection, Db, Filter } from 'mongodb'
import { placedFilter, WORKER_DELAY, type Order, type StoredOrder } from './order.ts'

/** The most documents that are counted. */
const COUNT_LIMIT = 10_000

/** How long MongoDB works on a list at most, in milliseconds. */
const READ_TIMEOUT = 3000

/** The most that `createdAt` of an order may be later than the time in its id: the request that places it ends before, in milliseconds. */
const ID_AGE = 60_000

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
    { key: { number: 1, _id: -1 } },
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

/** Which orders: all that fit every condition. */
export type OrderFilter = {
  /** Of any of these users. */
  userIds?: readonly string[]
  statuses?: readonly Status[]
  number?: string
  /** Placed at this time or later. */
  from?: Date
  /** Placed before this time. */
  before?: Date
  /** What the client asked for, if the conditions depend on the time: cursors are bound to it. */
  request?: unknown
}

/** Converts a filter to MongoDB's. The times become a range of ids too, which the indexes are sorted by. */
const toFilter = ({
  userIds,
  statuses: wanted = statuses,
  number,
  from,
  before,
}: OrderFilter): Filter<StoredOrder> => ({
  status: { $in: [...wanted] },
  ...(userIds && { userId: { $in: [...userIds] } }),
  ...(number !== undefined && { number }),
  ...((from || before) && {
    _id: { ...(from && { $gte: firstIdAt(+from - ID_AGE) }), ...(before && { $lt: firstIdAt(+before) }) },
    createdAt: { ...(from && { $gte: from }), ...(before && { $lt: before }) },
  }),
})

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

/** The orders placed on one day; `turnover` is euros. Cancelled ones are counted apart. */
export type DaySum = { orders: number; turnover: number; cancelled: number }

/** Stores orders: reads, and the write that changes a status. */
export function createOrderStore(orders: Collection<StoredOrder>) {
  return {
    /** The order that a filter names, or null. */
    find: async (filter: { _id: string; userId?: string }): Promise<Order | null> =>
      (await orders.findOne({ ...filter, ...placedFilter })) as Order | null,

    /** The orders with these ids that match the filter, in no order. */
    findMany: async (ids: string[], filter: { userId?: string }): Promise<Order[]> =>
      (await orders.find({ _id: { $in: ids }, ...filter, ...placedFilter }).toArray()) as Order[],

    /** A page of orders, newest first. MongoDB works on it for 3 s at most (`TIMEOUT`). */
    findPage: async (filter: OrderFilter, page: PageArgs): Promise<Page<Order>> =>
      (await findPage(
        orders,
        {
          list: 'orders',
          filter: toFilter(filter),
          request: filter.request,
          sort: [['_id', -1]],
          maxTimeMS: READ_TIMEOUT,
          omit: ['idempotency', 'nextAttemptAt', 'leasedBy', 'releaseAttemptAt', 'releaseLeasedBy'],
        },
        page,
      )) as Page<Order>,

    /** How many orders fit a filter: exact up to 10,000. */
    count: (filter: OrderFilter): Promise<number> =>
      orders.countDocuments(toFilter(filter), { limit: COUNT_LIMIT, maxTimeMS: READ_TIMEOUT }),

    /**
     * Sums the orders that were placed on each of some days, of which `starts` has the beginnings and the end of the last. Cancelled
     * orders are counted by themselves; turnover is euros. MongoDB works on it for 3 s at most (`TIMEOUT`).
     */
    sumByDay: async (starts: readonly Date[]): Promise<DaySum[]> => {
      const isCancelled = { $eq: ['$status', 'Annulée'] }
      const filter = toFilter({ from: starts[0]!, before: starts.at(-1)! })
      const found = await orders
        .aggregate<{ _id: Date; orders: number; cents: number; cancelled: number }>(
          [
            { $match: filter },
            {
              $bucket: {
                groupBy: '$createdAt',
                boundaries: [...starts],
                output: {
                  orders: { $sum: { $cond: [isCancelled, 0, 1] } },
                  // Cents are whole numbers, so their sum is exact.
                  cents: { $sum: { $cond: [isCancelled, 0, { $round: [{ $multiply: ['$total', 100] }] }] } },
                  cancelled: { $sum: { $cond: [isCancelled, 1, 0] } },
                },
              },
            },
          ],
          { maxTimeMS: READ_TIMEOUT },
        )
        .toArray()
      const byStart = new Map(found.map((day) => [day._id.getTime(), day]))
      return starts.slice(0, -1).map((start) => {
        const day = byStart.get(start.getTime())
        return { orders: day?.orders ?? 0, turnover: toEuros(day?.cents ?? 0), cancelled: day?.cancelled ?? 0 }
      })
    },

    /** Erases the names and addresses of these customers from their orders. The orders and their user ids stay. */
    anonymizeCustomers: async (userIds: string[]): Promise<void> =>
      void (await retryWrite(() =>
        orders.updateMany({ userId: { $in: userIds } }, { $set: { 'customer.name': '', 'customer.email': '' } }),
      )),

    /**
     * Changes the status of an order, `by` a user, if it still has the status and the sequence with which it was read; null
     * otherwise. The same write stores the event (transactional outbox) and, for `Annulée`, that the stock must be
     * released.
     */
    changeStatus: async (
      { _id, status, seq }: Order,
      to: Status,
      { at, by, traceparent }: { at: Date; by: string; traceparent?: string | undefined },
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
            statusHistory: { status: to, timestamp: at, by },
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
