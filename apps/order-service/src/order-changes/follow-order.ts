import type { Principal } from '@halles/auth/principal'
import { transitions, type Order } from '../order.ts'
import type { OrderStore } from '../orders.ts'
import { readOrder } from '../read-order.ts'
import type { ChangeFeed } from './change-feed.ts'

/** An order as it was after its change number `sequence`. */
export type OrderChange = { sequence: number; order: Order }

export type FollowOrderDeps = { orders: Pick<OrderStore, 'find'>; changes: Pick<ChangeFeed, 'subscribe'> }

type FollowOrderInput = {
  id: string
  /** The order must be this user's. */
  userId?: string
  /** The sequence of the last change that the client knows, as text; anything else means none. */
  lastEventId: string | undefined
  /** Ends the changes. */
  signal: AbortSignal
}

/**
 * Follows an order, for its customer and for admins: returns its changes, in their order, each once. A client that knows a change
 * gets those after it, any other client first the present state. The changes end with the last status of an order.
 *
 * @returns undefined when the client knows the last status already
 * @throws AppError `NOT_FOUND`, also for an order that the principal may not read
 */
export async function followOrder(
  { orders, changes }: FollowOrderDeps,
  principal: Principal,
  { lastEventId, signal, ...which }: FollowOrderInput,
): Promise<AsyncIterable<OrderChange> | undefined> {
  const order = await readOrder({ orders }, principal, which)
  // A number that the order has not reached: this database lags behind the one that the client was connected to.
  const known = lastEventId !== undefined && /^\d{1,9}$/.test(lastEventId) ? Number(lastEventId) : order.seq - 1
  return isFinal(order) && known >= order.seq ? undefined : changesAfter(known, order, changes, signal)
}

async function* changesAfter(
  known: number,
  order: Order,
  changes: FollowOrderDeps['changes'],
  signal: AbortSignal,
): AsyncGenerator<OrderChange> {
  let latest = order
  let sequence = known
  let wake = (): void => {}
  const unsubscribe = changes.subscribe(order._id, (changed) => {
    if (changed.seq <= latest.seq) return
    latest = changed
    wake()
  })
  const onAbort = (): void => wake()
  signal.addEventListener('abort', onAbort)
  try {
    while (!signal.aborted) {
      if (sequence < latest.seq) {
        sequence++
        yield { sequence, order: orderAt(latest, sequence) }
      } else if (isFinal(latest)) return
      else await new Promise<void>((resolve) => (wake = resolve))
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    unsubscribe()
  }
}

/** Whether no status can follow. */
const isFinal = ({ status }: Order): boolean => Object.keys(transitions[status]).length === 0

/** The order as it was after its change number `sequence`. */
function orderAt(order: Order, sequence: number): Order {
  const statusHistory = order.statusHistory.slice(0, sequence)
  return { ...order, status: statusHistory.at(-1)!.status, statusHistory, seq: sequence }
}
