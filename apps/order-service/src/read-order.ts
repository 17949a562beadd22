import type { Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { readFilter, type Order } from './order.ts'
import type { OrderStore } from './orders.ts'

const notFound = (): AppError => new AppError('NOT_FOUND', 'There is no such order.')

/**
 * Reads one order, for its customer and for admins. With `userId`, the order must be that user's.
 *
 * @throws AppError `NOT_FOUND`, also for an order that the principal may not read
 */
export async function readOrder(
  { orders }: { orders: Pick<OrderStore, 'find'> },
  principal: Principal,
  { id, userId }: { id: string; userId?: string },
): Promise<Order> {
  const readable = readFilter(principal)
  if (userId !== undefined && readable.userId !== undefined && readable.userId !== userId) throw notFound()
  const order = await orders.find({ _id: id, ...readable, ...(userId !== undefined && { userId }) })
  if (!order) throw notFound()
  return order
}

/** Reads many orders with one query; for each id the order, or the error that readOrder would throw. */
export async function readOrders(
  { orders }: { orders: Pick<OrderStore, 'findMany'> },
  principal: Principal | undefined,
  ids: string[],
): Promise<(Order | AppError)[]> {
  if (!principal) return ids.map(() => new AppError('UNAUTHENTICATED', 'Sign in first: this needs an access token.'))
  const found = await orders.findMany([...new Set(ids)], readFilter(principal))
  const byId = new Map(found.map((order) => [order._id, order]))
  return ids.map((id) => byId.get(id) ?? notFound())
}
