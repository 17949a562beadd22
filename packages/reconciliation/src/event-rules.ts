import type { Event, Order } from './snapshot.ts'
import { findDifferingField, expectedContent } from './event-content.ts'
import {
  firstById,
  isConfirmed,
  describeOrder,
  formatPosition,
  type Rule,
  type SnapshotIndex,
} from './snapshot-index.ts'

/**
 * Rules about events. The databases are read before the topics, so every event that an order has published is among the
 * messages read. Further messages may be younger than the order as it was read, so only messages that are due count.
 */
export const eventRules: Rule[] = [
  {
    name: 'event-missing',
    why: 'Every status of an order has an event: one that is neither unpublished nor on order-events was lost.',
    *find({ confirmedOrders, eventsByOrder, isRetained }) {
      for (const order of confirmedOrders) {
        const lastPublished = Math.max(0, ...(eventsByOrder.get(order._id) ?? []).map(({ sequence }) => sequence))
        const unpublished = new Set(order.unpublished?.map(({ seq }) => seq))
        for (let n = lastPublished + 1; n <= order.seq; n++)
          if (!unpublished.has(n) && isRetained(order._id, happenedAt(order, n)))
            yield {
              subject: describeOrder(order),
              expected: `event ${n} on order-events`,
              found: 'neither published nor unpublished',
            }
      }
    },
  },
  {
    name: 'event-order',
    why: 'A consumer that ignores duplicates receives the events of an order in sequence, without gaps.',
    *find({ confirmedOrders, eventsByOrder, isRetained }) {
      for (const order of confirmedOrders) {
        const sequences = [...firstById(eventsByOrder.get(order._id) ?? []).values()]
          .map(({ sequence }) => sequence)
          .filter((n) => isRetained(order._id, happenedAt(order, n)))
        if (sequences.length === 0) continue
        const last = Math.max(...sequences)
        const all = Array.from({ length: last }, (_, i) => i + 1)
        const expected = all.filter((n) => isRetained(order._id, happenedAt(order, n))).join(', ')
        const found = sequences.join(', ')
        if (expected !== found) yield { subject: describeOrder(order), expected: `sequences ${expected}`, found }
      }
    },
  },
  {
    name: 'event-partition',
    why: 'Kafka orders messages within a partition only: all events of an order are in the partition of its id.',
    *find({ eventsByOrder }) {
      for (const [orderId, events] of eventsByOrder) {
        const partitions = [...new Set(events.map(({ partition }) => partition))]
        if (partitions.length > 1)
          yield { subject: `order ${orderId}`, expected: 'one partition', found: partitions.join(', ') }
        const misplaced = events.find(({ key }) => key !== orderId)
        if (misplaced)
          yield { subject: describeEvent(misplaced), expected: `key ${orderId}`, found: `key ${misplaced.key}` }
      }
    },
  },
  {
    name: 'event-content',
    why: 'An event is complete in itself: it has exactly the content of the order at its sequence.',
    *find({ eventById, orderById }) {
      for (const event of eventById.values()) {
        const order = orderById.get(event.orderId)
        const expected = order && expectedContent(order, event.sequence)
        const difference = expected && findDifferingField(expected, event.content)
        if (difference) yield { subject: describeEvent(event), expected: difference.expected, found: difference.found }
      }
    },
  },
  {
    name: 'event-repeat',
    why: 'Consumers ignore an event with a known id, so different content in a duplicate is never processed.',
    *find({ eventsById }) {
      for (const [first, ...duplicates] of eventsById.values())
        for (const duplicate of duplicates) {
          const difference =
            describeSequence(first!) === describeSequence(duplicate)
              ? findDifferingField(first!.content, duplicate.content)
              : { expected: describeSequence(first!), found: describeSequence(duplicate) }
          if (difference)
            yield { subject: describeEvent(duplicate), expected: difference.expected, found: difference.found }
        }
    },
  },
  {
    name: 'event-without-order',
    why: 'An event is published after the write that it reports.',
    *find({ eventById, orderById, isDue }) {
      for (const event of eventById.values()) {
        if (!isDue(event.timestamp)) continue
        const found = findMissingStatus(event, orderById)
        if (found) yield { subject: describeEvent(event), expected: `an order with ${event.sequence} statuses`, found }
      }
    },
  },
  {
    name: 'event-unparsable',
    why: 'A message that is not a valid event is dead-lettered to order-events.dlq, never dropped.',
    *find({ unparsable, isDeadLettered, isDue }) {
      for (const message of unparsable)
        if (!isDeadLettered(message) && isDue(message.timestamp))
          yield { subject: `order-events ${formatPosition(message)}`, expected: 'dead-lettered', found: message.reason }
    },
  },
  {
    name: 'dead-letter-unlisted',
    why: 'An admin can list and redrive every dead letter.',
    *find({ deadLetters, listedDeadLetters, isDue }) {
      // The queue may have been created again: another letter at the same position has another time.
      const known = new Set<string>()
      for (const { _id, deadLetteredAt } of listedDeadLetters) {
        const position = _id.split('.', 2).join('.')
        known.add(position).add(`${position} ${deadLetteredAt}`)
      }
      for (const { partition, offset, timestamp, reason, deadLetteredAt } of deadLetters) {
        const position = `${partition}.${offset}`
        if (!known.has(deadLetteredAt === undefined ? position : `${position} ${deadLetteredAt}`) && isDue(timestamp))
          yield {
            subject: `order-events.dlq ${formatPosition({ partition, offset })}`,
            expected: 'listed',
            found: reason,
          }
      }
    },
  },
]

export const describeEvent = (event: Event): string => `event ${event.id} at ${formatPosition(event)}`

const describeSequence = ({ orderId, sequence }: Event): string => `event ${sequence} of order ${orderId}`

/** The time of the nth status of an order. */
const happenedAt = ({ statusHistory, createdAt }: Order, n: number): Date =>
  statusHistory[n - 1]?.timestamp ?? createdAt

function findMissingStatus({ orderId, sequence }: Event, orderById: SnapshotIndex['orderById']): string | undefined {
  const order = orderById.get(orderId)
  if (!order) return 'no such order'
  if (!isConfirmed(order)) return order.status
  return order.statusHistory.length < sequence ? `${order.statusHistory.length} statuses` : undefined
}
