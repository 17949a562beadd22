import type { Event, Order } from './books.ts'
import { discord, expectedTelling } from './telling.ts'
import { firstById, isOrder, nameOf, placeOf, type Rule, type View } from './view.ts'

/**
 * The databases were read before the topics: what an order has told was there already. What is on the topic beyond that
 * may be younger than the order as it was read, so only what is due counts.
 */
export const eventRules: Rule[] = [
  {
    name: 'event-missing',
    why: 'Every status of an order is told: one that is neither unsent nor on order-events was lost.',
    *find({ realOrders, eventsOf, isRetained }) {
      for (const order of realOrders) {
        const told = Math.max(0, ...(eventsOf.get(order._id) ?? []).map(({ sequence }) => sequence))
        const unsent = new Set(order.unsent?.map(({ seq }) => seq))
        for (let n = told + 1; n <= order.seq; n++)
          if (!unsent.has(n) && isRetained(order._id, happenedAt(order, n)))
            yield { subject: nameOf(order), expected: `event ${n} on order-events`, found: 'neither there nor unsent' }
      }
    },
  },
  {
    name: 'event-order',
    why: 'A listener that ignores repeats hears of an order in order, without a gap.',
    *find({ realOrders, eventsOf, isRetained }) {
      for (const order of realOrders) {
        const sequences = [...firstById(eventsOf.get(order._id) ?? []).values()]
          .map(({ sequence }) => sequence)
          .filter((n) => isRetained(order._id, happenedAt(order, n)))
        if (sequences.length === 0) continue
        const last = Math.max(...sequences)
        const all = Array.from({ length: last }, (_, i) => i + 1)
        const expected = all.filter((n) => isRetained(order._id, happenedAt(order, n))).join(', ')
        const found = sequences.join(', ')
        if (expected !== found) yield { subject: nameOf(order), expected: `sequences ${expected}`, found }
      }
    },
  },
  {
    name: 'event-partition',
    why: 'Only within one partition is there an order: all events of an order are in the one of its id.',
    *find({ eventsOf }) {
      for (const [orderId, events] of eventsOf) {
        const partitions = [...new Set(events.map(({ partition }) => partition))]
        if (partitions.length > 1)
          yield { subject: `order ${orderId}`, expected: 'one partition', found: partitions.join(', ') }
        const stray = events.find(({ key }) => key !== orderId)
        if (stray) yield { subject: subjectOf(stray), expected: `key ${orderId}`, found: `key ${stray.key}` }
      }
    },
  },
  {
    name: 'event-content',
    why: 'An event is whole in itself: it says what the order was at its sequence, and nothing else.',
    *find({ eventOf, orderOf }) {
      for (const event of eventOf.values()) {
        const order = orderOf.get(event.orderId)
        const expected = order && expectedTelling(order, event.sequence)
        const wrong = expected && discord(expected, event.telling)
        if (wrong) yield { subject: subjectOf(event), expected: wrong.expected, found: wrong.found }
      }
    },
  },
  {
    name: 'event-repeat',
    why: 'Listeners drop what has a known id: a repeat that says something else is never heard.',
    *find({ repeatsOf }) {
      for (const [first, ...repeats] of repeatsOf.values())
        for (const repeat of repeats) {
          const wrong =
            placeInOrder(first!) === placeInOrder(repeat)
              ? discord(first!.telling, repeat.telling)
              : { expected: placeInOrder(first!), found: placeInOrder(repeat) }
          if (wrong) yield { subject: subjectOf(repeat), expected: wrong.expected, found: wrong.found }
        }
    },
  },
  {
    name: 'event-without-order',
    why: 'What is told has happened: an event comes after the write that makes it true.',
    *find({ eventOf, orderOf, isDue }) {
      for (const event of eventOf.values()) {
        if (!isDue(event.timestamp)) continue
        const found = lacking(event, orderOf)
        if (found) yield { subject: subjectOf(event), expected: `an order with ${event.sequence} statuses`, found }
      }
    },
  },
  {
    name: 'event-poison',
    why: 'A message that is no event is parked on order-events.dlq, never dropped.',
    *find({ poison, isParked, isDue }) {
      for (const message of poison)
        if (!isParked(message) && isDue(message.timestamp))
          yield { subject: `order-events ${placeOf(message)}`, expected: 'parked', found: message.why }
    },
  },
  {
    name: 'dead-letter-unlisted',
    why: 'What is parked can be seen and sent again by an admin.',
    *find({ deadLetters, listed, isDue }) {
      const known = new Set(listed.map(({ _id }) => _id))
      for (const { partition, offset, timestamp, reason } of deadLetters)
        if (!known.has(`${partition}.${offset}`) && isDue(timestamp))
          yield { subject: `order-events.dlq ${placeOf({ partition, offset })}`, expected: 'listed', found: reason }
    },
  },
]

export const subjectOf = (event: Event): string => `event ${event.id} at ${placeOf(event)}`

const placeInOrder = ({ orderId, sequence }: Event): string => `event ${sequence} of order ${orderId}`

/** When an order came to its nth status. */
const happenedAt = ({ statusHistory, createdAt }: Order, n: number): Date =>
  statusHistory[n - 1]?.timestamp ?? createdAt

function lacking({ orderId, sequence }: Event, orderOf: View['orderOf']): string | undefined {
  const order = orderOf.get(orderId)
  if (!order) return 'no such order'
  if (!isOrder(order)) return order.status
  return order.statusHistory.length < sequence ? `${order.statusHistory.length} statuses` : undefined
}
