import { Status } from '@halles/contracts/order-events'
import { requireAdmin, type Principal } from '@halles/auth/principal'
import { backoff } from '@halles/concurrency/backoff'
import { AppError } from '@halles/errors/app-error'
import { ClosedObject } from '@halles/validation/schema'
import { traceHeaders } from '@halles/telemetry/trace'
import type { Static } from 'typebox'
import { ANSWER_TIMEOUT } from './answer-timeout.ts'
import { checkTransition, readFilter, type Order } from './order.ts'
import type { OrderStore } from './orders.ts'
import type { Outbox } from './outbox.ts'
import type { Recovery } from './place-order/recovery.ts'

/**
 * The pauses before an order is read again, in milliseconds, when it is not as it was read: another request has changed it, or
 * a majority of the database's nodes lags behind.
 */
const BACKOFF = { base: 20, cap: 1000 }

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
 *   checkTransition; `TIMEOUT` when that is so for 8 s: nothing was changed
 */
export async function changeStatus(
  { orders, outbox, recovery, now }: ChangeStatusDeps,
  principal: Principal,
  { id, status }: ChangeStatusInput,
): Promise<Order> {
  const deadline = Date.now() + ANSWER_TIMEOUT
  for (let attempt = 1; ; attempt++) {
    const order = await orders.find({ _id: id, ...readFilter(principal) })
    if (!order) throw new AppError('NOT_FOUND', 'There is no such order.')
    if (!checkTransition(principal, order.status, status)) return order
    const change = { at: now(), by: principal.id, traceparent: traceHeaders()['traceparent'] }
    const changed = await orders.changeStatus(order, status, change)
    if (changed) {
      outbox.enqueue(id)
      if (status === 'Annulée') recovery.wake()
      return changed
    }
    if (Date.now() >= deadline)
      throw new AppError('TIMEOUT', 'This order is being changed by others, and nothing was changed: try again.')
    await backoff(attempt, BACKOFF)
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
