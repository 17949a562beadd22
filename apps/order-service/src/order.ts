import { statuses, type Customer, type OrderView, type Status } from '@halles/contracts/order-events'
import type { Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'

/** One product of an order, as ordered: `price` is euros for one. */
export type Line = { productId: string; name: string; quantity: number; price: number }

/** A status that an order has had, and since when. */
export type StatusChange = { status: Status; timestamp: Date }

/** What Kafka has not acknowledged yet; the rest of the event is in the order itself. */
export type Unsent = {
  /** Ascends from 1 without a gap within one order. Each status is one event, so it also counts the history. */
  seq: number
  type: 'order.created' | 'order.status-changed'
  at: Date
  previousStatus: Status | null
  /** The trace of the request that caused it. */
  traceparent?: string
}

/** What a customer bought. `total` is euros. */
export type Order = {
  _id: string
  number: string
  userId: string
  /** Who ordered, as their token said then: letters go there. */
  customer: Customer
  items: Line[]
  total: number
  status: Status
  statusHistory: StatusChange[]
  createdAt: Date
  /** The sequence of the latest event. */
  seq: number
  unsent?: Unsent[]
}

/** Who may make a move: an admin, or the one who ordered. */
type Mover = 'admin' | 'owner'

const both: readonly Mover[] = ['owner', 'admin']
const staff: readonly Mover[] = ['admin']

/** Where an order may go from where it is, and who may send it there. */
export const moves: Readonly<Record<Status, Partial<Record<Status, readonly Mover[]>>>> = {
  Reçue: { Confirmée: staff, Annulée: both },
  Confirmée: { Préparée: staff, Annulée: both },
  Préparée: { Livrée: staff, Annulée: staff },
  Livrée: {},
  Annulée: {},
}

const moverOf = (person: Person): Mover => (person.role === 'admin' ? 'admin' : 'owner')

/** The statuses that someone who is not an admin may ask for at all. */
const forOwners = new Set(statuses.filter((to) => Object.values(moves).some((from) => from[to]?.includes('owner'))))

/**
 * Whether someone who may see an order moves it: false when it is there already, and nothing is to be done.
 *
 * @throws Refusal `FORBIDDEN` for a move that only an admin may make, `INVALID_TRANSITION` for one that nobody may.
 */
export function mayMove(person: Person, from: Status, to: Status): boolean {
  const mover = moverOf(person)
  if (mover === 'owner' && !forOwners.has(to)) throw forbidden()
  if (from === to) return false
  const movers = moves[from][to]
  if (!movers) throw new Refusal('INVALID_TRANSITION', `An order that is ${from} cannot become ${to}.`)
  if (!movers.includes(mover)) throw forbidden()
  return true
}
const forbidden = (): Refusal => new Refusal('FORBIDDEN', 'Only an admin may do this with an order.')

/** What the orders that someone may see have in common, as a filter: all for an admin, else one's own. */
export const seenBy = (person: Person): { userId?: string } => (person.role === 'admin' ? {} : { userId: person.id })

/** Euros as whole cents. */
export const centsOf = (euros: number): number => Math.round(euros * 100)

/** The sum of lines in whole cents, which is exact. */
export const totalCents = (lines: readonly Pick<Line, 'price' | 'quantity'>[]): number =>
  lines.reduce((sum, { price, quantity }) => sum + centsOf(price) * quantity, 0)

/** A new order, Reçue at this moment, that has not told so yet. */
export function orderOf({
  customer,
  traceparent,
  at,
  ...order
}: Pick<Order, '_id' | 'number' | 'customer' | 'items'> & { at: Date; traceparent?: string }): Order {
  return {
    ...order,
    userId: customer.id,
    customer,
    total: totalCents(order.items) / 100,
    status: 'Reçue',
    statusHistory: [{ status: 'Reçue', timestamp: at }],
    createdAt: at,
    seq: 1,
    unsent: [{ seq: 1, type: 'order.created', at, previousStatus: null, ...(traceparent && { traceparent }) }],
  }
}

/** An order as REST answers it; `upTo` shows it as it was after so many events. */
export function orderView(order: Order, upTo = order.statusHistory.length): OrderView {
  const history = order.statusHistory.slice(0, upTo)
  return {
    id: order._id,
    number: order.number,
    userId: order.userId,
    items: order.items.map(({ productId, name, quantity, price }) => ({ productId, name, quantity, price })),
    total: order.total,
    status: history.at(-1)?.status ?? order.status,
    statusHistory: history.map(({ status, timestamp }) => ({ status, timestamp: timestamp.toISOString() })),
    createdAt: order.createdAt.toISOString(),
  }
}
