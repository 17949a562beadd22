import type { Order, Reservation } from './books.ts'
import { nameOf, type Rule } from './view.ts'

type Lines = readonly { productId: string; quantity: number }[]

/** What stands in place of stock: all of it is in the snapshot, so these hold at any moment, with a shop under way too. */
export const stockRules: Rule[] = [
  {
    name: 'stock-below-zero',
    why: 'More was sold than there was.',
    *find({ products }) {
      for (const { _id, name, stock } of products)
        if (stock < 0) yield { subject: `product ${name} ${_id}`, expected: 'stock of at least 0', found: `${stock}` }
    },
  },
  {
    name: 'stock-balance',
    why: 'Stock and what orders hold of it must be what was put on the shelf: else something was sold, or given back, twice.',
    *find({ products, movements, reservations, productOf }) {
      const put = sums(movements.map(({ productId, delta }) => ({ productId, quantity: delta })))
      const held = sums(reservations.filter(isHeld).flatMap(({ items }) => items))
      for (const id of new Set([...products.map(({ _id }) => _id), ...put.keys(), ...held.keys()])) {
        const product = productOf.get(id)
        const [stock, holds, should] = [product?.stock ?? 0, held.get(id) ?? 0, put.get(id) ?? 0]
        if (stock + holds !== should)
          yield {
            subject: `product ${product?.name ?? '(none)'} ${id}`,
            expected: `openings and adjustments ${should}`,
            found: `stock ${stock} + held ${holds} = ${stock + holds}`,
          }
      }
    },
  },
  {
    name: 'stock-not-held',
    why: 'An order that stands without its stock is sold to somebody else as well.',
    *find({ realOrders, reservationOf }) {
      for (const order of realOrders) {
        if (order.status === 'Annulée') continue
        const [expected, found] = [`held ${inWords(order.items)}`, stateOf(reservationOf.get(order._id))]
        if (expected !== found) yield { subject: `${nameOf(order)} ${order.status}`, expected, found }
      }
    },
  },
  {
    name: 'stock-not-returned',
    why: 'A cancelled order keeps from others what it does not want, and owes it to nobody any more.',
    *find({ realOrders, reservationOf }) {
      for (const order of realOrders) {
        if (order.status !== 'Annulée' || order.releaseAt) continue
        const expected = `released ${inWords(order.items)}`
        const found = stateOf(reservationOf.get(order._id))
        if (expected !== found) yield { subject: `${nameOf(order)} Annulée`, expected, found }
      }
    },
  },
  {
    name: 'stock-leaked',
    why: 'Stock that is held for an order which is not there comes back to the shelf by nothing.',
    *find({ reservations, orderOf, isDue }) {
      for (const reservation of reservations.filter(isHeld))
        if (!orderOf.has(reservation._id) && isDue(reservation.at))
          yield {
            subject: `reservation ${reservation._id}`,
            expected: 'an order, or nothing held',
            found: `${stateOf(reservation)} since ${reservation.at.toISOString()}`,
          }
    },
  },
  {
    name: 'stock-owed',
    why: 'The stock of a cancelled order is given back within 60 s.',
    *find({ realOrders, isDue }) {
      for (const order of realOrders) {
        const since = order.releaseAt && cancelledAt(order)
        if (since && isDue(since))
          yield { subject: nameOf(order), expected: 'stock given back', found: `owed since ${since.toISOString()}` }
      }
    },
  },
]

const isHeld = ({ state }: Reservation): boolean => state === 'held'

const cancelledAt = ({ statusHistory, createdAt }: Order): Date =>
  statusHistory.find(({ status }) => status === 'Annulée')?.timestamp ?? createdAt

function sums(lines: Lines): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { productId, quantity } of lines) sums.set(productId, (sums.get(productId) ?? 0) + quantity)
  return sums
}

const stateOf = (reservation: Reservation | undefined): string =>
  reservation ? `${reservation.state} ${inWords(reservation.items)}` : 'no reservation'

/** Lines as one reads them, in one order whatever theirs. */
const inWords = (lines: Lines): string =>
  [...sums(lines)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([productId, quantity]) => `${quantity} × ${productId}`)
    .join(', ') || 'nothing'
