import { parseOrderEvent, type OrderEvent } from '@halles/contracts/order-events'
import type { KafkaCredentials } from '@halles/config/config'
import { createKafka, type TimestampedMessage } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import type { Snapshot, DeadLetter, Event, UnparsableMessage } from './snapshot.ts'
import { toEventContent } from './event-content.ts'

/** The names of the topics of order events and of their dead letters. */
export type Topics = { events: string; deadLetters: string }

/**
 * Reads the order events and the dead letters, from the beginning to the current end of the topics. A topic that does not
 * exist counts as empty.
 *
 * @throws Error when Kafka does not answer, or stops answering.
 */
export async function readTopics(
  brokers: string,
  topics: Topics,
  access: KafkaCredentials = {},
): Promise<Pick<Snapshot, 'events' | 'unparsable' | 'deadLetters' | 'retainedFrom'>> {
  const kafka = createKafka(brokers, 'reconciliation', createLogger('reconciliation', 'silent'), access)
  const events: Event[] = []
  const unparsable: UnparsableMessage[] = []
  const deadLetters: DeadLetter[] = []
  const firstTimestamps = new Map<number, Date>()
  const intern = createInterner()

  const ranges = await kafka.readTopic({
    topic: topics.events,
    onBatch: (messages) => {
      for (const message of messages) {
        const { partition, offset, timestamp } = message
        if (!firstTimestamps.has(partition)) firstTimestamps.set(partition, timestamp)
        const event = parseEvent(message.value)
        if (typeof event === 'string') unparsable.push({ partition, offset, timestamp, reason: event })
        else events.push(toEvent(message, event, intern))
      }
    },
  })
  const readAt = new Date()
  await kafka.readTopic({
    topic: topics.deadLetters,
    onBatch: (messages) => void deadLetters.push(...messages.map((message) => toDeadLetter(message, topics.events))),
  })

  const retainedFrom: Snapshot['retainedFrom'] = []
  for (const { partition, from } of ranges)
    retainedFrom[partition] = from === '0' ? null : (firstTimestamps.get(partition) ?? readAt)
  return { events, unparsable, deadLetters, retainedFrom }
}

/** Parses the event in the value of a message. @returns the event, or the reason why the value is not a valid one */
function parseEvent(text: string | null): OrderEvent | string {
  if (text === null) return 'no value'
  try {
    const event = parseOrderEvent(text)
    return event.subject === event.data.order.id ? event : 'subject is not the id of the order'
  } catch (error) {
    return (error as Error).message
  }
}

const toEvent = (
  { partition, offset, timestamp, key }: TimestampedMessage,
  { id, type, subject, data }: OrderEvent,
  intern: (text: string) => string,
): Event => {
  const content = toEventContent(type, data.previousStatus, data.order, data.customer)
  return {
    id,
    key: key === subject ? subject : key,
    orderId: subject,
    sequence: data.sequence,
    content: { ...content, items: intern(content.items), customer: intern(content.customer) },
    partition,
    offset,
    timestamp,
  }
}

function toDeadLetter({ partition, offset, timestamp, value, headers }: TimestampedMessage, from: string): DeadLetter {
  const event = parseEvent(value)
  const origin = { partition: Number(headers['origin-partition']), offset: headers['origin-offset'] ?? '' }
  return {
    partition,
    offset,
    timestamp,
    reason: headers['reason'] ?? 'not given',
    origin: headers['origin-topic'] === from ? origin : undefined,
    eventId: typeof event === 'string' ? undefined : event.id,
    deadLetteredAt: headers['parked-at'],
  }
}

/** Interns strings, to save memory: the lines of an order are repeated in each of its events. */
function createInterner(): (text: string) => string {
  const known = new Map<string, string>()
  return (text) => {
    const kept = known.get(text)
    if (kept === undefined) known.set(text, text)
    return kept ?? text
  }
}
