import { Status } from '@halles/contracts/order-events'
import { admin, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import { Closed } from '@halles/service/schema'
import { traceHeaders } from '@halles/service/trace'
import type { Static } from 'typebox'
import { mayMove, seenBy, type Order } from './order.ts'
import type { Orders } from './orders.ts'

/** Where an order should go. */
export const ChangeStatus = Closed({ status: Status }, { title: 'ChangeStatus' })
export type ChangeStatus = Static<typeof ChangeStatus>

export type ChangingHelpers = {
  orders: Pick<Orders, 'find' | 'move'>
  /** Says that an order has something to tell. */
  tell: (orderId: string) => void
  /** Says that stock is owed back. */
  owed: () => void
  now: () => Date
}

type Wish = { id: string; status: Status }

/**
 * Moves an order on, or cancels it: for admins, and for its owner where moves of order.ts let them. An order that is
 * there already is answered as it is. Of two at once, the loser reads again and decides anew.
 *
 * @throws Refusal `NOT_FOUND` also for a stranger's order, `FORBIDDEN` and `INVALID_TRANSITION` as moves say.
 */
export async function changeStatus(
  { orders, tell, owed, now }: ChangingHelpers,
  person: Person,
  { id, status }: Wish,
): Promise<Order> {
  for (;;) {
    const order = await orders.find({ _id: id, ...seenBy(person) })
    if (!order) throw new Refusal('NOT_FOUND', 'There is no such order.')
    if (!mayMove(person, order.status, status)) return order
    const moved = await orders.move(order, status, { at: now(), traceparent: traceHeaders()['traceparent'] })
    if (!moved) continue
    tell(id)
    if (status === 'Annulée') owed()
    return moved
  }
}

/** changeStatus where only admins have business. @throws Refusal `FORBIDDEN` for anyone else. */
export const changeStatusAsAdmin = async (
  helpers: ChangingHelpers,
  person: Person | undefined,
  wish: Wish,
): Promise<Order> => changeStatus(helpers, admin(person), wish)

/** Cancels an order: its stock goes back on sale. @throws Refusal as changeStatus. */
export const cancelOrder = (helpers: ChangingHelpers, person: Person, id: string): Promise<Order> =>
  changeStatus(helpers, person, { id, status: 'Annulée' })
