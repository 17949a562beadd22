import { setTimeout as pause } from 'node:timers/promises'
import {
  ORDER_EVENTS,
  ORDER_EVENTS_DLQ,
  ORDER_EVENTS_PARTITIONS,
  parseOrderEvent,
  type OrderEvent,
} from '@halles/contracts/order-events'
import { coalesce } from '@halles/service/coalesce'
import type { Broker, Incoming, Listener, Outgoing } from '@halles/service/kafka'
import type { Logger } from '@halles/service/log'
import { inSpan } from '@halles/service/trace'
import type { Kept } from './letters.ts'

/** How many events are recorded in one write at the most. */
const BATCH = 200

/** The longest text that is looked at; an order of a hundred lines is a tenth of it. */
const LARGEST = 1_000_000

type Helpers = {
  broker: Pick<Broker, 'ensureTopic' | 'listen' | 'publisher'>
  /** Records events in order, and answers for each; rejects when that is not possible now. */
  record: (events: OrderEvent[]) => Promise<Kept[]>
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

/**
 * Listens to what became of orders, from the topic's beginning on, in the background: Kafka may come later.
 *
 * A batch is acknowledged when each of its messages is recorded, known or parked. If one can be neither, the whole batch
 * comes again; what was recorded of it is then known.
 */
export function listenToOrders({ broker, record, log, heard = () => {} }: Helpers, subscription = orderEvents) {
  const { topic, dlq, groupId } = subscription
  const stop = new AbortController()
  const publisher = broker.publisher()
  const recordOne = coalesce(record, { max: BATCH })

  /** Records one message in the trace of its event; answers why it must be parked, if so. */
  async function take(message: Incoming): Promise<string | undefined> {
    const event = eventIn(message)
    if (typeof event === 'string') return event
    return inSpan('order-events process', 'consumer', event.traceparent, async () => {
      const noted = await recordOne(event)
      heard(noted)
      log.info({ orderId: event.subject, eventId: event.id, sequence: event.data.sequence, noted }, 'event heard')
      return undefined
    })
  }

  async function onBatch(messages: Incoming[]): Promise<void> {
    // All at once, and still in order: each is queued for the next write before the next one is looked at.
    const reasons = await Promise.all(messages.map(take))
    const poison = messages.flatMap((message, i) => (reasons[i] ? [{ message, reason: reasons[i] }] : []))
    if (poison.length === 0) return
    await publisher.send(
      dlq,
      poison.map(({ message, reason }) => parked(message, reason, groupId)),
    )
    for (const { message, reason } of poison) {
      heard('parked')
      log.error({ topic, partition: message.partition, offset: message.offset, reason, dlq }, 'message parked')
    }
  }

  async function start(): Promise<Listener | undefined> {
    while (!stop.signal.aborted)
      try {
        await broker.ensureTopic(topic, ORDER_EVENTS_PARTITIONS, stop.signal)
        await broker.ensureTopic(dlq, 1, stop.signal)
        return await broker.listen({ groupId, topic, fromBeginning: true, maxWaitTime: 250, onBatch })
      } catch (error) {
        if (stop.signal.aborted) break
        log.error({ err: error }, 'cannot listen yet')
        await pause(1000)
      }
    return undefined
  }

  const listener = start()
  return {
    /** Stops after the batch under way. */
    close: async (): Promise<void> => {
      stop.abort()
      await (await listener)?.close()
      await publisher.close()
    },
  }
}

/** The event in a message, or a few words on why there is none. */
function eventIn({ value }: Incoming): OrderEvent | string {
  if (value === null) return 'no value'
  if (value.length > LARGEST) return 'larger than any order'
  try {
    const event = parseOrderEvent(value)
    return event.subject === event.data.order.id ? event : 'subject is not the id of the order'
  } catch (error) {
    return (error as Error).message
  }
}

/** A message as it is parked: unchanged, and with its own headers, where it comes from and why it is here. */
const parked = (message: Incoming, reason: string, group: string): Outgoing => ({
  key: message.key,
  value: message.bytes,
  headers: {
    ...message.headers,
    reason,
    'origin-topic': message.topic,
    'origin-partition': String(message.partition),
    'origin-offset': message.offset,
    'origin-group': group,
    'parked-at': new Date().toISOString(),
  },
})
