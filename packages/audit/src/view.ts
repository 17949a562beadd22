import type { Books, Event, Order, Place } from './books.ts'

/** Only what is older than this moment must be complete; `quiet` when nothing is under way any more. */
export type AsOf = Date | 'quiet'

/** What the clocks of two machines may differ by, and Kafka's stamps with them, in milliseconds. */
const SKEW = 60_000

/** Something that a rule found: what it is about, what should be, and what is. */
export type Found = { subject: string; expected: string; found: string }

/** One thing that must hold. `why` says what it means for the shop when it does not. */
export type Rule = { name: string; why: string; find: (view: View) => Iterable<Found> }

export type View = ReturnType<typeof viewOf>

/** The books with what is needed to find one's way in them. */
export function viewOf(books: Books, asOf: AsOf) {
  const eventsOf = Map.groupBy(books.events, ({ orderId }) => orderId)
  const orderOf = new Map(books.orders.map((order) => [order._id, order]))
  const latest = books.retainedFrom.reduce((a, b) => (a && (!b || a > b) ? a : b), null)
  const heardOf = new Map<string, number>()
  for (const { orderId, sequence } of books.letters) heardOf.set(orderId, Math.max(sequence, heardOf.get(orderId) ?? 0))
  const parkedAt = new Set(books.deadLetters.map(({ origin }) => origin && placeOf(origin)))

  /** Whether what happened to an order at this moment is on the topic still, if it ever was there. */
  const isRetained = (orderId: string, at: Date): boolean => {
    const partition = eventsOf.get(orderId)?.[0]?.partition
    const from = partition === undefined ? latest : (books.retainedFrom[partition] ?? null)
    return from === null || at.getTime() >= from.getTime() + SKEW
  }

  return {
    ...books,
    productOf: new Map(books.products.map((product) => [product._id, product])),
    reservationOf: new Map(books.reservations.map((reservation) => [reservation._id, reservation])),
    orderOf,
    /** Those that are orders: neither intents nor being undone. */
    realOrders: books.orders.filter(isOrder),
    eventsOf,
    eventOf: firstById(books.events),
    repeatsOf: Map.groupBy(books.events, ({ id }) => id),
    lettersOf: Map.groupBy(books.letters, ({ eventId }) => eventId),
    /** Whether the message at this place of order-events was parked. */
    isParked: (place: Pick<Place, 'partition' | 'offset'>): boolean => parkedAt.has(placeOf(place)),
    isRetained,
    /** Whether what began at this moment must be complete by now. */
    isDue: (at: Date): boolean => asOf === 'quiet' || at < asOf,
    isQuiet: asOf === 'quiet',
    /** The moment before which what waits is late. */
    late: asOf === 'quiet' ? books.readAt : asOf,
  }
}

/** Whether it is an order, and not one on its way or being undone. */
export const isOrder = ({ status }: Order): boolean => status !== 'Intent' && status !== 'Undoing'

/** The first of each id, by id, in the order in which they came. */
export function firstById(events: readonly Event[]): Map<string, Event> {
  const first = new Map<string, Event>()
  for (const event of events) if (!first.has(event.id)) first.set(event.id, event)
  return first
}

/** Where a message stands, as one names it: partition@offset. */
export const placeOf = ({ partition, offset }: Pick<Place, 'partition' | 'offset'>): string => `${partition}@${offset}`

export const nameOf = ({ _id, number }: Pick<Order, '_id' | 'number'>): string => `order #${number} ${_id}`
