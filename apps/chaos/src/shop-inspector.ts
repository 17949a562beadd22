import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { MongoClient } from 'mongodb'
import { setTimeout as pause } from 'node:timers/promises'
import { ACCOUNT_DELETIONS } from '@halles/contracts/account-deletions'
import { ACCOUNT_EVENTS, type AccountEventType } from '@halles/contracts/account-events'
import { ORDER_EVENTS } from '@halles/contracts/order-events'
import { readSnapshot, type Snapshot } from '@halles/reconciliation'

/** An e-mail about an account as stored, with what only the chaos run compares. */
export type AccountEmailSnapshot = {
  _id: string
  eventId: string
  userId: string
  type: AccountEventType
  /** Empty once the account is deleted. */
  recipient: string
  status: 'PENDING' | 'SENT' | 'FAILED'
  /** When the event happened, and when notification-service stored the e-mail. */
  happenedAt: Date
  createdAt: Date
}

/** The data of the shop: what the reconciliation reads, and what only the chaos run compares. */
export type RunSnapshot = Snapshot & {
  /** Stock movements that are not sales: an opening stock or an adjustment. */
  stockMovements: { reason: string; productId: string; delta: number }[]
  /** How often an admin had an e-mail resent, by the e-mail's id. */
  resendCounts: Map<string, number>
  accountEmailDetails: AccountEmailSnapshot[]
}

/**
 * The order that was observed pending or being cancelled for the longest time, in milliseconds, and when it was observed
 * last, in milliseconds since 1970.
 */
export type LongestUnfinished = { ms: number; at: number; orderId: string; status: string }

/** The statuses of an order whose placement is not finished: it is pending, or a failed placement is being compensated. */
const UNFINISHED = ['Pending', 'Cancelling']

export const isUnfinished = ({ status }: { status: string }): boolean => UNFINISHED.includes(status)

/** The idempotency key that an order was placed under. */
export const idempotencyKeyOf = (order: Snapshot['orders'][number]): string | undefined => order.idempotency?.key

/** The consumer groups of the shop, with the topic of each. */
const consumerGroups: readonly [groupId: string, topic: string][] = [
  ['notification-service', ORDER_EVENTS],
  ['notification-service-accounts', ACCOUNT_EVENTS],
  ['notification-service-deletions', ACCOUNT_DELETIONS],
  ['order-service', ACCOUNT_DELETIONS],
]
/** The databases of the services. */
const DATABASES = ['halles_auth', 'halles_product', 'halles_order', 'halles_notification']
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
  const emails = mongo
    .db('halles_notification')
    .collection<AccountEmailSnapshot & { resend: number; account?: { type: AccountEventType } }>('emails')
  const users = mongo.db('halles_auth').collection<{ _id: string; unpublished?: { from?: Date }[] }>('users')
  const linkRequests = mongo.db('halles_auth').collection('linkRequests')
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

  /** The consumer lag of a group: how many messages have no committed offset yet. */
  async function readConsumerLag([groupId, topic]: readonly [string, string]): Promise<number> {
    const [ends, [group]] = await Promise.all([
      admin.fetchTopicOffsets(topic),
      admin.fetchOffsets({ groupId, topics: [topic] }),
    ])
    const committed = new Map(group?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
    return ends.reduce(
      (sum, { partition, high, low }) => sum + Number(high) - Math.max(committed.get(partition) ?? 0, Number(low)),
      0,
    )
  }

  /** How much work of each kind is in progress. */
  async function countWork(): Promise<[what: string, count: number][]> {
    const [unfinished, unpublished, releases, pending, requestedLinks, accounts, ...lags] = await Promise.all([
      orders.countDocuments({ status: { $in: UNFINISHED } }),
      orders.countDocuments({ unpublished: { $exists: true } }),
      orders.countDocuments({ releaseAttemptAt: { $exists: true } }),
      emails.countDocuments({ status: 'PENDING' }),
      linkRequests.countDocuments(),
      // The second event about a deletion is published minutes later.
      users.countDocuments({ unpublished: { $elemMatch: { from: { $not: { $gt: new Date() } } } } }),
      ...consumerGroups.map(readConsumerLag),
    ])
    const counts = {
      'unfinished orders': unfinished,
      'orders with unpublished events': unpublished,
      'orders with stock to release': releases,
      'pending e-mails': pending,
      'requested links': requestedLinks,
      'accounts with unpublished events': accounts,
      'unconsumed events': lags.reduce((sum, lag) => sum + lag, 0),
    }
    return Object.entries(counts)
  }

  return {
    /**
     * Waits until no work is in progress, at most `timeout` milliseconds or until the signal. Returns what is still in
     * progress, one phrase each.
     */
    waitUntilSettled: async (timeout: number, signal?: AbortSignal): Promise<string[]> => {
      const deadline = Date.now() + timeout
      for (;;) {
        const work = await countWork().catch((error: unknown): [string, number][] => [
          [`unreadable: ${String(error)}`, 1],
        ])
        const phrases = work.flatMap(([what, count]) => (count > 0 ? [`${count} ${what}`] : []))
        if (phrases.length === 0 || Date.now() > deadline || signal?.aborted) return phrases
        await pause(SETTLE_POLL_INTERVAL)
      }
    },

    /** Watches the unfinished orders until the signal and returns the one that took longest. */
    watchUnfinishedOrders: async (signal: AbortSignal): Promise<LongestUnfinished> => {
      let longest: LongestUnfinished = { ms: 0, at: 0, orderId: '', status: '' }
      while (!signal.aborted) {
        try {
          for (const { _id, status, createdAt } of await orders
            .find({ status: { $in: UNFINISHED } })
            .sort({ createdAt: 1 })
            .limit(20)
            .toArray()) {
            const at = Date.now()
            const ms = at - createdAt.getTime()
            if (ms > longest.ms) longest = { ms, at, orderId: _id, status }
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

    /** How many documents each collection of the shop has, by `database.collection`, and how much work is in progress. */
    countDocuments: async (): Promise<Map<string, number>> => {
      const names = await Promise.all(
        DATABASES.map(async (database) =>
          (await mongo.db(database).listCollections({}, { nameOnly: true }).toArray()).map(({ name }) => ({
            database,
            name,
          })),
        ),
      )
      const counts = await Promise.all(
        names.flat().map(async ({ database, name }): Promise<[string, number]> => {
          const collection = mongo.db(database).collection(name)
          return [`${database}.${name}`, await collection.estimatedDocumentCount()]
        }),
      )
      return new Map([...counts, ...(await countWork()).map(([what, count]): [string, number] => [what, count])])
    },

    readSnapshot: async (): Promise<RunSnapshot> => {
      const snapshot = await readSnapshot({ mongodb, kafka })
      const [stockMovements, resent, accountEmails] = await Promise.all([
        movements.find({}, { projection: { _id: 0, reason: 1, productId: 1, delta: 1 } }).toArray(),
        emails.find({ resend: { $gt: 0 } }, { projection: { resend: 1 } }).toArray(),
        emails.find({ account: { $exists: true } }).toArray(),
      ])
      return {
        ...snapshot,
        stockMovements,
        resendCounts: new Map(resent.map(({ _id, resend }) => [_id, resend])),
        accountEmailDetails: accountEmails.map(
          ({ _id, eventId, userId, account, recipient, status, happenedAt, createdAt }) => ({
            _id,
            eventId,
            userId,
            type: account!.type,
            recipient,
            status,
            happenedAt,
            createdAt,
          }),
        ),
      }
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
