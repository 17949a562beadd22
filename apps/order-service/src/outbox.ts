import { CLOUDEVENTS_JSON, ORDER_EVENTS, type OrderEvent } from '@halles/contracts/order-events'
import type { OutgoingMessage, Publisher } from '@halles/kafka/kafka'
import type { Logger } from '@halles/telemetry/log'
import { pollEvery } from '@halles/concurrency/poll-every'
import { runInSpan } from '@halles/telemetry/trace'
import { toOrderView, type Order, type UnpublishedEvent } from './order.ts'
import type { PendingPublications } from './pending-publications.ts'

/** The most orders whose events are published together. */
const MAX_ORDERS = 512
/** The most bytes of a batch: a broker takes 1 MB at a time. */
const MAX_BYTES = 500_000
/** How many orders the queue holds while Kafka is away, the first of them with content; polling finds the others. */
const QUEUE_LIMIT = 10_000

export type OutboxDeps = {
  pendingPublications: PendingPublications
  publisher: Publisher
  log: Logger
  /** Called for each event that Kafka acknowledged, with the time at which it happened. */
  onPublished: (at: Date) => void
  now: () => Date
  /** How often to poll the database, in milliseconds. */
  pollInterval?: number
}

export type Outbox = ReturnType<typeof createOutbox>

/**
 * Starts the relay of the transactional outbox. It publishes the events of orders to Kafka at least once, those of one
 * order in sequence: at once for an enqueued order, and by polling for all others. What is enqueued while a batch is in
 * flight is the next batch.
 */
export function createOutbox({
  pendingPublications,
  publisher,
  log,
  onPublished,
  now,
  pollInterval = 1000,
}: OutboxDeps) {
  /**
   * Ids of orders with unpublished events: with the order if it is published as it is, without it if it must be read.
   */
  const queue = new Map<string, Order | undefined>()
  let polledAt = 0

  const publish = async (orders: Order[]): Promise<void> => {
    for (const batch of toBatches(orders)) {
      const sent = publisher.send(ORDER_EVENTS, batch.messages)
      // Each event has a span in the trace of the request that caused it, though the batch is sent as one.
      await Promise.all(
        batch.events.map((event) => runInSpan('send order-events', 'producer', event.traceparent, () => sent)),
      )
      await pendingPublications.markPublished(batch.orders)
      for (const { at } of batch.events) onPublished(at)
    }
  }

  const publishQueue = async (): Promise<void> => {
    const taken = [...queue.entries().take(MAX_ORDERS)]
    for (const [id] of taken) queue.delete(id)
    const known = taken.flatMap(([, order]) => order ?? [])
    const unread = taken.flatMap(([id, order]) => (order ? [] : id))
    try {
      await publish(unread.length === 0 ? known : [...known, ...(await pendingPublications.find(unread))])
    } catch (error) {
      for (const [id] of taken) add(id)
      throw error
    }
  }

  const poll = async (): Promise<void> => {
    const orders = await pendingPublications.lease(MAX_ORDERS)
    if (orders.length > 0) log.info({ orders: orders.length }, 'publishing events that were not published in time')
    await publish(orders)
    if (orders.length < MAX_ORDERS) polledAt = now().getTime()
  }

  const add = (id: string, order?: Order): void => {
    if (queue.has(id)) queue.set(id, undefined) // it has changed since, so it must be read
    else if (queue.size < QUEUE_LIMIT) queue.set(id, queue.size < MAX_ORDERS ? order : undefined)
  }

  const worker = pollEvery(
    'outbox',
    pollInterval,
    async () => {
      if (queue.size > 0) await publishQueue()
      if (now().getTime() - polledAt >= pollInterval) await poll()
      if (queue.size > 0 || now().getTime() - polledAt >= pollInterval) worker.wake()
    },
    log,
  )

  return {
    /** Publishes the unpublished events of an order soon. */
    enqueue: (id: string): void => {
      add(id)
      worker.wake()
    },
    /**
     * Publishes the first event of an order soon, given the order as it was confirmed. No event comes before the first,
     * so it is published without a read; if the order has changed since, at worst it is published once more.
     */
    enqueueCreated: (order: Order): void => {
      add(order._id, order)
      worker.wake()
    },
    stop: async (): Promise<void> => {
      await worker.stop()
      await publisher.close()
    },
  }
}

type Batch = { orders: Order[]; events: UnpublishedEvent[]; messages: OutgoingMessage[]; bytes: number }

/**
 * Converts the events of orders to messages, in batches that a broker takes. One order's events stay together, in
 * sequence.
 */
function toBatches(orders: Order[]): Batch[] {
  const all: Batch[] = []
  for (const order of orders) {
    const events = order.unpublished ?? []
    const messages = events.map((event) => toMessage(order, event))
    const bytes = messages.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0)
    let batch = all.at(-1)
    if (!batch || batch.bytes + bytes > MAX_BYTES)
      all.push((batch = { orders: [], events: [], messages: [], bytes: 0 }))
    batch.orders.push(order)
    batch.events.push(...events)
    batch.messages.push(...messages)
    batch.bytes += bytes
  }
  return all
}

const toMessage = (order: Order, event: UnpublishedEvent) => ({
  key: order._id,
  value: JSON.stringify(toOrderEvent(order, event)),
  headers: { 'content-type': CLOUDEVENTS_JSON },
})

/** Converts an unpublished event to its CloudEvent, with the order as it was then. A repeat is the same. */
export function toOrderEvent(
  order: Order,
  { seq, type, at, previousStatus, traceparent }: UnpublishedEvent,
): OrderEvent {
  return {
    specversion: '1.0',
    id: `${order._id}.${seq}`,
    source: '/order-service',
    type,
    subject: order._id,
    time: at.toISOString(),
    datacontenttype: 'application/json',
    ...(traceparent !== undefined && { traceparent }),
    data: { sequence: seq, order: toOrderView(order, seq), previousStatus, customer: order.customer },
  }
}
