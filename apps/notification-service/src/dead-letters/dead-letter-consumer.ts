import type { KafkaClient, IncomingMessage } from '@halles/kafka/kafka'
import { consumeInBackground } from '@halles/kafka/consume-in-background'
import type { Logger } from '@halles/telemetry/log'
import type { ConsumerConfig } from '../consumers.ts'
import { ensureDeadLetterQueue } from './dead-letter-queue.ts'
import { toDeadLetter } from './dead-letter.ts'
import type { DeadLetterStore } from './dead-letters.ts'

type Deps = {
  kafka: Pick<KafkaClient, 'ensureTopic' | 'consume'>
  deadLetters: Pick<DeadLetterStore, 'insert'>
  log: Logger
  now?: () => Date
}

/**
 * Consumes the dead-letter queue in the background and records its messages, whoever published them. Kafka may become
 * available later. The offsets of a batch are committed when all its messages are recorded or duplicates.
 *
 * A message without an origin header is taken to come from `topic`.
 */
export function consumeDeadLetters(
  { kafka, deadLetters, log, now = () => new Date() }: Deps,
  { topic, dlq, groupId }: ConsumerConfig,
) {
  return consumeInBackground({ broker: kafka, log }, (signal) => ensureDeadLetterQueue(kafka, dlq, signal), {
    groupId: `${groupId}-dlq`,
    topic: dlq,
    onBatch: async (messages: IncomingMessage[]) => {
      await deadLetters.insert(messages.map((message) => toDeadLetter(message, topic, now())))
      log.info({ topic: dlq, count: messages.length }, 'dead letters recorded')
    },
  })
}
