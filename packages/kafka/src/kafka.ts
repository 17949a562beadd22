import { Kafka, logLevel, type Admin, type ITopicConfig, type SASLOptions } from 'kafkajs'
import type { KafkaCredentials, TopicReplication } from '@halles/config/config'
import { consume, type RunningConsumer, type ConsumerOptions } from './kafka-consumer.ts'
import { createPublisher, type Publisher } from './kafka-producer.ts'
import { readTopic, type OffsetRange, type ReadTopicOptions } from './kafka-read-topic.ts'
import { retry, shortRetry, type CreateClient } from './kafka-settings.ts'
import { createSocketFactory } from './kafka-sockets.ts'
import type { Logger } from '@halles/telemetry/log'
import { rejectOnAbort } from '@halles/concurrency/with-timeout'

export type { RunningConsumer, ConsumerOptions } from './kafka-consumer.ts'
export type { Headers, IncomingMessage, OutgoingMessage, TimestampedMessage } from './kafka-messages.ts'
export { isTooLarge, type Publisher } from './kafka-producer.ts'
export type { OffsetRange, ReadTopicOptions } from './kafka-read-topic.ts'

export type KafkaClient = ReturnType<typeof createKafka>

/**
 * Creates a Kafka client. Nothing but this file and its `kafka-*` parts uses kafkajs.
 *
 * @param brokers `host:port`, several separated by commas
 * @param clientId the service's name in Kafka's logs and metrics
 * @param access credentials, for a Kafka with authentication
 * @param replication how topics are stored that `ensureTopic` creates; by default as Kafka's own settings say
 */
export function createKafka(
  brokers: string,
  clientId: string,
  log: Logger,
  { sasl, tls }: KafkaCredentials = {},
  replication?: TopicReplication,
) {
  const connection = {
    brokers: brokers.split(','),
    connectionTimeout: 1000,
    socketFactory: createSocketFactory(),
    ...(tls && { ssl: tls }),
    ...(sasl && { sasl: sasl as SASLOptions }),
  }
  const createClient: CreateClient = (retryPolicy, onLog = () => {}) =>
    new Kafka({
      ...connection,
      clientId,
      requestTimeout: 10_000,
      retry: retryPolicy,
      logLevel: logLevel.WARN,
      logCreator: () => (entry) => {
        log.warn({ from: 'kafkajs' }, entry.log.message)
        onLog(entry)
      },
    })
  const kafka = createClient(retry)

  /** Rejects unless a broker answers within 2 s. */
  const ping = async (): Promise<void> => {
    const admin = new Kafka({
      ...connection,
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

  /** Waits until a broker answers; rejects with the signal's reason when it is aborted. */
  const waitForBroker = async (signal: AbortSignal | undefined): Promise<void> => {
    for (;;)
      try {
        signal?.throwIfAborted()
        return await ping()
      } catch (error) {
        signal?.throwIfAborted()
        log.debug({ err: error }, 'no Kafka broker answers: retrying')
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
  }

  return {
    /**
     * Creates the topic if it does not exist. Waits for Kafka without a limit, until `signal` is aborted. `settings` are Kafka's
     * settings of a new topic (`max.message.bytes`, …).
     */
    ensureTopic: async (
      topic: string,
      numPartitions: number,
      signal?: AbortSignal,
      settings: Record<string, string> = {},
    ): Promise<void> => {
      await waitForBroker(signal)
      const all = { ...(replication && { 'min.insync.replicas': String(replication.minInSyncReplicas) }), ...settings }
      const configEntries = Object.entries(all).map(([name, value]) => ({ name, value }))
      const replicationFactor = replication?.replicationFactor ?? -1
      const create = async (): Promise<void> => {
        const admin = kafka.admin({ retry })
        await admin.connect()
        try {
          await createTopic(admin, { topic, numPartitions, replicationFactor, configEntries }, log, signal)
        } finally {
          await admin.disconnect()
        }
      }
      await rejectOnAbort(create(), signal)
    },
    /** Reads the end of each partition of a topic: the offset of its next message. */
    endOffsets: async (topic: string): Promise<{ partition: number; offset: string }[]> => {
      const admin = createClient(shortRetry).admin()
      await admin.connect()
      try {
        return (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => ({ partition, offset: high }))
      } finally {
        await admin.disconnect()
      }
    },
    ping,
    publisher: (): Publisher => createPublisher(createClient(shortRetry), log),
    consume: (subscription: ConsumerOptions): Promise<RunningConsumer> => consume(createClient, log, subscription),
    readTopic: (reading: ReadTopicOptions): Promise<OffsetRange[]> => readTopic(createClient, clientId, reading),
  }
}

/**
 * Creates a topic if it does not exist, and waits until every partition has a leader that serves requests. While fewer brokers
 * run than the topic shall have replicas, it tries again.
 */
async function createTopic(admin: Admin, config: ITopicConfig, log: Logger, signal?: AbortSignal): Promise<void> {
  for (;;)
    try {
      await admin.createTopics({ topics: [config], waitForLeaders: false })
      break
    } catch (error) {
      if (!hasTooFewBrokers(error)) throw error
      const { topic, replicationFactor } = config
      log.warn({ topic, replicationFactor }, 'too few Kafka brokers for the replicas of a new topic: retrying')
      await new Promise((resolve) => setTimeout(resolve, TOO_FEW_BROKERS_DELAY))
      signal?.throwIfAborted()
    }
  while (!(await hasLeaders(admin, config.topic))) await new Promise((resolve) => setTimeout(resolve, 50))
}

/** The pause before a topic is created again, in milliseconds. */
const TOO_FEW_BROKERS_DELAY = 1000

/** Whether Kafka refused to create a topic, as it has fewer brokers than the topic shall have replicas. */
const hasTooFewBrokers = (error: unknown): boolean =>
  error instanceof Error &&
  (('type' in error && error.type === 'INVALID_REPLICATION_FACTOR') ||
    ('errors' in error && Array.isArray(error.errors) && error.errors.some(hasTooFewBrokers)))

async function hasLeaders(admin: Admin, topic: string): Promise<boolean> {
  try {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    if (!topics.every(({ partitions }) => partitions.length > 0 && partitions.every(({ leader }) => leader >= 0)))
      return false
    await admin.fetchTopicOffsets(topic) // fails while a new leader does not yet know that it leads
    return true
  } catch (error) {
    if (error instanceof Error && 'type' in error && transientErrors.has(String(error.type))) return false
    throw error
  }
}
const transientErrors = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE', 'NOT_LEADER_FOR_PARTITION'])
