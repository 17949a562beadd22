import { CLOUDEVENTS_JSON, ORDER_EVENTS, type OrderEvent } from '@halles/contracts/order-events'
import type { Outgoing, Publisher } from '@halles/service/kafka'
import type { Logger } from '@halles/service/log'
import { rounds } from '@halles/service/rounds'
import { inSpan } from '@halles/service/trace'
import type { Debts } from './debts.ts'
import { orderView, type Order, type Unsent } from './order.ts'

/** The most orders whose events go together. */
const MOST = 512
/** The most bytes that go together: a broker takes 1 MB at a time. */
const MOST_BYTES = 500_000
/** How many orders the fast path remembers while Kafka is away, the first of them whole; a sweep finds the others. */
const REMEMBERED = 10_000

export type OutboxHelpers = {
  debts: Pick<Debts, 'untold' | 'takeUntold' | 'told'>
  publisher: Publisher
  log: Logger
  /** Told of each event that Kafka acknowledged, and when it had happened. */
  onTold: (at: Date) => void
  now: () => Date
  /** How often to sweep, in milliseconds. */
  pause?: number
}

export type Outbox = ReturnType<typeof outboxOf>

/**
 * Tells Kafka what orders have not told yet, at least once, each order's events in order: at once when told of an order,
 * and by sweeps for whatever that missed. What comes while one batch is under way is the next one.
 */
export function outboxOf({ debts, publisher, log, onTold, now, pause = 1000 }: OutboxHelpers) {
  /** Those that have something to tell; a new one in its own words, the others to be read. */
  const waiting = new Map<string, Order | undefined>()
  let sweptAt = 0

  const deliver = async (orders: Order[]): Promise<void> => {
    for (const batch of batches(orders)) {
      const sent = publisher.send(ORDER_EVENTS, batch.messages)
      // A span for each event, below the request that caused it, though they go together.
      await Promise.all(
        batch.events.map((event) => inSpan('send order-events', 'producer', event.traceparent, () => sent)),
      )
      await debts.told(batch.orders)
      for (const { at } of batch.events) onTold(at)
    }
  }

  const tellWaiting = async (): Promise<void> => {
    const taken = [...waiting.entries().take(MOST)]
    for (const [id] of taken) waiting.delete(id)
    const known = taken.flatMap(([, order]) => order ?? [])
    const unknown = taken.flatMap(([id, order]) => (order ? [] : id))
    try {
      await deliver(unknown.length === 0 ? known : [...known, ...(await debts.untold(unknown))])
    } catch (error) {
      for (const [id] of taken) remember(id)
      throw error
    }
  }

  const sweep = async (): Promise<void> => {
    const orders = await debts.takeUntold(MOST)
    if (orders.length > 0) log.info({ orders: orders.length }, 'telling what was not told in time')
    await deliver(orders)
    if (orders.length < MOST) sweptAt = now().getTime()
  }

  const remember = (id: string, order?: Order): void => {
    if (waiting.has(id)) waiting.set(id, undefined) // more has happened to it
    else if (waiting.size < REMEMBERED) waiting.set(id, waiting.size < MOST ? order : undefined)
  }

  const work = rounds(
    'outbox',
    pause,
    async () => {
      if (waiting.size > 0) await tellWaiting()
      if (now().getTime() - sweptAt >= pause) await sweep()
      if (waiting.size > 0 || now().getTime() - sweptAt >= pause) work.soon()
    },
    log,
  )

  return {
    /** Says that an order has something to tell. */
    tell: (id: string): void => {
      remember(id)
      work.soon()
    },
    /**
     * Says that an order was confirmed, and is as it was confirmed. Nothing comes before its first event, so that one is
     * told without reading it: at worst, of an order that has moved on, once more.
     */
    tellNew: (order: Order): void => {
      remember(order._id, order)
      work.soon()
    },
    stop: async (): Promise<void> => {
      await work.stop()
      await publisher.close()
    },
  }
}

type Batch = { orders: Order[]; events: Unsent[]; messages: Outgoing[]; bytes: number }

/** The events of orders as messages, in batches that a broker takes. One order's events stay in order and together. */
function batches(orders: Order[]): Batch[] {
  const all: Batch[] = []
  for (const order of orders) {
    const events = order.unsent ?? []
    const messages = events.map((event) => messageOf(order, event))
    const bytes = messages.reduce((sum, { value }) => sum + Buffer.byteLength(value), 0)
    let batch = all.at(-1)
    if (!batch || batch.bytes + bytes > MOST_BYTES)
      all.push((batch = { orders: [], events: [], messages: [], bytes: 0 }))
    batch.orders.push(order)
    batch.events.push(...events)
    batch.messages.push(...messages)
    batch.bytes += bytes
  }
  return all
}

const messageOf = (order: Order, event: Unsent) => ({
  key: order._id,
  value: JSON.stringify(orderEvent(order, event)),
  headers: { 'content-type': CLOUDEVENTS_JSON },
})

/** An event of an order, whole in itself: the order as it was then. The same for every repeat. */
export function orderEvent(order: Order, { seq, type, at, previousStatus, traceparent }: Unsent): OrderEvent {
  return {
    specversion: '1.0',
    id: `${order._id}.${seq}`,
    source: '/order-service',
    type,
    subject: order._id,
    time: at.toISOString(),
    datacontenttype: 'application/json',
    ...(traceparent !== undefined && { traceparent }),
    data: { sequence: seq, order: orderView(order, seq), previousStatus, customer: order.customer },
  }
}
