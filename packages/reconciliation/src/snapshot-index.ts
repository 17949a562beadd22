import type { Snapshot, Event, Order, MessagePosition } from './snapshot.ts'

/** The time up to which everything must be complete; `quiet` when nothing is in progress, so that all must be. */
export type AsOf = Date | 'quiet'

/** The allowed clock skew between machines, and so in Kafka's timestamps, in milliseconds. */
const SKEW = 60_000

/** A violation of a rule: its subject, the expected value, and the found value. */
export type Found = { subject: string; expected: string; found: string }

/** An invariant. `why` says why it matters. */
export type Rule = { name: string; why: string; find: (index: SnapshotIndex) => Iterable<Found> }

export type SnapshotIndex = ReturnType<typeof indexSnapshot>

/** Adds lookup maps and predicates to a snapshot, for the rules. */
export function indexSnapshot(snapshot: Snapshot, asOf: AsOf) {
  const eventsByOrder = Map.groupBy(snapshot.events, ({ orderId }) => orderId)
  const orderById = new Map(snapshot.orders.map((order) => [order._id, order]))
  const latestRetention = snapshot.retainedFrom.reduce((a, b) => (a && (!b || a > b) ? a : b), null)
  const deadLetterOrigins = new Set(snapshot.deadLetters.map(({ origin }) => origin && formatPosition(origin)))

  /** Whether an event of an order from this time is still retained on the topic, if it was ever published. */
  const isRetained = (orderId: string, at: Date): boolean => {
    const partition = eventsByOrder.get(orderId)?.[0]?.partition
    const from = partition === undefined ? latestRetention : (snapshot.retainedFrom[partition] ?? null)
    return from === null || at.getTime() >= from.getTime() + SKEW
  }

  return {
    ...snapshot,
    productById: new Map(snapshot.products.map((product) => [product._id, product])),
    reservationByOrder: new Map(snapshot.reservations.map((reservation) => [reservation._id, reservation])),
    orderById,
    /** The orders that are neither pending nor being cancelled before they were confirmed. */
    confirmedOrders: snapshot.orders.filter(isConfirmed),
    eventsByOrder,
    eventById: firstById(snapshot.events),
    eventsById: Map.groupBy(snapshot.events, ({ id }) => id),
    emailsByEvent: Map.groupBy(snapshot.emails, ({ eventId }) => eventId),
    /** Whether the message at this position of order-events was dead-lettered. */
    isDeadLettered: (position: Pick<MessagePosition, 'partition' | 'offset'>): boolean =>
      deadLetterOrigins.has(formatPosition(position)),
    isRetained,
    /** Whether something that started at this time must be complete. */
    isDue: (at: Date): boolean => asOf === 'quiet' || at < asOf,
    isQuiet: asOf === 'quiet',
    /** Something that was due before this time is overdue. */
    overdueBefore: asOf === 'quiet' ? snapshot.readAt : asOf,
  }
}

/** Whether an order was confirmed; a pending or cancelling one was not. */
export const isConfirmed = ({ status }: Order): boolean => status !== 'Pending' && status !== 'Cancelling'

/** The first message of each event id, by id, in topic order. */
export function firstById(events: readonly Event[]): Map<string, Event> {
  const first = new Map<string, Event>()
  for (const event of events) if (!first.has(event.id)) first.set(event.id, event)
  return first
}

/** Formats the position of a message as `partition@offset`. */
export const formatPosition = ({ partition, offset }: Pick<MessagePosition, 'partition' | 'offset'>): string =>
  `${partition}@${offset}`

export const describeOrder = ({ _id, number }: Pick<Order, '_id' | 'number'>): string => `order #${number} ${_id}`
