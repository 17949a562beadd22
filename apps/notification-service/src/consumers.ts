import {
  ACCOUNT_DELETIONS,
  ACCOUNT_DELETIONS_PARTITIONS,
  ACCOUNT_DELETIONS_SETTINGS,
  parseAccountDeletion,
  type AccountDeletion,
} from '@halles/contracts/account-deletions'
import {
  ACCOUNT_EVENTS,
  ACCOUNT_EVENTS_PARTITIONS,
  ACCOUNT_EVENTS_SETTINGS,
  parseAccountEvent,
  type AccountEvent,
} from '@halles/contracts/account-events'
import {
  ORDER_EVENTS,
  ORDER_EVENTS_DLQ,
  ORDER_EVENTS_PARTITIONS,
  parseOrderEvent,
  type OrderEvent,
} from '@halles/contracts/order-events'
import { createBatcher } from '@halles/concurrency/batcher'
import type { KafkaClient, IncomingMessage } from '@halles/kafka/kafka'
import { consumeInBackground } from '@halles/kafka/consume-in-background'
import type { Logger } from '@halles/telemetry/log'
import { runInSpan } from '@halles/telemetry/trace'
import { ensureDeadLetterQueue, publishDeadLetters } from './dead-letters/dead-letter-queue.ts'
import { toDeadLetterMessage } from './dead-letters/dead-letter.ts'
import type { InsertOutcome } from './insert-new.ts'

/** The most events that are recorded in one write. */
const MAX_BATCH = 200

/** The longest value that is parsed, in characters; an order of a hundred lines has a tenth of it. */
const MAX_VALUE_LENGTH = 1_000_000

/** How a message ended: its event was recorded, was a duplicate, or went to the dead-letter queue. */
export type MessageOutcome = InsertOutcome | 'dead-lettered'

type Deps<Event> = {
  kafka: Pick<KafkaClient, 'ensureTopic' | 'consume' | 'publisher'>
  /** Records events in order and returns an outcome for each. It rejects when that is impossible now. */
  record: (events: Event[]) => Promise<InsertOutcome[]>
  log: Logger
  /** Called with the outcome of each message. */
  onMessage?: (outcome: MessageOutcome) => void
}

/** What a consumer reads: its topic, its dead-letter queue, and the consumer group that keeps its offsets. */
export type ConsumerConfig = { topic: string; dlq: string; groupId: string }

/** The consumers of this service. All share one dead-letter queue, whose messages name the topic that they come from. */
export const consumers = {
  orderEvents: { topic: ORDER_EVENTS, dlq: ORDER_EVENTS_DLQ, groupId: 'notification-service' },
  accountEvents: { topic: ACCOUNT_EVENTS, dlq: ORDER_EVENTS_DLQ, groupId: 'notification-service-accounts' },
  accountDeletions: { topic: ACCOUNT_DELETIONS, dlq: ORDER_EVENTS_DLQ, groupId: 'notification-service-deletions' },
} as const satisfies Record<string, ConsumerConfig>

export type Consumers = Record<keyof typeof consumers, ConsumerConfig>

/** What differs between the kinds of events. */
type EventKind<Event> = {
  name: string
  partitions: number
  /** Kafka's settings of the topic, for when it does not exist yet. */
  settings?: Record<string, string>
  /** @throws Error with a few words on why the text is not such an event. */
  parse: (text: string) => Event
}

const orderEvents: EventKind<OrderEvent> = {
  name: ORDER_EVENTS,
  partitions: ORDER_EVENTS_PARTITIONS,
  parse: (text) => {
    const event = parseOrderEvent(text)
    if (event.subject !== event.data.order.id) throw new Error('subject is not the id of the order')
    return event
  },
}

const accountEvents: EventKind<AccountEvent> = {
  name: ACCOUNT_EVENTS,
  partitions: ACCOUNT_EVENTS_PARTITIONS,
  settings: ACCOUNT_EVENTS_SETTINGS,
  parse: (text) => {
    const event = parseAccountEvent(text)
    if (event.subject !== event.data.user.id) throw new Error('subject is not the id of the user')
    if (event.type.endsWith('-requested') && !event.data.link) throw new Error('a request without a link')
    return event
  },
}

const accountDeletions: EventKind<AccountDeletion> = {
  name: ACCOUNT_DELETIONS,
  partitions: ACCOUNT_DELETIONS_PARTITIONS,
  settings: ACCOUNT_DELETIONS_SETTINGS,
  parse: parseAccountDeletion,
}

/** Consumes the events of orders, in the background. */
export const consumeOrderEvents = (deps: Deps<OrderEvent>, config: ConsumerConfig) =>
  consumeEvents(orderEvents, deps, config)

/** Consumes the events of accounts, in the background. */
export const consumeAccountEvents = (deps: Deps<AccountEvent>, config: ConsumerConfig) =>
  consumeEvents(accountEvents, deps, config)

/** Consumes the deletions of accounts, in the background. */
export const consumeAccountDeletions = (deps: Deps<AccountDeletion>, config: ConsumerConfig) =>
  consumeEvents(accountDeletions, deps, config)

/**
 * Consumes a topic from its beginning, in the background: Kafka may become available later.
 *
 * The offsets of a batch are committed when each of its messages is recorded, a duplicate, or dead-lettered. When one
 * message can be none of these, the whole batch is delivered again, and what was recorded of it is then a duplicate.
 */
function consumeEvents<Event extends OrderEvent | AccountEvent | AccountDeletion>(
  { name, partitions, settings, parse }: EventKind<Event>,
  { kafka, record, log, onMessage = () => {} }: Deps<Event>,
  { topic, dlq, groupId }: ConsumerConfig,
) {
  const publisher = kafka.publisher()
  const recordEvent = createBatcher(record, { maxSize: MAX_BATCH })

  /** Records the event of a message, in the trace of the event. Returns why it must be dead-lettered, if so. */
  async function processMessage(message: IncomingMessage): Promise<string | undefined> {
    const event = parseMessage(message, parse)
    if (typeof event === 'string') return event
    return runInSpan(`${name} process`, 'consumer', event.traceparent, async () => {
      const outcome = await recordEvent(event)
      onMessage(outcome)
      log.info({ topic, subject: event.subject, eventId: event.id, type: event.type, outcome }, 'event consumed')
      return undefined
    })
  }

  async function onBatch(messages: IncomingMessage[]): Promise<void> {
    // Concurrent and still in order: each message joins the next write before the next message is parsed.
    const reasons = await Promise.all(messages.map(processMessage))
    const poison = messages.flatMap((message, i) => (reasons[i] ? [{ message, reason: reasons[i] }] : []))
    if (poison.length === 0) return
    const deadLetters = poison.map(({ message, reason }) => toDeadLetterMessage(message, reason, groupId))
    await publishDeadLetters(publisher, dlq, deadLetters)
    for (const { message, reason } of poison) {
      onMessage('dead-lettered')
      const { partition, offset } = message
      log.error({ topic, partition, offset, reason, dlq }, 'message dead-lettered')
    }
  }

  const consumer = consumeInBackground(
    { broker: kafka, log },
    async (signal) => {
      await kafka.ensureTopic(topic, partitions, signal, settings)
      await ensureDeadLetterQueue(kafka, dlq, signal)
    },
    { groupId, topic, onBatch },
  )
  return {
    /** Stops when the batch in flight has ended. */
    close: async (): Promise<void> => {
      await consumer.close()
      await publisher.close()
    },
  }
}

/** The event in a message, or a few words on why there is none. */
function parseMessage<Event>({ value }: IncomingMessage, parse: EventKind<Event>['parse']): Event | string {
  if (value === null) return 'no value'
  if (value.length > MAX_VALUE_LENGTH) return 'larger than any order'
  try {
    return parse(value)
  } catch (error) {
    return (error as Error).message
  }
}
