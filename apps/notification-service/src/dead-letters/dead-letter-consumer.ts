import type { KafkaClient, TimestampedMessage } from '@halles/kafka/kafka'
import { pollEvery } from '@halles/concurrency/poll-every'
import { consumeInBackground } from '@halles/kafka/consume-in-background'
import type { Logger } from '@halles/telemetry/log'
import type { ConsumerConfig } from '../consumers.ts'
import { ensureDeadLetterQueue } from './dead-letter-queue.ts'
import { toDeadLetter } from './dead-letter.ts'
import type { DeadLetterStore } from './dead-letters.ts'

type Deps = {
  kafka: Pick<KafkaClient, 'ensureTopic' | 'consume' | 'readTopic'>
  deadLetters: Pick<DeadLetterStore, 'insert'>
  log: Logger
  /** The time between two readings of the whole queue, in milliseconds. */
  readInterval?: number
}

const READ_INTERVAL = 600_000

/**
 * Consumes the dead-letter queue in the background and records its messages, whoever published them. Kafka may become
 * available later. The offsets of a batch are committed when all its messages are recorded or duplicates.
 *
 * The queue is also read as a whole every ten minutes: a consumer that was disconnected while the queue was deleted and created
 * again would continue at its position in the old one.
 *
 * A message without an origin header is taken to come from `topic`.
 */
export function consumeDeadLetters(
  { kafka, deadLetters, log, readInterval = READ_INTERVAL }: Deps,
  { topic, dlq, groupId }: ConsumerConfig,
) {
  const record = async (messages: TimestampedMessage[]): Promise<void> => {
    const outcomes = await deadLetters.insert(messages.map((message) => toDeadLetter(message, topic)))
    const count = outcomes.filter((outcome) => outcome === 'recorded').length
    if (count > 0) log.info({ topic: dlq, count }, 'dead letters recorded')
  }
  const consumer = consumeInBackground({ broker: kafka, log }, (signal) => ensureDeadLetterQueue(kafka, dlq, signal), {
    groupId: `${groupId}-dlq`,
    topic: dlq,
    onBatch: record,
  })
  let isFirstRun = true // the consumer has just begun: there is nothing that it can have missed
  const readWhole = async (): Promise<void> => {
    if (!isFirstRun) await kafka.readTopic({ topic: dlq, onBatch: record })
    isFirstRun = false
  }
  const reader = pollEvery('read the dead-letter queue', readInterval, readWhole, log)
  return {
    /** Stops after the batch in flight, or after 3 s. */
    close: async (): Promise<void> => void (await Promise.all([consumer.close(), reader.stop()])),
  }
}
