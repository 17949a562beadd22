import {
  Kafka,
  logLevel,
  Partitioners,
  type Consumer,
  type IHeaders,
  type KafkaMessage,
  type Producer,
  type Admin,
  type ITopicConfig,
  type SASLOptions,
} from 'kafkajs'
import type { Access } from './config.ts'
import { newId } from './ids.ts'
import type { Logger } from './log.ts'

// The only file that knows kafkajs. Its settings and traps were measured: see docs/decisions/0006-kafkajs-one-send-at-a-time.md.

/** Every retry is named: kafkajs has other defaults of its own, and others again under NODE_ENV=test. */
const retry = { initialRetryTime: 100, maxRetryTime: 1000, retries: 1e9 }
/** A send gives up after some seconds, so that a service can stop while Kafka is away: its caller tries again. */
const sendRetry = { ...retry, retries: 5 }

/** How often a consumer says that it is alive, in milliseconds. */
const HEARTBEAT_EVERY = 1000

/** How long closing waits for what is under way, in milliseconds. */
const CLOSE_WITHIN = 3000

/** Waits for work that Kafka may keep for ever while it is away; after 3 s it is left to the end of the process. */
async function closing(work: Promise<unknown> | undefined): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, CLOSE_WITHIN)
  await Promise.race([work, late])
  clearTimeout(timer)
}

/** What `work` comes to, or a rejection as soon as `signal` says to wait no longer: the work then goes on unheard. */
async function unlessTold<T>(signal: AbortSignal | undefined, work: Promise<T>): Promise<T> {
  if (!signal) return work
  const { promise: told, reject } = Promise.withResolvers<never>()
  const stop = (): void => reject(signal.reason)
  signal.addEventListener('abort', stop)
  if (signal.aborted) stop()
  try {
    return await Promise.race([work, told])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

/** Headers as they travel: bytes or text, several of one name as a list. */
export type Headers = IHeaders

/** A message to send: `key` decides the partition, and so what keeps its order. */
export type Outgoing = { key: string | Buffer | null; value: string | Buffer | null; headers?: Headers }

/**
 * A message that came: where it stood, and what it says. Text is UTF-8; `bytes` is the value as it came, `raw` are key and
 * headers as they came.
 */
export type Incoming = {
  topic: string
  partition: number
  offset: string
  key: string | null
  value: string | null
  bytes: Buffer | null
  headers: Record<string, string>
  raw: { key: Buffer | null; headers: Headers }
}

/** Whether a send failed because the topic takes no message of this size: sent again, it would fail again. */
export const isTooLarge = (error: unknown): boolean =>
  error instanceof Error &&
  (('type' in error && error.type === 'MESSAGE_TOO_LARGE') || (error.cause !== error && isTooLarge(error.cause)))

export type Broker = ReturnType<typeof kafkaAt>

/**
 * Kafka as this platform uses it.
 *
 * `brokers` is `host:port`, several by commas; `clientId` names this service in Kafka's own lists; `access` is how it gets
 * in, where not everyone does.
 */
export function kafkaAt(brokers: string, clientId: string, log: Logger, { sasl, tls }: Access = {}) {
  const place = {
    brokers: brokers.split(','),
    connectionTimeout: 1000,
    ...(tls && { ssl: tls }),
    ...(sasl && { sasl: sasl as SASLOptions }),
  }
  const kafkaWith = (patience: typeof retry): Kafka =>
    new Kafka({
      ...place,
      clientId,
      requestTimeout: 10_000,
      retry: patience,
      logLevel: logLevel.WARN,
      logCreator:
        () =>
        ({ log: { message } }) =>
          log.warn({ from: 'kafkajs' }, message),
    })
  const kafka = kafkaWith(retry)
  /** Rejects unless a broker answers within 2 s. */
  const ping = async (): Promise<void> => {
    const admin = new Kafka({
      ...place,
      clientId: `${clientId}-ping`,
      requestTimeout: 2000,
      retry: { retries: 0 },
      logLevel: logLevel.NOTHING,
    }).admin()
    try {
      await admin.connect()
      await admin.describeCluster()
    } finally {
      await admin.disconnect()
    }
  }

  /** Waits until a broker answers; rejects with the signal's reason when told to stop waiting. */
  const answering = async (signal: AbortSignal | undefined): Promise<void> => {
    for (;;)
      try {
        signal?.throwIfAborted()
        return await ping()
      } catch (error) {
        signal?.throwIfAborted()
        log.debug({ err: error }, 'Kafka does not answer yet')
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
  }

  return {
    /**
     * Makes the topic when there is none; waits for Kafka as long as it takes, unless `signal` says to stop waiting.
     * `settings` are Kafka's own for a topic that is made here (`max.message.bytes`, …).
     */
    ensureTopic: async (
      topic: string,
      numPartitions: number,
      signal?: AbortSignal,
      settings: Record<string, string> = {},
    ): Promise<void> => {
      await answering(signal)
      const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }))
      const make = async (): Promise<void> => {
        const admin = kafka.admin({ retry })
        await admin.connect()
        try {
          await createTopic(admin, { topic, numPartitions, configEntries })
        } finally {
          await admin.disconnect()
        }
      }
      await unlessTold(signal, make())
    },
    ping,
    publisher: (): Publisher => publisher(kafkaWith(sendRetry), log),
    listen: (wish: Listening): Promise<Listener> => listen(kafka, log, wish),
    readTopic: (wish: Reading): Promise<Extent[]> => readTopic(kafkaWith, clientId, wish),
  }
}

/** Makes a topic when there is none, and waits until the broker that is asked knows it and all its leaders lead. */
async function createTopic(admin: Admin, config: ITopicConfig): Promise<void> {
  await admin.createTopics({ topics: [config], waitForLeaders: false })
  while (!(await isLed(admin, config.topic))) await new Promise((resolve) => setTimeout(resolve, 50))
}

async function isLed(admin: Admin, topic: string): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    if (!topics.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)))
      return false
    await admin.fetchTopicOffsets(topic) // a leader may not know yet that it is one
    return true
  } catch (error) {
    if (error instanceof Error && 'type' in error && notYet.has(String(error.type))) return false
    throw error
  }
}
const notYet = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION'])

export type Publisher = {
  /**
   * Resolves when every message is on the topic, in order; rejects when that is not known, after some seconds without
   * Kafka say. One call at a time.
   */
  send: (topic: string, messages: Outgoing[]) => Promise<void>
  /** Waits at most 3 s for what is under way; what has not begun is rejected. */
  close: () => Promise<void>
}

/**
 * An idempotent producer that never has two sends in flight (with several, kafkajs 2.2.4 loses acknowledged messages when
 * a request times out) and that is made anew after any error: the caller sends the same batch again.
 */
function publisher(kafka: Kafka, log: Logger): Publisher {
  let current: Promise<Producer> | undefined
  let last: Promise<unknown> = Promise.resolve()
  let closed = false

  const connect = async (): Promise<Producer> => {
    const producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: sendRetry,
    })
    await producer.connect()
    return producer
  }

  const drop = async (): Promise<void> => {
    const old = current
    current = undefined
    await old?.then(
      (producer) => producer.disconnect(),
      () => {}, // it never connected: there is nothing to close
    )
  }

  const send = async (topic: string, messages: Outgoing[]): Promise<void> => {
    if (closed) throw new Error('this publisher is closed')
    try {
      const producer = await (current ??= connect())
      await producer.send({ topic, messages, acks: -1 })
    } catch (error) {
      if (isTooLarge(error)) throw error // refused before anything was written: this producer may go on
      log.warn({ err: error, topic, messages: messages.length }, 'not sent: a new producer will try again')
      await drop()
      throw error
    }
  }

  return {
    send: (topic, messages) => {
      const turn = last.then(() => send(topic, messages))
      last = turn.catch(() => {}) // told to its caller; the next one starts afresh
      return turn
    },
    close: async () => {
      closed = true
      await closing(last.then(drop))
    },
  }
}

export type Listening = {
  groupId: string
  topic: string
  /** Where a group that is new begins. */
  fromBeginning?: boolean
  /** Called with what came, in order; its offsets are committed when it resolves, and it comes again when it rejects. */
  onBatch: (messages: Incoming[]) => Promise<void>
  /** Session and rebalance times in milliseconds; the defaults suit production. */
  sessionTimeout?: number
  rebalanceTimeout?: number
  maxWaitTime?: number
  /** Ends the wait for Kafka: `listen` then rejects with its reason. */
  signal?: AbortSignal
}

export type Listener = { close: () => Promise<void> }

/** Listens as a member of a group, for as long as it takes: a crash that kafkajs does not mend makes a new consumer. */
async function listen(kafka: Kafka, log: Logger, wish: Listening): Promise<Listener> {
  let consumer: Consumer | undefined
  let closed = false

  const start = async (): Promise<void> => {
    const created = kafka.consumer({
      groupId: wish.groupId,
      sessionTimeout: wish.sessionTimeout ?? 10_000,
      heartbeatInterval: HEARTBEAT_EVERY,
      rebalanceTimeout: wish.rebalanceTimeout ?? 3000,
      maxWaitTimeInMs: wish.maxWaitTime ?? 500,
      allowAutoTopicCreation: false,
      retry: { ...retry, restartOnFailure: () => Promise.resolve(true) },
    })
    consumer = created
    created.on(created.events.CRASH, ({ payload }) => {
      if (payload.restart || closed) return
      log.error({ err: payload.error }, 'the consumer stopped for good: starting a new one')
      void restart()
    })
    const steps = [
      () => created.connect(),
      () => created.subscribe({ topic: wish.topic, fromBeginning: wish.fromBeginning ?? true }),
      () =>
        created.run({
          eachBatchAutoResolve: true,
          eachBatch: async ({ batch, ...member }) => {
            // A batch may take longer than a session: without a sign of life the group would give it to another.
            const alive = setInterval(() => void member.heartbeat().catch(() => {}), HEARTBEAT_EVERY) // told to the next fetch
            try {
              await wish.onBatch(batch.messages.map((message) => incoming(batch.topic, batch.partition, message)))
            } finally {
              clearInterval(alive)
            }
          },
        }),
    ]
    for (const step of steps) {
      await step()
      if (closed) return created.disconnect() // or it would join the group after its end
    }
  }

  const restart = async (): Promise<void> => {
    for (let wait = 100; !closed; wait = Math.min(wait * 2, 5000))
      try {
        await consumer?.disconnect()
        return await start()
      } catch (error) {
        log.warn({ err: error }, 'the consumer cannot start yet')
        await new Promise((resolve) => setTimeout(resolve, wait))
      }
  }

  const close = async (): Promise<void> => {
    closed = true
    await closing(consumer?.disconnect())
  }
  try {
    await unlessTold(wish.signal, start())
  } catch (error) {
    await close()
    throw error
  }
  return { close }
}

/** A message with the moment that its sender, or the broker, gave it. */
export type Recorded = Incoming & { timestamp: Date }

export type Reading = {
  topic: string
  /** Called with what is there, each partition in order. */
  onBatch: (messages: Recorded[]) => void | Promise<void>
}

/** What a partition holds: its first offset that is kept still, and the one after its last. */
export type Extent = { partition: number; from: string; to: string }

/** How long a reader that has begun waits for more before it takes Kafka for gone, in milliseconds. */
const READ_WITHIN = 60_000
/** As long in tries: a broker that has just started cannot load a group at once. */
const readRetry = { ...retry, retries: READ_WITHIN / retry.maxRetryTime }

/**
 * Reads a topic from its beginning to where it ends now, and answers how far each partition goes; no partition at all
 * when there is no such topic. What comes meanwhile is left out. Nothing is committed and no group is left behind.
 *
 * @throws Error when Kafka cannot be reached, or gives nothing more for a minute.
 */
async function readTopic(
  kafkaWith: (patience: typeof retry) => Kafka,
  clientId: string,
  { topic, onBatch }: Reading,
): Promise<Extent[]> {
  const admin = kafkaWith(sendRetry).admin()
  await admin.connect()
  try {
    if (!(await admin.listTopics()).includes(topic)) return []
    const offsets = await admin.fetchTopicOffsets(topic)
    const extents = offsets.map(({ partition, low, high }) => ({ partition, from: low, to: high }))
    const ends = new Map(extents.filter(({ from, to }) => from !== to).map(({ partition, to }) => [partition, to]))
    if (ends.size === 0) return extents
    const groupId = `${clientId}-reads-${newId()}`
    await readTo(ends, kafkaWith(readRetry), groupId, { topic, onBatch })
    await admin.deleteGroups([groupId]) // one that failed is without members and offsets: Kafka forgets it by itself
    return extents
  } finally {
    await admin.disconnect()
  }
}

/** Reads until each partition has given all that is before its end. */
async function readTo(ends: Map<number, string>, kafka: Kafka, groupId: string, { topic, onBatch }: Reading) {
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: 30_000,
    maxWaitTimeInMs: 100,
    allowAutoTopicCreation: false,
    retry: { ...readRetry, restartOnFailure: () => Promise.resolve(false) },
  })
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  const waiting = setTimeout(() => reject(new Error(`Kafka gives no more of ${topic}`)), READ_WITHIN)
  consumer.on(consumer.events.CRASH, ({ payload }) => reject(payload.error))

  const take = async (partition: number, messages: Recorded[]): Promise<void> => {
    const end = BigInt(ends.get(partition) ?? 0)
    const wanted = messages.filter(({ offset }) => BigInt(offset) < end)
    if (wanted.length > 0) await onBatch(wanted)
    waiting.refresh()
    if (BigInt(messages.at(-1)!.offset) + 1n < end) return
    ends.delete(partition)
    consumer.pause([{ topic, partitions: [partition] }])
    if (ends.size === 0) resolve()
  }

  const start = async (): Promise<void> => {
    await consumer.connect()
    await consumer.subscribe({ topic, fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatch: ({ batch: { partition, messages } }) =>
        take(
          partition,
          messages.map((message) => recorded(topic, partition, message)),
        ).catch(reject),
    })
  }
  try {
    await Promise.all([start(), done])
  } finally {
    clearTimeout(waiting)
    await closing(consumer.disconnect())
  }
}

const recorded = (topic: string, partition: number, message: KafkaMessage): Recorded => ({
  ...incoming(topic, partition, message),
  timestamp: new Date(Number(message.timestamp)),
})

/** A message of kafkajs in our words. */
const incoming = (topic: string, partition: number, { offset, key, value, headers }: KafkaMessage): Incoming => ({
  topic,
  partition,
  offset,
  key: key?.toString('utf8') ?? null,
  value: value?.toString('utf8') ?? null,
  bytes: value,
  headers: textOf(headers),
  raw: { key, headers: headers ?? {} },
})

const textOf = (headers: IHeaders | undefined): Record<string, string> =>
  Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name, String(value)]))
