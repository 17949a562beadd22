import type { Customer, OrderEvent, OrderView, Status } from '@halles/contracts/order-events'
import type { Order, Telling } from './books.ts'

/** What an event tells, from the parts of it; fields that a later version may have added are left out. */
export const tellingOf = (
  type: OrderEvent['type'],
  previousStatus: Status | null,
  order: OrderView,
  customer: Customer,
): Telling => ({
  type,
  previousStatus,
  status: order.status,
  number: order.number,
  userId: order.userId,
  total: order.total,
  createdAt: new Date(order.createdAt).toISOString(),
  items: JSON.stringify(order.items.map(({ productId, name, quantity, price }) => [productId, name, quantity, price])),
  statusHistory: JSON.stringify(
    order.statusHistory.map(({ status, timestamp }) => [status, new Date(timestamp).toISOString()]),
  ),
  customer: JSON.stringify([customer.id, customer.name, customer.email, customer.locale]),
})

/** What an order's event of this sequence must tell, by the order's own history; undefined when it had none so far. */
export function expectedTelling(order: Order, sequence: number): Telling | undefined {
  const history = order.statusHistory.slice(0, sequence)
  const last = history.at(-1)
  if (!last || history.length < sequence) return undefined
  const view: OrderView = {
    id: order._id,
    number: order.number,
    userId: order.userId,
    items: order.items,
    total: order.total,
    status: last.status,
    statusHistory: history.map(({ status, timestamp }) => ({ status, timestamp: timestamp.toISOString() })),
    createdAt: order.createdAt.toISOString(),
  }
  return tellingOf(
    sequence === 1 ? 'order.created' : 'order.status-changed',
    history.at(-2)?.status ?? null,
    view,
    order.customer,
  )
}

/** The first field in which two tellings differ, and both its values. */
export function discord(expected: Telling, found: Telling): { field: string; expected: string; found: string } | null {
  for (const field of Object.keys(expected) as (keyof Telling)[])
    if (expected[field] !== found[field] && !(field === 'customer' && isForgotten(expected, found)))
      return { field, expected: `${field} ${expected[field]}`, found: `${field} ${found[field]}` }
  return null
}

/** Whether one of two tellings is from after their customer's account was deleted: it names the same one, and nothing else. */
const isForgotten = ({ customer: one }: Telling, { customer: other }: Telling): boolean =>
  [
    [one, other],
    [other, one],
  ].some(([gone, full]) => {
    const id = /^(\["[^"]*",)"","",/.exec(gone!)?.[1]
    return id !== undefined && full!.startsWith(id)
  })
