import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { MongoClient } from 'mongodb'
import { setTimeout as pause } from 'node:timers/promises'
import { ORDER_EVENTS } from '@halles/contracts/order-events'
import { readSnapshot, type Snapshot } from '@halles/reconciliation'

/** The data of the shop: what the reconciliation reads, and two things that only the chaos run compares. */
export type RunSnapshot = Snapshot & {
  /** Stock movements that are not sales: an opening stock or an adjustment. */
  stockMovements: { reason: string; productId: string; delta: number }[]
  /** How often an admin had an e-mail resent, by the e-mail's id. */
  resendCounts: Map<string, number>
}

/** The order that was observed pending or being cancelled for the longest time, in milliseconds. */
export type LongestUnfinished = { ms: number; orderId: string; status: string }

/** The statuses of an order whose placement is not finished: it is pending, or a failed placement is being compensated. */
const UNFINISHED = ['Pending', 'Cancelling']

export const isUnfinished = ({ status }: { status: string }): boolean => UNFINISHED.includes(status)

/** The idempotency key that an order was placed under. */
export const idempotencyKeyOf = (order: Snapshot['orders'][number]): string | undefined => order.idempotency?.key

/** The consumer group that creates the e-mails about orders. */
const EMAIL_GROUP = 'notification-service'
/** The pause between two reads while waiting for the shop to settle, in milliseconds. */
const SETTLE_POLL_INTERVAL = 250
/** The pause between two reads of the unfinished orders, in milliseconds. */
const WATCH_INTERVAL = 500

/** Reads and writes the shop's databases and topics directly, past its services and the fault proxies. */
export function createShopInspector({ mongodb, kafka }: { mongodb: string; kafka: string }) {
  const mongo = new MongoClient(mongodb, { serverSelectionTimeoutMS: 2000, socketTimeoutMS: 5000 })
  const orders = mongo.db('halles_order').collection<{
    _id: string
    status: string
    createdAt: Date
    userId: string
    idempotency?: { key: string }
  }>('orders')
  const emails = mongo.db('halles_notification').collection<{ _id: string; resend: number }>('emails')
  const movements = mongo
    .db('halles_product')
    .collection<{ reason: string; productId: string; delta: number }>('movements')
  const client = new Kafka({
    clientId: 'chaos',
    brokers: kafka.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 60 },
  })
  const admin = client.admin()
  const producer = client.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  })

  /** The consumer lag on order-events: how many messages have no committed offset yet. */
  async function readConsumerLag(): Promise<number> {
    const [ends, [group]] = await Promise.all([
      admin.fetchTopicOffsets(ORDER_EVENTS),
      admin.fetchOffsets({ groupId: EMAIL_GROUP, topics: [ORDER_EVENTS] }),
    ])
    const committed = new Map(group?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
    return ends.reduce(
      (sum, { partition, high, low }) => sum + Number(high) - Math.max(committed.get(partition) ?? 0, Number(low)),
      0,
    )
  }

  /** How much work is in progress, by kind; empty when the shop has settled. */
  async function countWorkInProgress(): Promise<Record<string, number>> {
    const [unfinished, unpublished, releases, pending, lag] = await Promise.all([
      orders.countDocuments({ status: { $in: UNFINISHED } }),
      orders.countDocuments({ unpublished: { $exists: true } }),
      orders.countDocuments({ releaseAttemptAt: { $exists: true } }),
      emails.countDocuments({ status: 'PENDING' }),
      readConsumerLag(),
    ])
    const counts = {
      'unfinished orders': unfinished,
      'orders with unpublished events': unpublished,
      'orders with stock to release': releases,
      'pending e-mails': pending,
      'unconsumed events': lag,
    }
    return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0))
  }

  return {
    /**
     * Waits until no work is in progress, at most `timeout` milliseconds or until the signal. Returns what is still in
     * progress, one phrase each.
     */
    waitUntilSettled: async (timeout: number, signal?: AbortSignal): Promise<string[]> => {
      const deadline = Date.now() + timeout
      for (;;) {
        const left = await countWorkInProgress().catch((error: unknown) => ({ [`unreadable: ${String(error)}`]: 1 }))
        const phrases = Object.entries(left).map(([what, count]) => `${count} ${what}`)
        if (phrases.length === 0 || Date.now() > deadline || signal?.aborted) return phrases
        await pause(SETTLE_POLL_INTERVAL)
      }
    },

    /** Watches the unfinished orders until the signal and returns the one that took longest. */
    watchUnfinishedOrders: async (signal: AbortSignal): Promise<LongestUnfinished> => {
      let longest: LongestUnfinished = { ms: 0, orderId: '', status: '' }
      while (!signal.aborted) {
        try {
          for (const { _id, status, createdAt } of await orders
            .find({ status: { $in: UNFINISHED } })
            .sort({ createdAt: 1 })
            .limit(20)
            .toArray()) {
            const ms = Date.now() - createdAt.getTime()
            if (ms > longest.ms) longest = { ms, orderId: _id, status }
          }
        } catch {
          // mongod is down; the next round reads again
        }
        await pause(WATCH_INTERVAL, undefined, { signal }).catch(() => {})
      }
      return longest
    },

    /** The placed orders with an idempotency key: `<user id>/<key>` to order id. */
    readIdempotencyKeys: async (): Promise<Map<string, string>> => {
      const found = await orders.find({ 'idempotency.key': { $exists: true }, status: { $nin: UNFINISHED } }).toArray()
      return new Map(found.map(({ _id, userId, idempotency }) => [`${userId}/${idempotency!.key}`, _id]))
    },

    readSnapshot: async (): Promise<RunSnapshot> => {
      const snapshot = await readSnapshot({ mongodb, kafka })
      const [stockMovements, resent] = await Promise.all([
        movements.find({}, { projection: { _id: 0, reason: 1, productId: 1, delta: 1 } }).toArray(),
        emails.find({ resend: { $gt: 0 } }, { projection: { resend: 1 } }).toArray(),
      ])
      return { ...snapshot, stockMovements, resendCounts: new Map(resent.map(({ _id, resend }) => [_id, resend])) }
    },

    /** Publishes a message on order-events. */
    publish: async (key: string, value: string | null): Promise<void> => {
      await producer.send({ topic: ORDER_EVENTS, messages: [{ key, value }] })
    },

    connect: async (): Promise<void> => {
      await Promise.all([mongo.connect(), admin.connect(), producer.connect()])
    },
    close: async (): Promise<void> => {
      await Promise.all([mongo.close(), admin.disconnect(), producer.disconnect()])
    },
  }
}

export type ShopInspector = ReturnType<typeof createShopInspector>
