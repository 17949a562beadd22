import type { Kafka } from 'kafkajs'
import { randomUUID } from 'node:crypto'
import { toTimestampedMessage, type TimestampedMessage } from './kafka-messages.ts'
import { retry, shortRetry, waitToClose, type CreateClient } from './kafka-settings.ts'

export type ReadTopicOptions = {
  topic: string
  /** Called with the messages of each partition in order. */
  onBatch: (messages: TimestampedMessage[]) => void | Promise<void>
}

/** The offsets of a partition: `from` is the first retained offset, `to` the offset after the last. */
export type OffsetRange = { partition: number; from: string; to: string }

/** How long a reader waits for the next batch before it fails, in milliseconds. */
const READ_TIMEOUT = 60_000
/** The same as a number of attempts: a broker that has just started needs some to load a consumer group. */
const readRetry = { ...retry, retries: READ_TIMEOUT / retry.maxRetryTime }

/**
 * Reads a topic from its beginning to its end at the time of the call, and returns the offset range of each partition, none
 * when the topic does not exist. Later messages are skipped. It commits no offsets and deletes its consumer group.
 *
 * @throws Error when Kafka cannot be reached, or delivers nothing for a minute; else what `onBatch` throws
 */
export async function readTopic(
  createClient: CreateClient,
  clientId: string,
  { topic, onBatch }: ReadTopicOptions,
): Promise<OffsetRange[]> {
  const admin = createClient(shortRetry).admin()
  await admin.connect()
  try {
    if (!(await admin.listTopics()).includes(topic)) return []
    const offsets = await admin.fetchTopicOffsets(topic)
    const ranges = offsets.map(({ partition, low, high }) => ({ partition, from: low, to: high }))
    const ends = new Map(ranges.filter(({ from, to }) => from !== to).map(({ partition, to }) => [partition, to]))
    if (ends.size === 0) return ranges
    const groupId = `${clientId}-reads-${randomUUID()}`
    await readUntil(ends, createClient(readRetry), groupId, { topic, onBatch })
    await admin.deleteGroups([groupId]) // after a failure the group has neither members nor offsets, and expires by itself
    return ranges
  } finally {
    await admin.disconnect()
  }
}

/** Reads until each partition has delivered all messages before its end offset. */
async function readUntil(
  ends: Map<number, string>,
  kafka: Kafka,
  groupId: string,
  { topic, onBatch }: ReadTopicOptions,
) {
  const consumer = kafka.consumer({
    groupId,
    sessionTimeout: 30_000,
    maxWaitTimeInMs: 100,
    allowAutoTopicCreation: false,
    retry: { ...readRetry, restartOnFailure: () => Promise.resolve(true) },
  })
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  const idleTimer = setTimeout(() => reject(new Error(`Kafka delivers no more messages of ${topic}`)), READ_TIMEOUT)
  // kafkajs starts again by itself after an error that passes, such as a group coordinator that is still loading.
  consumer.on(consumer.events.CRASH, ({ payload }) => payload.restart || reject(payload.error))
  const nextOffsets = new Map<number, bigint>()

  const process = async (partition: number, messages: TimestampedMessage[]): Promise<void> => {
    const end = BigInt(ends.get(partition) ?? 0)
    const next = nextOffsets.get(partition) ?? 0n // later than the first message, when kafkajs has started again
    const unread = messages.filter(({ offset }) => BigInt(offset) >= next && BigInt(offset) < end)
    const afterLast = BigInt(messages.at(-1)!.offset) + 1n
    if (unread.length > 0) await onBatch(unread)
    if (afterLast > next) nextOffsets.set(partition, afterLast)
    idleTimer.refresh()
    if (afterLast < end) return
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
        process(
          partition,
          messages.map((message) => toTimestampedMessage(topic, partition, message)),
        ).catch(reject),
    })
  }
  try {
    await Promise.all([start(), done])
  } finally {
    clearTimeout(idleTimer)
    await waitToClose(consumer.disconnect())
  }
}
