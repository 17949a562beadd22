import type { Status } from '@halles/contracts/order-events'
import type { Order } from './books.ts'
import { isOrder, nameOf, type Found, type Rule, type View } from './view.ts'

/** Where an order may go from where it is: docs/contract.md, section 6. Told here once more, so that a shop that moves wrongly is seen. */
const moves: Record<Status, readonly Status[]> = {
  Reçue: ['Confirmée', 'Annulée'],
  Confirmée: ['Préparée', 'Annulée'],
  Préparée: ['Livrée', 'Annulée'],
  Livrée: [],
  Annulée: [],
}

export const orderRules: Rule[] = [
  {
    name: 'order-lines',
    why: 'Lines are priced in whole cents, name products that exist, once each, and add up to the total exactly.',
    *find({ orders, productOf }) {
      for (const order of orders) {
        const wrong = wrongLine(order, productOf)
        if (wrong) yield { subject: nameOf(order), ...wrong }
        const cents = order.items.reduce((sum, { price, quantity }) => sum + Math.round(price * 100) * quantity, 0)
        if (order.total !== cents / 100)
          yield { subject: nameOf(order), expected: `total ${cents / 100}`, found: `total ${order.total}` }
      }
    },
  },
  {
    name: 'order-history',
    why: 'An order begins as Reçue, moves as the contract says, and is what its history says last.',
    *find({ orders }) {
      for (const order of orders) {
        const path = order.statusHistory.map(({ status }) => status)
        const stray = path.findIndex((to, i) => (i === 0 ? to !== 'Reçue' : !moves[path[i - 1]!].includes(to)))
        const found = path.join(' → ') || 'no history'
        if (path.length === 0 || stray >= 0)
          yield { subject: nameOf(order), expected: 'moves of the contract, from Reçue', found }
        else if (isOrder(order) && path.at(-1) !== order.status)
          yield { subject: nameOf(order), expected: `status ${path.at(-1)}, as its history ends`, found: order.status }
      }
    },
  },
  {
    name: 'order-sequence',
    why: 'Each status is one event: the sequence counts the history, and what is unsent is a part of it.',
    *find({ orders }) {
      for (const order of orders) {
        const { statusHistory: { length }, seq, unsent = [] } = order // prettier-ignore
        if (seq !== length) yield { subject: nameOf(order), expected: `sequence ${length}`, found: `${seq}` }
        const numbers = unsent.map(({ seq }) => seq)
        if (numbers.some((n, i) => n !== seq - numbers.length + i + 1) || numbers.length > seq)
          yield { subject: nameOf(order), expected: `unsent: the last of 1 to ${seq}`, found: numbers.join(', ') }
      }
    },
  },
  {
    name: 'order-number',
    why: 'Customers call an order by its number: no two have the same.',
    *find({ orders }) {
      yield* several(orders, ({ number }) => number, (number) => `number ${number}`) // prettier-ignore
      for (const order of orders)
        if (!/^[1-9]\d*$/.test(order.number))
          yield { subject: nameOf(order), expected: 'a decimal number', found: order.number }
    },
  },
  {
    name: 'order-key',
    why: 'What is sent again under the same idempotency key must not be ordered again.',
    *find({ orders }) {
      const keyed = orders.filter(({ idem }) => idem)
      yield* several(keyed, ({ userId, idem }) => JSON.stringify([userId, idem!.key]), (key) => `user and key ${key}`) // prettier-ignore
    },
  },
  {
    name: 'order-customer',
    why: 'Its letters go to the customer it keeps, its lists to the user it belongs to: they are one.',
    *find({ orders }) {
      for (const { userId, customer, ...order } of orders)
        if (userId !== customer.id) yield { subject: nameOf(order), expected: `customer ${userId}`, found: customer.id }
    },
  },
  {
    name: 'order-unfinished',
    why: 'What was begun is an order, or undone, within 60 s.',
    *find({ orders, isDue }) {
      for (const order of orders)
        if (!isOrder(order) && isDue(order.createdAt))
          yield {
            subject: nameOf(order),
            expected: 'finished or undone',
            found: `${order.status} since ${order.createdAt.toISOString()}`,
          }
    },
  },
  {
    name: 'order-untold',
    why: 'What became of an order is told to Kafka within 60 s.',
    *find({ realOrders, isDue }) {
      for (const order of realOrders) {
        const late = order.unsent?.find(({ at }) => isDue(at))
        if (late)
          yield {
            subject: nameOf(order),
            expected: 'all told',
            found: `event ${late.seq} unsent since ${late.at.toISOString()}`,
          }
      }
    },
  },
]

function wrongLine({ items }: Order, productOf: View['productOf']): Omit<Found, 'subject'> | undefined {
  if (items.length === 0) return { expected: 'at least one line', found: 'none' }
  const seen = new Set<string>()
  for (const { productId, name, quantity, price } of items) {
    const line = `${quantity} × ${name} ${productId} at ${price}`
    if (!productOf.has(productId)) return { expected: 'products that exist', found: line }
    if (quantity < 1) return { expected: 'quantities from 1', found: line }
    if (price < 0 || Math.abs(price * 100 - Math.round(price * 100)) > 1e-6)
      return { expected: 'prices in whole cents, from 0', found: line }
    if (seen.has(productId)) return { expected: 'each product in one line', found: line }
    seen.add(productId)
  }
  return undefined
}

/** Orders that share what only one may have. */
function* several(orders: Order[], keyOf: (order: Order) => string, inWords: (key: string) => string) {
  for (const [key, sharing] of Map.groupBy(orders, keyOf))
    if (sharing.length > 1)
      yield { subject: inWords(key), expected: 'one order', found: sharing.map(({ _id }) => _id).join(', ') }
}
