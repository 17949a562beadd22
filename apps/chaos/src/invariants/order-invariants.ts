import type { Line, SeenOrder } from '../load/shop-client.ts'
import { idempotencyKeyOf } from '../shop-inspector.ts'
import { formatTime, type FoundViolation, type Invariant, type View } from './invariant.ts'

/** Invariants between the responses of order-service and the stored orders. */
export const orderInvariants: readonly Invariant[] = [
  {
    rule: 'accepted-order-lost',
    *find({ runLog }, { orderById }) {
      for (const { outcome, lines, userId, key, to, api } of runLog.placeOrderRequests) {
        if (outcome.kind !== 'success') continue
        const { value } = outcome
        const order = orderById.get(value.id)
        const subject = `order ${value.id}, confirmed at ${formatTime(to)} by ${api}`
        if (!order) yield { subject, expected: 'a stored order', found: 'none' }
        else {
          const difference = findDifference(
            { lines: formatLines(lines), userId, key, total: value.total, number: value.number },
            {
              lines: formatLines(order.items),
              userId: order.userId,
              key: idempotencyKeyOf(order),
              total: order.total,
              number: order.number,
            },
          )
          if (difference) yield { subject, ...difference }
        }
      }
    },
  },
  {
    rule: 'response-contradicts-history',
    *find({ runLog }, { historyOf }) {
      for (const { outcome } of runLog.placeOrderRequests)
        if (outcome.kind === 'success') yield* checkHistory(outcome.value, historyOf, 'a 201')
      for (const { outcome, status, by } of runLog.changeStatusRequests) {
        if (outcome.kind !== 'success') continue
        yield* checkHistory(outcome.value, historyOf, `a change to ${status} by an ${by}`)
        const history = historyOf(outcome.value.id).map((entry) => entry.status)
        const times = history.filter((one) => one === status).length
        if (outcome.value.status !== status || times !== 1)
          yield {
            subject: `order ${outcome.value.id}, changed to ${status}`,
            expected: `${status} in the response, and once in the history`,
            found: `${outcome.value.status} in the response; history ${history.join(' → ')}`,
          }
      }
    },
  },
  {
    rule: 'key-with-two-orders',
    *find(_, { requestsByKey }) {
      for (const [key, requests] of requestsByKey) {
        const ids = new Set(requests.flatMap(({ outcome }) => (outcome.kind === 'success' ? [outcome.value.id] : [])))
        if (ids.size > 1) yield { subject: `user and key ${key}`, expected: 'one order', found: [...ids].join(', ') }
      }
    },
  },
  {
    rule: 'rejected-but-ordered',
    *find(_, { requestsByKey, placedOrders }) {
      for (const order of placedOrders) {
        const key = idempotencyKeyOf(order)
        if (key === undefined) continue
        const requests = requestsByKey.get(`${order.userId}/${key}`)
        const subject = `order ${order._id} under key ${key}`
        if (!requests) yield { subject, expected: 'a key that a client has sent', found: 'an unknown key' }
        else if (requests.every(({ outcome }) => outcome.kind === 'rejected'))
          yield {
            subject,
            expected: 'no order, as every request was rejected',
            found: requests.map(({ outcome }) => (outcome.kind === 'rejected' ? outcome.code : '')).join(', '),
          }
      }
    },
  },
  {
    rule: 'order-without-request',
    *find({ runLog }, { placedOrders }) {
      const basketOf = (userId: string, lines: readonly Line[]): string => `${userId} with ${formatLines(lines)}`
      const confirmed = new Set(
        runLog.placeOrderRequests.flatMap(({ outcome }) => (outcome.kind === 'success' ? [outcome.value.id] : [])),
      )
      const unknown = Map.groupBy(
        runLog.placeOrderRequests.filter(({ key, outcome }) => key === undefined && outcome.kind === 'unknown'),
        ({ userId, lines }) => basketOf(userId, lines),
      )
      const buyers = new Set(runLog.placeOrderRequests.map(({ userId }) => userId))
      const unconfirmed = placedOrders.filter(
        (order) => idempotencyKeyOf(order) === undefined && buyers.has(order.userId) && !confirmed.has(order._id),
      )
      for (const [basket, orders] of Map.groupBy(unconfirmed, ({ userId, items }) => basketOf(userId, items))) {
        const most = unknown.get(basket)?.length ?? 0
        if (orders.length > most)
          yield {
            subject: `user ${basket}`,
            expected: `at most ${most} orders that no response has confirmed`,
            found: orders.map(({ _id }) => _id).join(', '),
          }
      }
    },
  },
]

/** The status history of a response must be the beginning of the stored history. */
function* checkHistory(
  { id, statusHistory }: SeenOrder,
  historyOf: View['historyOf'],
  request: string,
): Iterable<FoundViolation> {
  const history = historyOf(id)
  const isPrefix = statusHistory.every(
    ({ status, timestamp }, i) => history[i]?.status === status && history[i].timestamp === timestamp,
  )
  if (!isPrefix)
    yield {
      subject: `order ${id}, returned by ${request}`,
      expected: `a history that begins with ${JSON.stringify(statusHistory)}`,
      found: JSON.stringify(history),
    }
}

/** Order lines in a canonical form: one entry a product, sorted by product id. */
function formatLines(lines: readonly Line[]): string {
  const quantities = new Map<string, number>()
  for (const { productId, quantity } of lines) quantities.set(productId, (quantities.get(productId) ?? 0) + quantity)
  return [...quantities]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([productId, quantity]) => `${quantity} × ${productId}`)
    .join(', ')
}

/** The first field that differs, if any. */
function findDifference<T extends object>(expected: T, found: T): { expected: string; found: string } | undefined {
  for (const field of Object.keys(expected) as (keyof T & string)[])
    if (expected[field] !== found[field])
      return { expected: `${field} ${String(expected[field])}`, found: `${field} ${String(found[field])}` }
  return undefined
}
