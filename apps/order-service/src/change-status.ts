import { Status } from '@halles/contracts/order-events'
import { requireAdmin, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { ClosedObject } from '@halles/validation/schema'
import { traceHeaders } from '@halles/telemetry/trace'
import type { Static } from 'typebox'
import { checkTransition, readFilter, type Order } from './order.ts'
import type { OrderStore } from './orders.ts'
import type { Outbox } from './outbox.ts'
import type { Recovery } from './place-order/recovery.ts'

/** The status that an order should get. */
export const ChangeStatusBody = ClosedObject({ status: Status }, { title: 'ChangeStatus' })
export type ChangeStatusBody = Static<typeof ChangeStatusBody>

export type ChangeStatusDeps = {
  orders: Pick<OrderStore, 'find' | 'changeStatus'>
  outbox: Pick<Outbox, 'enqueue'>
  recovery: Pick<Recovery, 'wake'>
  now: () => Date
}

type ChangeStatusInput = { id: string; status: Status }

/**
 * Changes the status of an order, for admins, and for its customer where the transitions of order.ts allow it. An order
 * that has the status already is returned as it is. If another request changes the order meanwhile, the order is read
 * and checked again.
 *
 * @throws AppError `NOT_FOUND`, also for another customer's order; `FORBIDDEN` and `INVALID_TRANSITION` of
 *   checkTransition
 */
export async function changeStatus(
  { orders, outbox, recovery, now }: ChangeStatusDeps,
  principal: Principal,
  { id, status }: ChangeStatusInput,
): Promise<Order> {
  for (;;) {
    const order = await orders.find({ _id: id, ...readFilter(principal) })
    if (!order) throw new AppError('NOT_FOUND', 'There is no such order.')
    if (!checkTransition(principal, order.status, status)) return order
    const change = { at: now(), traceparent: traceHeaders()['traceparent'] }
    const changed = await orders.changeStatus(order, status, change)
    if (!changed) continue
    outbox.enqueue(id)
    if (status === 'Annulée') recovery.wake()
    return changed
  }
}

/** Changes the status as changeStatus does, for admins only. @throws AppError `FORBIDDEN` for anyone else */
export const changeStatusAsAdmin = async (
  deps: ChangeStatusDeps,
  principal: Principal | undefined,
  input: ChangeStatusInput,
): Promise<Order> => changeStatus(deps, requireAdmin(principal), input)

/** Cancels an order; recovery then releases its stock. @throws AppError as changeStatus does */
export const cancelOrder = (deps: ChangeStatusDeps, principal: Principal, id: string): Promise<Order> =>
  changeStatus(deps, principal, { id, status: 'Annulée' })
