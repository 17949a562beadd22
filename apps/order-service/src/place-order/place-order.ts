import { withinDeadline } from '@halles/concurrency/caller'
import { newId } from '@halles/mongo/ids'
import type { Principal } from '@halles/auth/principal'
import { AppError, toAppError } from '@halles/errors/app-error'
import { traceHeaders } from '@halles/telemetry/trace'
import { createOrder, type IdempotencyRecord, type Order } from '../order.ts'
import { ANSWER_TIMEOUT } from '../answer-timeout.ts'
import type { OrderMetrics } from '../metrics.ts'
import type { Outbox } from '../outbox.ts'
import type { Admit } from './admission.ts'
import {
  checkDecimals,
  mergeLines,
  priceLines,
  toFingerprint,
  toReservationError,
  type BasketLine,
  type PlaceOrderInput,
} from './basket.ts'
import type { PendingOrders } from './pending-orders.ts'
import type { Recovery } from './recovery.ts'
import type { StockClient } from './stock-client.ts'

export type PlaceOrderDeps = {
  admit: Admit
  metrics: Pick<OrderMetrics, 'countOutcome'>
  stock: Pick<StockClient, 'check' | 'reserve'>
  /** Takes a number that no other order has. */
  takeNumber: () => Promise<string>
  pendingOrders: Pick<PendingOrders, 'create' | 'remove' | 'confirm' | 'findByKey'>
  recovery: Pick<Recovery, 'cancel'>
  outbox: Pick<Outbox, 'enqueueCreated'>
  now: () => Date
}

/** An order, and whether an earlier request with the same idempotency key had placed it. */
export type PlacedOrder = { order: Order; replayed: boolean }

/** How long an idempotency key gives its order, in milliseconds. */
const KEY_LIFETIME = 24 * 3600_000

/**
 * Places an order at current prices: all of it or nothing. With an idempotency key, the same basket again gives the
 * same order as it is now, `replayed`.
 *
 * @throws AppError of basket.ts; with a key, `IN_PROGRESS` while its order is pending and `IDEMPOTENCY_KEY_REUSED` for
 *   another basket; `UNAVAILABLE` or `TIMEOUT` when the order is not placed, or the outcome is unknown. After the answer
 *   timeout, or the caller's deadline, no further step begins but the confirmation of reserved stock, or the compensation
 */
export const placeOrder = (
  deps: PlaceOrderDeps,
  customer: Principal,
  input: PlaceOrderInput,
  key?: string,
): Promise<PlacedOrder> => {
  const deadline = Date.now() + withinDeadline(ANSWER_TIMEOUT)
  return deps.metrics.countOutcome(deps.admit(() => placeOnce(deps, customer, input, key, deadline)))
}

async function placeOnce(
  deps: PlaceOrderDeps,
  customer: Principal,
  input: PlaceOrderInput,
  key: string | undefined,
  deadline: number,
): Promise<PlacedOrder> {
  checkDeadline(deadline)
  checkDecimals(input)
  const lines = mergeLines(input.items)
  const expiresAt = new Date(deps.now().getTime() + KEY_LIFETIME)
  const idempotency = key === undefined ? undefined : { key, expiresAt, fingerprint: toFingerprint(lines) }
  try {
    const order = await reserveAndConfirm(deps, customer, lines, input.expectedTotal, idempotency, deadline)
    return { order, replayed: false }
  } catch (error) {
    if (Date.now() >= deadline) throw error // nobody waits for the answer
    // A key that has an order gives it, whatever the error now: perhaps this very order took the last one in stock.
    const earlier = idempotency && (await findEarlierOrder(deps, customer, idempotency, error))
    if (earlier) return { order: earlier, replayed: true }
    throw error
  }
}

/** The saga, with cancellation as its compensation: docs/decisions/0002-place-orders-as-a-saga-with-reservations.md. */
async function reserveAndConfirm(
  { stock, takeNumber, pendingOrders, recovery, outbox, now }: PlaceOrderDeps,
  customer: Principal,
  lines: BasketLine[],
  expectedTotal: number | undefined,
  idempotency: IdempotencyRecord | undefined,
  deadline: number,
): Promise<Order> {
  const items = priceLines(lines, await stock.check(lines, { deadline }), expectedTotal)
  const order = createOrder({
    _id: newId(),
    number: await takeNumber(),
    customer: { id: customer.id, name: customer.name, email: customer.email, locale: customer.locale },
    items,
    at: now(),
    traceparent: traceHeaders()['traceparent'],
  })
  const orCancel = <T>(step: Promise<T>): Promise<T> =>
    step.catch(async (error: unknown) => {
      await recovery.cancel(order._id)
      throw error
    })

  if (!(await orCancel(pendingOrders.create(order, idempotency, deadline)))) throw inProgress()
  const reservation = await orCancel(stock.reserve({ orderId: order._id, items }, { deadline }))
  if (reservation.outcome === 'refused') {
    await pendingOrders.remove(order._id)
    throw toReservationError(lines, reservation)
  }
  const confirmed = reservation.outcome === 'held' && (await orCancel(pendingOrders.confirm(order._id)))
  // This took longer than a pending order may take, and recovery has cancelled it.
  if (!confirmed) throw new AppError('UNAVAILABLE', 'This took too long, and nothing was ordered: try again.')
  outbox.enqueueCreated(order)
  return order
}

async function findEarlierOrder(
  { pendingOrders }: PlaceOrderDeps,
  { id }: Principal,
  { key, fingerprint }: IdempotencyRecord,
  error: unknown,
): Promise<Order | undefined> {
  const found = await pendingOrders.findByKey(id, key)
  if (!found) return undefined
  // The pending order may be that of this very request, which failed: then nobody is placing it.
  if (!found.order) throw isOutage(error) ? error : inProgress()
  if (found.fingerprint !== fingerprint)
    throw new AppError('IDEMPOTENCY_KEY_REUSED', 'This key belongs to an order of other products: use another key.')
  return found.order
}

/** @throws AppError `TIMEOUT` when the client has been answered already: work for it would only cost others */
function checkDeadline(deadline: number): void {
  if (Date.now() >= deadline) throw new AppError('TIMEOUT', 'This took too long, and nothing was ordered: try again.')
}

const isOutage = (error: unknown): boolean => ['UNAVAILABLE', 'TIMEOUT'].includes(toAppError(error)?.code ?? '')

const inProgress = (): AppError => new AppError('IN_PROGRESS', 'An order with this key is being placed right now.')
