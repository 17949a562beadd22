import type { Customer, OrderEvent, OrderView, Status } from '@halles/contracts/order-events'
import type { Order, EventContent } from './snapshot.ts'

/** Builds the comparable content of an event. Fields that a later version of the contract may add are left out. */
export const toEventContent = (
  type: OrderEvent['type'],
  previousStatus: Status | null,
  order: OrderView,
  customer: Customer,
): EventContent => ({
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

/** The content that the event of this sequence must have, by the order's history; undefined when the history is shorter. */
export function expectedContent(order: Order, sequence: number): EventContent | undefined {
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
  return toEventContent(
    sequence === 1 ? 'order.created' : 'order.status-changed',
    history.at(-2)?.status ?? null,
    view,
    order.customer,
  )
}

/** Finds the first field in which two contents differ. @returns the field with both values, or null */
export function findDifferingField(
  expected: EventContent,
  found: EventContent,
): { field: string; expected: string; found: string } | null {
  for (const field of Object.keys(expected) as (keyof EventContent)[])
    if (expected[field] !== found[field] && !(field === 'customer' && isErased(expected, found)))
      return { field, expected: `${field} ${expected[field]}`, found: `${field} ${found[field]}` }
  return null
}

/** Whether one of two contents was published after the customer's data was erased: it has the same id, and no name. */
const isErased = ({ customer: one }: EventContent, { customer: other }: EventContent): boolean =>
  [
    [one, other],
    [other, one],
  ].some(([erased, full]) => {
    const id = /^(\["[^"]*",)"","",/.exec(erased!)?.[1]
    return id !== undefined && full!.startsWith(id)
  })
