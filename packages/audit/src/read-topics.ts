import { parseOrderEvent, type OrderEvent } from '@halles/contracts/order-events'
import type { Access } from '@halles/service/config'
import { kafkaAt, type Recorded } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import type { Books, DeadLetter, Event, Poison } from './books.ts'
import { tellingOf } from './telling.ts'

/** The names of the topics: what orders tell, and what of it was parked. */
export type Topics = { events: string; deadLetters: string }

/**
 * Reads what orders have told, and what was parked, from the beginning to where the topics end now. A topic that does
 * not exist is empty.
 *
 * @throws Error when Kafka does not answer, or stops answering.
 */
export async function readTopics(
  brokers: string,
  topics: Topics,
  access: Access = {},
): Promise<Pick<Books, 'events' | 'poison' | 'deadLetters' | 'retainedFrom'>> {
  const kafka = kafkaAt(brokers, 'audit', logger('audit', 'silent'), access)
  const events: Event[] = []
  const poison: Poison[] = []
  const deadLetters: DeadLetter[] = []
  const first = new Map<number, Date>()
  const once = shared()

  const extents = await kafka.readTopic({
    topic: topics.events,
    onBatch: (messages) => {
      for (const message of messages) {
        const { partition, offset, timestamp } = message
        if (!first.has(partition)) first.set(partition, timestamp)
        const event = eventIn(message.value)
        if (typeof event === 'string') poison.push({ partition, offset, timestamp, why: event })
        else events.push(eventOf(message, event, once))
      }
    },
  })
  const asked = new Date()
  await kafka.readTopic({
    topic: topics.deadLetters,
    onBatch: (messages) => void deadLetters.push(...messages.map((message) => deadLetterOf(message, topics.events))),
  })

  const retainedFrom: Books['retainedFrom'] = []
  for (const { partition, from } of extents)
    retainedFrom[partition] = from === '0' ? null : (first.get(partition) ?? asked)
  return { events, poison, deadLetters, retainedFrom }
}

/** The event in a message's text, or why there is none. */
function eventIn(text: string | null): OrderEvent | string {
  if (text === null) return 'no value'
  try {
    const event = parseOrderEvent(text)
    return event.subject === event.data.order.id ? event : 'subject is not the id of the order'
  } catch (error) {
    return (error as Error).message
  }
}

const eventOf = (
  { partition, offset, timestamp, key }: Recorded,
  { id, type, subject, data }: OrderEvent,
  once: (text: string) => string,
): Event => {
  const telling = tellingOf(type, data.previousStatus, data.order, data.customer)
  return {
    id,
    key: key === subject ? subject : key,
    orderId: subject,
    sequence: data.sequence,
    telling: { ...telling, items: once(telling.items), customer: once(telling.customer) },
    partition,
    offset,
    timestamp,
  }
}

function deadLetterOf({ partition, offset, timestamp, value, headers }: Recorded, from: string): DeadLetter {
  const event = eventIn(value)
  const origin = { partition: Number(headers['origin-partition']), offset: headers['origin-offset'] ?? '' }
  return {
    partition,
    offset,
    timestamp,
    reason: headers['reason'] ?? 'not said',
    origin: headers['origin-topic'] === from ? origin : undefined,
    eventId: typeof event === 'string' ? undefined : event.id,
  }
}

/** Keeps one copy of texts that come again and again: an order's lines are in each of its events. */
function shared(): (text: string) => string {
  const known = new Map<string, string>()
  return (text) => {
    const kept = known.get(text)
    if (kept === undefined) known.set(text, text)
    return kept ?? text
  }
}
