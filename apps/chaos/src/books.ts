import { Kafka, logLevel, Partitioners } from 'kafkajs'
import { MongoClient } from 'mongodb'
import { setTimeout as pause } from 'node:timers/promises'
import { ORDER_EVENTS } from '@halles/contracts/order-events'
import { readBooks, type Books } from '@halles/audit'

/** The books as the auditor reads them, and two things that only the torture asks for. */
export type AllBooks = Books & {
  /** Every change of a stock that is no sale, by its reason. */
  reasons: { reason: string; productId: string; delta: number }[]
  /** How many copies an admin had of each letter, by its id. */
  copies: Map<string, number>
}

/** How long an order on its way, or its undoing, was seen to last. */
export type Longest = { ms: number; orderId: string; status: string }

type Where = { mongodb: string; kafka: string }

/** The group that reads the events for the letters. */
const GROUP = 'notification-service'

/** Our own eyes on the shop's databases and topics, past its services and cables. */
export function eyesOn({ mongodb, kafka }: Where) {
  const mongo = new MongoClient(mongodb, { serverSelectionTimeoutMS: 2000, socketTimeoutMS: 5000 })
  const orders = mongo
    .db('halles_order')
    .collection<{ _id: string; status: string; createdAt: Date; userId: string; idem?: { key: string } }>('orders')
  const letters = mongo.db('halles_notification').collection<{ _id: string; copy: number }>('letters')
  const movements = mongo
    .db('halles_product')
    .collection<{ reason: string; productId: string; delta: number }>('movements')
  const broker = new Kafka({
    clientId: 'torture',
    brokers: kafka.split(','),
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 100, maxRetryTime: 500, retries: 60 },
  })
  const admin = broker.admin()
  const producer = broker.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  })

  /** How many events nobody has acknowledged yet. */
  async function unheard(): Promise<number> {
    const [ends, [group]] = await Promise.all([
      admin.fetchTopicOffsets(ORDER_EVENTS),
      admin.fetchOffsets({ groupId: GROUP, topics: [ORDER_EVENTS] }),
    ])
    const acknowledged = new Map(group?.partitions.map(({ partition, offset }) => [partition, Number(offset)]))
    return ends.reduce(
      (sum, { partition, high, low }) => sum + Number(high) - Math.max(acknowledged.get(partition) ?? 0, Number(low)),
      0,
    )
  }

  /** What is under way still, by what it is; nothing when all is quiet. */
  async function underWay(): Promise<Record<string, number>> {
    const [intents, untold, owed, pending, events] = await Promise.all([
      orders.countDocuments({ status: { $in: ['Intent', 'Undoing'] } }),
      orders.countDocuments({ unsent: { $exists: true } }),
      orders.countDocuments({ releaseAt: { $exists: true } }),
      letters.countDocuments({ status: 'PENDING' }),
      unheard(),
    ])
    const all = {
      'intents or undoings': intents,
      'untold orders': untold,
      'owed stocks': owed,
      'letters waiting': pending,
      'events unheard': events,
    }
    return Object.fromEntries(Object.entries(all).filter(([, count]) => count > 0))
  }

  return {
    /** Waits until nothing is under way, at most so many milliseconds; answers what still is. */
    untilQuiet: async (within: number, signal?: AbortSignal): Promise<string[]> => {
      const deadline = Date.now() + within
      for (;;) {
        const left = await underWay().catch((error: unknown) => ({ [`it cannot be seen: ${String(error)}`]: 1 }))
        const words = Object.entries(left).map(([what, count]) => `${count} ${what}`)
        if (words.length === 0 || Date.now() > deadline || signal?.aborted) return words
        await pause(250)
      }
    },

    /** Watches how long orders are on their way, until the signal; answers the longest. */
    watchIntents: async (signal: AbortSignal): Promise<Longest> => {
      let longest: Longest = { ms: 0, orderId: '', status: '' }
      while (!signal.aborted) {
        try {
          for (const { _id, status, createdAt } of await orders
            .find({ status: { $in: ['Intent', 'Undoing'] } })
            .sort({ createdAt: 1 })
            .limit(20)
            .toArray()) {
            const ms = Date.now() - createdAt.getTime()
            if (ms > longest.ms) longest = { ms, orderId: _id, status }
          }
        } catch {
          // mongod is away: it is looked at again
        }
        await pause(500, undefined, { signal }).catch(() => {})
      }
      return longest
    },

    /** The orders that stand under idempotency keys: `user/key` to order id. */
    keys: async (): Promise<Map<string, string>> => {
      const found = await orders
        .find({ 'idem.key': { $exists: true }, status: { $nin: ['Intent', 'Undoing'] } })
        .toArray()
      return new Map(found.map(({ _id, userId, idem }) => [`${userId}/${idem!.key}`, _id]))
    },

    read: async (): Promise<AllBooks> => {
      const books = await readBooks({ mongodb, kafka })
      const [reasons, copied] = await Promise.all([
        movements.find({}, { projection: { _id: 0, reason: 1, productId: 1, delta: 1 } }).toArray(),
        letters.find({ copy: { $gt: 0 } }, { projection: { copy: 1 } }).toArray(),
      ])
      return { ...books, reasons, copies: new Map(copied.map(({ _id, copy }) => [_id, copy])) }
    },

    /** Puts a message on order-events that is no event. */
    poison: async (key: string, value: string | null): Promise<void> => {
      await producer.send({ topic: ORDER_EVENTS, messages: [{ key, value }] })
    },

    open: async (): Promise<void> => {
      await Promise.all([mongo.connect(), admin.connect(), producer.connect()])
    },
    close: async (): Promise<void> => {
      await Promise.all([mongo.close(), admin.disconnect(), producer.disconnect()])
    },
  }
}

export type Eyes = ReturnType<typeof eyesOn>
