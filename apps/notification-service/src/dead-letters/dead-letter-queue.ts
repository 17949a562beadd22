import { isTooLarge, type KafkaClient, type OutgoingMessage, type Publisher } from '@halles/kafka/kafka'
import { dropValue, MAX_STORED_VALUE } from './dead-letter.ts'

/**
 * Creates the dead-letter queue when it does not exist. It accepts larger messages than other topics, so that it takes
 * every message of theirs with its added headers. `signal` ends the wait for Kafka.
 */
export const ensureDeadLetterQueue = (
  kafka: Pick<KafkaClient, 'ensureTopic'>,
  queue: string,
  signal: AbortSignal,
): Promise<void> => kafka.ensureTopic(queue, 1, signal, { 'max.message.bytes': String(2 * MAX_STORED_VALUE) })

/**
 * Publishes messages to the dead-letter queue, so that none blocks its topic. Kafka limits the size of all messages of one
 * send together: a batch that is too large is split in halves, and a single message that is too large is published without
 * its value.
 *
 * @throws Error when Kafka cannot be reached: the messages may then be on the queue in part.
 */
export async function publishDeadLetters(
  publisher: Pick<Publisher, 'send'>,
  queue: string,
  messages: OutgoingMessage[],
): Promise<void> {
  try {
    await publisher.send(queue, messages)
  } catch (error) {
    const [first] = messages
    if (!isTooLarge(error) || (messages.length === 1 && first!.value === null)) throw error
    if (messages.length === 1) return publishDeadLetters(publisher, queue, [dropValue(first!)])
    const half = messages.length >> 1
    await publishDeadLetters(publisher, queue, messages.slice(0, half))
    await publishDeadLetters(publisher, queue, messages.slice(half))
  }
}
