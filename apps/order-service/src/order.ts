import { statuses, type Customer, type OrderView, type Status } from '@halles/contracts/order-events'
import { sumCents, toEuros } from '@halles/validation/money'
import type { Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'

/** One product of an order, as ordered: `price` is euros for one. */
export type Line = { productId: string; name: string; quantity: number; price: number }

/** A status that an order has had, since when, and the user who set it; none before `by` was recorded. */
export type StatusChange = { status: Status; timestamp: Date; by?: string }

/** An event that Kafka has not acknowledged yet; the rest of its content is in the order itself. */
export type UnpublishedEvent = {
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
  /** The customer as their access token described them when they ordered: e-mails go to that address. */
  customer: Customer
  items: Line[]
  total: number
  status: Status
  statusHistory: StatusChange[]
  createdAt: Date
  /** The sequence of the latest event. */
  seq: number
  unpublished?: UnpublishedEvent[]
}

/** The Idempotency-Key under which an order was placed, until when it counts, and the fingerprint of its basket. */
export type IdempotencyRecord = { key: string; expiresAt: Date; fingerprint: string }

/**
 * A document of the collection `orders`: an order, or a pending order, which is not confirmed yet (`Pending`) or is
 * being cancelled and never will be (`Cancelling`).
 */
export type StoredOrder = Omit<Order, 'status'> & {
  status: Status | 'Pending' | 'Cancelling'
  idempotency?: IdempotencyRecord
  /**
   * When a polling worker may take over: cancel a pending order, publish the events of an order. The field stays from
   * the insert until every event is published, so that its index changes twice an order and not more.
   */
  nextAttemptAt?: Date
  /** Id of the lease under which a worker publishes the events. */
  leasedBy?: string
  /** The order's stock must be released; when to attempt it next. */
  releaseAttemptAt?: Date
  /** Id of the lease under which a worker releases the stock. */
  releaseLeasedBy?: string
}

/** Filter of what is an order. Pending orders, cancelling or not, are shown to nobody. */
export const placedFilter = { status: { $in: [...statuses] } }

/**
 * How long the request that writes an order has to finish its work before a polling worker takes over, in milliseconds:
 * longer than reserving stock and confirming may take.
 */
export const WORKER_DELAY = 15_000

/** How long a polling worker has the orders that it leased for itself, in milliseconds. */
export const LEASE_DURATION = 15_000

/** Who may make a transition: an admin, or the customer whose order it is. */
type Actor = 'admin' | 'owner'

const both: readonly Actor[] = ['owner', 'admin']
const staff: readonly Actor[] = ['admin']

/** The statuses that may follow each status, and who may set them. */
export const transitions: Readonly<Record<Status, Partial<Record<Status, readonly Actor[]>>>> = {
  Reçue: { Confirmée: staff, Annulée: both },
  Confirmée: { Préparée: staff, Annulée: both },
  Préparée: { Livrée: staff, Annulée: staff },
  Livrée: {},
  Annulée: {},
}

/** The statuses from which an order still goes on. */
export const openStatuses = statuses.filter((status) => Object.keys(transitions[status]).length > 0)

const toActor = (principal: Principal): Actor => (principal.role === 'admin' ? 'admin' : 'owner')

/** The statuses that a customer may set on any order of theirs. */
const ownerStatuses = new Set(
  statuses.filter((to) => Object.values(transitions).some((following) => following[to]?.includes('owner'))),
)

/**
 * Decides whether the status of an order must be changed for a principal who may read that order: true for a permitted
 * transition, false when the order has the status already.
 *
 * @throws AppError `FORBIDDEN` for a transition that only an admin may make, `INVALID_TRANSITION` for one that nobody
 *   may
 */
export function checkTransition(principal: Principal, from: Status, to: Status): boolean {
  const actor = toActor(principal)
  if (actor === 'owner' && !ownerStatuses.has(to)) throw forbidden()
  if (from === to) return false
  const actors = transitions[from][to]
  if (!actors) throw new AppError('INVALID_TRANSITION', `An order that is ${from} cannot become ${to}.`)
  if (!actors.includes(actor)) throw forbidden()
  return true
}
const forbidden = (): AppError => new AppError('FORBIDDEN', 'Only an admin may do this with an order.')

/** Filter of the orders that a principal may read: every order for an admin, else their own. */
export const readFilter = (principal: Principal): { userId?: string } =>
  principal.role === 'admin' ? {} : { userId: principal.id }

/** Creates an order that is `Reçue` since `at`, with its first event unpublished. */
export function createOrder({
  customer,
  traceparent,
  at,
  ...order
}: Pick<Order, '_id' | 'number' | 'customer' | 'items'> & { at: Date; traceparent?: string }): Order {
  return {
    ...order,
    userId: customer.id,
    customer,
    total: toEuros(sumCents(order.items)),
    status: 'Reçue',
    statusHistory: [{ status: 'Reçue', timestamp: at, by: customer.id }],
    createdAt: at,
    seq: 1,
    unpublished: [{ seq: 1, type: 'order.created', at, previousStatus: null, ...(traceparent && { traceparent }) }],
  }
}

/** The user who made a change of status, for a principal who may know it: an admin. Null for others, or if it is not recorded. */
export const changedBy = ({ by }: StatusChange, principal: Principal | undefined): string | null =>
  (principal?.role === 'admin' && by) || null

/** Converts an order to its public form (REST, events); `upTo` gives the order as it was after so many events. */
export function toOrderView(order: Order, upTo = order.statusHistory.length): OrderView {
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
