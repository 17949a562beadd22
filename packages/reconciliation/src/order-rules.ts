import type { Status } from '@halles/contracts/order-events'
import type { Order } from './snapshot.ts'
import { isConfirmed, describeOrder, type Found, type Rule, type SnapshotIndex } from './snapshot-index.ts'

/**
 * The allowed transitions of an order: docs/contract.md, section 6. They are repeated here on purpose: this package shares no
 * code with the services, so it detects a wrong transition there.
 */
const transitions: Record<Status, readonly Status[]> = {
  Reçue: ['Confirmée', 'Annulée'],
  Confirmée: ['Préparée', 'Annulée'],
  Préparée: ['Livrée', 'Annulée'],
  Livrée: [],
  Annulée: [],
}

export const orderRules: Rule[] = [
  {
    name: 'order-lines',
    why: 'Lines have prices in whole cents and products that exist, each product once, and their sum is exactly the total.',
    *find({ orders, productById }) {
      for (const order of orders) {
        const invalid = findInvalidLine(order, productById)
        if (invalid) yield { subject: describeOrder(order), ...invalid }
        const cents = order.items.reduce((sum, { price, quantity }) => sum + Math.round(price * 100) * quantity, 0)
        if (order.total !== cents / 100)
          yield { subject: describeOrder(order), expected: `total ${cents / 100}`, found: `total ${order.total}` }
      }
    },
  },
  {
    name: 'order-history',
    why: 'An order starts as Reçue, makes transitions of the contract only, and has the last status of its history.',
    *find({ orders }) {
      for (const order of orders) {
        const path = order.statusHistory.map(({ status }) => status)
        const invalid = path.findIndex((to, i) => (i === 0 ? to !== 'Reçue' : !transitions[path[i - 1]!].includes(to)))
        const found = path.join(' → ') || 'no history'
        if (path.length === 0 || invalid >= 0)
          yield { subject: describeOrder(order), expected: 'transitions of the contract, from Reçue', found }
        else if (isConfirmed(order) && path.at(-1) !== order.status)
          yield {
            subject: describeOrder(order),
            expected: `status ${path.at(-1)}, as its history ends`,
            found: order.status,
          }
      }
    },
  },
  {
    name: 'order-sequence',
    why: 'Each status is one event: the sequence is the length of the history, and unpublished events are its last entries.',
    *find({ orders }) {
      for (const order of orders) {
        const { statusHistory: { length }, seq, unpublished = [] } = order // prettier-ignore
        if (seq !== length) yield { subject: describeOrder(order), expected: `sequence ${length}`, found: `${seq}` }
        const numbers = unpublished.map(({ seq }) => seq)
        if (numbers.some((n, i) => n !== seq - numbers.length + i + 1) || numbers.length > seq)
          yield {
            subject: describeOrder(order),
            expected: `unpublished: the last of 1 to ${seq}`,
            found: numbers.join(', '),
          }
      }
    },
  },
  {
    name: 'order-number',
    why: 'Customers identify an order by its number, so numbers are unique.',
    *find({ orders }) {
      yield* findDuplicates(orders, ({ number }) => number, (number) => `number ${number}`) // prettier-ignore
      for (const order of orders)
        if (!/^[1-9]\d*$/.test(order.number))
          yield { subject: describeOrder(order), expected: 'a decimal number', found: order.number }
    },
  },
  {
    name: 'order-key',
    why: 'A request that is repeated with the same idempotency key must not create a second order.',
    *find({ orders }) {
      const withKey = orders.filter(({ idempotency }) => idempotency)
      yield* findDuplicates(withKey, ({ userId, idempotency }) => JSON.stringify([userId, idempotency!.key]), (key) => `user and key ${key}`) // prettier-ignore
    },
  },
  {
    name: 'order-customer',
    why: 'E-mails go to the customer in the order, lists show it to its user: both are the same person.',
    *find({ orders }) {
      for (const { userId, customer, ...order } of orders)
        if (userId !== customer.id)
          yield { subject: describeOrder(order), expected: `customer ${userId}`, found: customer.id }
    },
  },
  {
    name: 'order-unfinished',
    why: 'A pending order is confirmed or cancelled within 60 s.',
    *find({ orders, isDue }) {
      for (const order of orders)
        if (!isConfirmed(order) && isDue(order.createdAt))
          yield {
            subject: describeOrder(order),
            expected: 'confirmed or cancelled',
            found: `${order.status} since ${order.createdAt.toISOString()}`,
          }
    },
  },
  {
    name: 'order-unpublished',
    why: 'The events of an order are published to Kafka within 60 s.',
    *find({ confirmedOrders, isDue }) {
      for (const order of confirmedOrders) {
        const overdue = order.unpublished?.find(({ at }) => isDue(at))
        if (overdue)
          yield {
            subject: describeOrder(order),
            expected: 'all events published',
            found: `event ${overdue.seq} unpublished since ${overdue.at.toISOString()}`,
          }
      }
    },
  },
]

function findInvalidLine(
  { items }: Order,
  productById: SnapshotIndex['productById'],
): Omit<Found, 'subject'> | undefined {
  if (items.length === 0) return { expected: 'at least one line', found: 'none' }
  const seen = new Set<string>()
  for (const { productId, name, quantity, price } of items) {
    const line = `${quantity} × ${name} ${productId} at ${price}`
    if (!productById.has(productId)) return { expected: 'products that exist', found: line }
    if (quantity < 1) return { expected: 'quantities from 1', found: line }
    if (price < 0 || Math.abs(price * 100 - Math.round(price * 100)) > 1e-6)
      return { expected: 'prices in whole cents, from 0', found: line }
    if (seen.has(productId)) return { expected: 'each product in one line', found: line }
    seen.add(productId)
  }
  return undefined
}

/** Yields a finding for each key that several orders share. */
function* findDuplicates(orders: Order[], keyOf: (order: Order) => string, describeKey: (key: string) => string) {
  for (const [key, sharing] of Map.groupBy(orders, keyOf))
    if (sharing.length > 1)
      yield { subject: describeKey(key), expected: 'one order', found: sharing.map(({ _id }) => _id).join(', ') }
}
