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
import { coalesce } from '@halles/service/coalesce'
import { isTooLarge, type Broker, type Incoming, type Outgoing } from '@halles/service/kafka'
import { listening } from '@halles/service/listening'
import type { Logger } from '@halles/service/log'
import { inSpan } from '@halles/service/trace'
import { LARGEST_KEPT, parked, withoutValue } from './dead-letter.ts'
import type { Kept } from './keep-new.ts'

/** How many events are recorded in one write at the most. */
const BATCH = 200

/** The longest text that is looked at, in characters; an order of a hundred lines is a tenth of it. */
const LARGEST = 1_000_000

type Helpers<Event> = {
  broker: Pick<Broker, 'ensureTopic' | 'listen' | 'publisher'>
  /** Records events in order, and answers for each; rejects when that is not possible now. */
  record: (events: Event[]) => Promise<Kept[]>
  log: Logger
  /** Told of each message, when it is dealt with. */
  heard?: (outcome: Kept | 'parked') => void
}

/** The topic, where its poison goes, and the group that remembers how far it was read. */
export type Subscription = { topic: string; dlq: string; groupId: string }

export const orderEvents: Subscription = {
  topic: ORDER_EVENTS,
  dlq: ORDER_EVENTS_DLQ,
  groupId: 'notification-service',
}

/** What became of accounts: its poison goes to the same queue, which says of each message where it came from. */
export const accountEvents: Subscription = {
  topic: ACCOUNT_EVENTS,
  dlq: ORDER_EVENTS_DLQ,
  groupId: 'notification-service-accounts',
}

/** Whose account was deleted. */
export const accountDeletions: Subscription = {
  topic: ACCOUNT_DELETIONS,
  dlq: ORDER_EVENTS_DLQ,
  groupId: 'notification-service-deletions',
}

/** What is particular to the events of a topic. */
type Kind<Event> = {
  name: string
  partitions: number
  settings?: Record<string, string>
  /** Reads an event; throws an Error with a few words on why a text is none. */
  read: (text: string) => Event
}

const ofOrders: Kind<OrderEvent> = {
  name: ORDER_EVENTS,
  partitions: ORDER_EVENTS_PARTITIONS,
  read: (text) => {
    const event = parseOrderEvent(text)
    if (event.subject !== event.data.order.id) throw new Error('subject is not the id of the order')
    return event
  },
}

const ofAccounts: Kind<AccountEvent> = {
  name: ACCOUNT_EVENTS,
  partitions: ACCOUNT_EVENTS_PARTITIONS,
  settings: ACCOUNT_EVENTS_SETTINGS,
  read: (text) => {
    const event = parseAccountEvent(text)
    if (event.subject !== event.data.user.id) throw new Error('subject is not the id of the user')
    if (event.type.endsWith('-requested') && !event.data.link) throw new Error('a request without a link')
    return event
  },
}

const ofDeletions: Kind<AccountDeletion> = {
  name: ACCOUNT_DELETIONS,
  partitions: ACCOUNT_DELETIONS_PARTITIONS,
  settings: ACCOUNT_DELETIONS_SETTINGS,
  read: parseAccountDeletion,
}

/** Makes the dead-letter queue, with room for whatever is parked: a message may be larger there than on other topics. */
export const readyDlq = (broker: Pick<Broker, 'ensureTopic'>, dlq: string, signal: AbortSignal): Promise<void> =>
  broker.ensureTopic(dlq, 1, signal, { 'max.message.bytes': String(2 * LARGEST_KEPT) })

/** Listens to what became of orders. */
export const listenToOrders = (helpers: Helpers<OrderEvent>, subscription = orderEvents) =>
  listenTo(ofOrders, helpers, subscription)

/** Listens to what became of accounts. */
export const listenToAccounts = (helpers: Helpers<AccountEvent>, subscription = accountEvents) =>
  listenTo(ofAccounts, helpers, subscription)

/** Listens to whose account was deleted. */
export const listenToDeletions = (helpers: Helpers<AccountDeletion>, subscription = accountDeletions) =>
  listenTo(ofDeletions, helpers, subscription)

/**
 * Listens to a topic, from its beginning on, in the background: Kafka may come later.
 *
 * A batch is acknowledged when each of its messages is recorded, known or parked. If one can be neither, the whole batch
 * comes again; what was recorded of it is then known.
 */
function listenTo<Event extends OrderEvent | AccountEvent | AccountDeletion>(
  { name, partitions, settings, read }: Kind<Event>,
  { broker, record, log, heard = () => {} }: Helpers<Event>,
  { topic, dlq, groupId }: Subscription,
) {
  const publisher = broker.publisher()
  const recordOne = coalesce(record, { max: BATCH })

  /** Records one message in the trace of its event; answers why it must be parked, if so. */
  async function take(message: Incoming): Promise<string | undefined> {
    const event = eventIn(message, read)
    if (typeof event === 'string') return event
    return inSpan(`${name} process`, 'consumer', event.traceparent, async () => {
      const noted = await recordOne(event)
      heard(noted)
      log.info({ topic, subject: event.subject, eventId: event.id, type: event.type, noted }, 'event heard')
      return undefined
    })
  }

  async function onBatch(messages: Incoming[]): Promise<void> {
    // All at once, and still in order: each is queued for the next write before the next one is looked at.
    const reasons = await Promise.all(messages.map(take))
    const poison = messages.flatMap((message, i) => (reasons[i] ? [{ message, reason: reasons[i] }] : []))
    if (poison.length === 0) return
    await park(poison.map(({ message, reason }) => parked(message, reason, groupId)))
    for (const { message, reason } of poison) {
      heard('parked')
      log.error({ topic, partition: message.partition, offset: message.offset, reason, dlq }, 'message parked')
    }
  }

  /**
   * Kafka counts all messages of one send together: what is too much at once goes in halves, and a message that is too
   * large by itself without its value, which stays at its origin. Nothing holds up the topic.
   */
  async function park(messages: Outgoing[]): Promise<void> {
    try {
      await publisher.send(dlq, messages)
    } catch (error) {
      const [first] = messages
      if (!isTooLarge(error) || (messages.length === 1 && first!.value === null)) throw error
      if (messages.length === 1) return park([withoutValue(first!)])
      const half = messages.length >> 1
      await park(messages.slice(0, half))
      await park(messages.slice(half))
    }
  }

  const listener = listening(
    { broker, log },
    async (signal) => {
      await broker.ensureTopic(topic, partitions, signal, settings)
      await readyDlq(broker, dlq, signal)
    },
    { groupId, topic, onBatch },
  )
  return {
    /** Stops after the batch under way. */
    close: async (): Promise<void> => {
      await listener.close()
      await publisher.close()
    },
  }
}

/** The event in a message, or a few words on why there is none. */
function eventIn<Event>({ value }: Incoming, read: Kind<Event>['read']): Event | string {
  if (value === null) return 'no value'
  if (value.length > LARGEST) return 'larger than any order'
  try {
    return read(value)
  } catch (error) {
    return (error as Error).message
  }
}
