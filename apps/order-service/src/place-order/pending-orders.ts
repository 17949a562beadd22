import { createBatcher } from '@halles/concurrency/batcher'
import { DUPLICATE_KEY } from '@halles/mongo/mongo'
import { retryWrite } from '@halles/mongo/retry-write'
import { toAppError } from '@halles/errors/app-error'
import { MongoBulkWriteError, MongoServerError, type Collection, type Db } from 'mongodb'
import { placedFilter, WORKER_DELAY, type IdempotencyRecord, type Order, type StoredOrder } from '../order.ts'

/** One batch in flight at a time: with two, batches are smaller, and an order costs more than that gains. */
const batching = { concurrency: 1, maxSize: 128 }

export type PendingOrders = ReturnType<typeof createPendingOrders>

/**
 * Stores pending orders (the saga's state): complete, but shown to nobody. Concurrent calls are written in one batch
 * (group commit). Every change filters by the status `Pending`, so of confirming and cancelling only one happens.
 */
export function createPendingOrders(orders: Collection<StoredOrder>, now: () => Date) {
  const insert = createBatcher(async (created: Omit<StoredOrder, 'nextAttemptAt'>[]): Promise<(boolean | Error)[]> => {
    // From now on, not from the call: while MongoDB is slow, calls wait here, and must not be due for recovery already.
    const nextAttemptAt = new Date(now().getTime() + WORKER_DELAY)
    const pending = created.map((order): StoredOrder => ({ ...order, nextAttemptAt }))
    try {
      await orders.insertMany(pending, { ordered: false })
      return pending.map(() => true)
    } catch (error) {
      const failures = error instanceof MongoBulkWriteError ? [error.writeErrors].flat() : []
      if (failures.length === 0) throw error
      const failed = new Map(failures.map((failure) => [failure.index, failure]))
      return pending.map((_, i) => {
        const failure = failed.get(i)
        if (!failure) return true
        if (failure.code === DUPLICATE_KEY) return false
        const { code, errmsg } = failure
        const reason = new MongoServerError({ code, errmsg: `not stored: ${errmsg}` })
        return toAppError(reason) ?? reason
      })
    }
  }, batching)

  /** Removes an expired idempotency record; false when there was none. */
  const removeExpiredKey = async (userId: string, key: string): Promise<boolean> => {
    const { modifiedCount } = await orders.updateOne(
      { userId, 'idempotency.key': key, 'idempotency.expiresAt': { $lte: now() }, ...placedFilter },
      { $unset: { idempotency: '' } },
    )
    return modifiedCount === 1
  }

  /** One write for all: a pending order is complete, and becomes an order by its status alone. */
  const confirm = (ids: string[]) =>
    orders.updateMany({ _id: { $in: ids }, status: 'Pending' }, { $set: { status: 'Reçue' } })

  const cancellation = () =>
    ({
      $set: { status: 'Cancelling', releaseAttemptAt: now() },
      $unset: { idempotency: '', nextAttemptAt: '', unpublished: '' },
    }) as const

  return {
    /**
     * Stores an order as pending; false when an order of this customer has its idempotency key. Recovery may cancel it 15 s
     * after its insert began.
     *
     * @throws AppError `TIMEOUT` when the deadline has passed before it was stored, or before that is known
     */
    create: async (
      order: Order,
      idempotency: IdempotencyRecord | undefined,
      deadline: number = Infinity,
    ): Promise<boolean> => {
      const pending = { ...order, status: 'Pending' as const, ...(idempotency && { idempotency }) }
      if (await insert(pending, { deadline })) return true
      if (idempotency === undefined || !(await removeExpiredKey(order.userId, idempotency.key))) return false
      return insert(pending, { deadline })
    },

    /** Makes a pending order an order; false when it is not pending any more, because it was cancelled. */
    confirm: createBatcher(async (ids: string[]): Promise<boolean[]> => {
      const { modifiedCount } = await retryWrite(() => confirm(ids))
      if (modifiedCount === ids.length) return ids.map(() => true)
      const orderIds = await orders.distinct('_id', { _id: { $in: ids }, ...placedFilter })
      return ids.map((id) => orderIds.includes(id))
    }, batching),

    /** Removes a pending order that holds no stock. */
    remove: createBatcher(async (ids: string[]): Promise<undefined[]> => {
      await retryWrite(() => orders.deleteMany({ _id: { $in: ids }, status: 'Pending' }))
      return ids.map(() => undefined)
    }, batching),

    /** Cancels a pending order: it can never be confirmed, its key is free at once, its stock must be released. */
    cancel: createBatcher(async (ids: string[]): Promise<undefined[]> => {
      await retryWrite(() => orders.updateMany({ _id: { $in: ids }, status: 'Pending' }, cancellation()))
      return ids.map(() => undefined)
    }, batching),

    /** Cancels the pending orders that nobody confirmed in time, after a crash for example; returns how many. */
    cancelExpired: async (): Promise<number> => {
      // The hint keeps MongoDB from the index on nextAttemptAt, in which every order that waits for Kafka stands.
      const hint = { status: 1, _id: -1 }
      const filter = { status: 'Pending', nextAttemptAt: { $lte: now() } } as const
      const { modifiedCount } = await retryWrite(() => orders.updateMany(filter, cancellation(), { hint }))
      return modifiedCount
    },

    /** The order under a customer's idempotency key: undefined while it is pending; null when the key is free. */
    findByKey: async (
      userId: string,
      key: string,
    ): Promise<{ fingerprint: string; order: Order | undefined } | null> => {
      const found = await orders.findOne({
        userId,
        'idempotency.key': key,
        'idempotency.expiresAt': { $gt: now() },
      })
      if (!found?.idempotency) return null
      const { fingerprint } = found.idempotency
      return { fingerprint, order: found.status === 'Pending' ? undefined : (found as Order) }
    },
  }
}

/** How many numbers are taken from the counter at a time, so that its document is not written once an order. */
const NUMBER_BLOCK = 100

/**
 * Creates a function that takes order numbers: decimal, from 1 on, unique among all instances. A restart leaves a gap,
 * and two instances take numbers out of order.
 */
export function createOrderNumbers(db: Db): () => Promise<string> {
  const counters = db.collection<{ _id: string; last: number }>('counters')
  let next = 1
  let last = 0

  const take = createBatcher(async (calls: undefined[]): Promise<string[]> => {
    const numbers: string[] = []
    while (numbers.length < calls.length) {
      if (next > last) {
        const counter = await counters.findOneAndUpdate(
          { _id: 'orders' },
          { $inc: { last: NUMBER_BLOCK } },
          { upsert: true, returnDocument: 'after' },
        )
        last = counter!.last
        next = last - NUMBER_BLOCK + 1
      }
      numbers.push(String(next++))
    }
    return numbers
  })
  return () => take(undefined)
}
