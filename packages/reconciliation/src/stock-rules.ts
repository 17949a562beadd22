import type { Order, Reservation } from './snapshot.ts'
import { describeOrder, type Rule } from './snapshot-index.ts'

type Lines = readonly { productId: string; quantity: number }[]

/** Rules about stock. They compare data of one snapshot only, so they hold at any moment, also while the shop sells. */
export const stockRules: Rule[] = [
  {
    name: 'stock-below-zero',
    why: 'More was sold than was in stock.',
    *find({ products }) {
      for (const { _id, name, stock } of products)
        if (stock < 0) yield { subject: `product ${name} ${_id}`, expected: 'stock of at least 0', found: `${stock}` }
    },
  },
  {
    name: 'stock-balance',
    why: 'Stock plus reserved quantities must equal the recorded movements: otherwise something was sold or released twice.',
    *find({ products, movements, reservations, productById }) {
      const recorded = sumByProduct(movements.map(({ productId, delta }) => ({ productId, quantity: delta })))
      const held = sumByProduct(reservations.filter(isHeld).flatMap(({ items }) => items))
      for (const id of new Set([...products.map(({ _id }) => _id), ...recorded.keys(), ...held.keys()])) {
        const product = productById.get(id)
        const [stock, reserved, expected] = [product?.stock ?? 0, held.get(id) ?? 0, recorded.get(id) ?? 0]
        if (stock + reserved !== expected)
          yield {
            subject: `product ${product?.name ?? '(none)'} ${id}`,
            expected: `openings and adjustments ${expected}`,
            found: `stock ${stock} + held ${reserved} = ${stock + reserved}`,
          }
      }
    },
  },
  {
    name: 'stock-not-held',
    why: 'Without a reservation the stock of an order can be sold to another customer too.',
    *find({ confirmedOrders, reservationByOrder }) {
      for (const order of confirmedOrders) {
        if (order.status === 'Annulée') continue
        const [expected, found] = [
          `held ${formatLines(order.items)}`,
          formatReservation(reservationByOrder.get(order._id)),
        ]
        if (expected !== found) yield { subject: `${describeOrder(order)} ${order.status}`, expected, found }
      }
    },
  },
  {
    name: 'stock-not-returned',
    why: 'A cancelled order still holds stock, and no release is pending.',
    *find({ confirmedOrders, reservationByOrder }) {
      for (const order of confirmedOrders) {
        if (order.status !== 'Annulée' || order.releaseAttemptAt) continue
        const expected = `released ${formatLines(order.items)}`
        const found = formatReservation(reservationByOrder.get(order._id))
        if (expected !== found) yield { subject: `${describeOrder(order)} Annulée`, expected, found }
      }
    },
  },
  {
    name: 'stock-leaked',
    why: 'Nothing releases the stock of a reservation whose order does not exist.',
    *find({ reservations, orderById, isDue }) {
      for (const reservation of reservations.filter(isHeld))
        if (!orderById.has(reservation._id) && isDue(reservation.at))
          yield {
            subject: `reservation ${reservation._id}`,
            expected: 'an order, or no reservation',
            found: `${formatReservation(reservation)} since ${reservation.at.toISOString()}`,
          }
    },
  },
  {
    name: 'stock-release-overdue',
    why: 'The stock of a cancelled order is released within 60 s.',
    *find({ confirmedOrders, isDue }) {
      for (const order of confirmedOrders) {
        const since = order.releaseAttemptAt && cancelledAt(order)
        if (since && isDue(since))
          yield {
            subject: describeOrder(order),
            expected: 'stock released',
            found: `release pending since ${since.toISOString()}`,
          }
      }
    },
  },
]

const isHeld = ({ state }: Reservation): boolean => state === 'held'

const cancelledAt = ({ statusHistory, createdAt }: Order): Date =>
  statusHistory.find(({ status }) => status === 'Annulée')?.timestamp ?? createdAt

function sumByProduct(lines: Lines): Map<string, number> {
  const sums = new Map<string, number>()
  for (const { productId, quantity } of lines) sums.set(productId, (sums.get(productId) ?? 0) + quantity)
  return sums
}

const formatReservation = (reservation: Reservation | undefined): string =>
  reservation ? `${reservation.state} ${formatLines(reservation.items)}` : 'no reservation'

/** Formats lines as text, sorted by product so that equal lines have equal texts. */
const formatLines = (lines: Lines): string =>
  [...sumByProduct(lines)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([productId, quantity]) => `${quantity} × ${productId}`)
    .join(', ') || 'nothing'
