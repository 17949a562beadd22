import { Status } from '@halles/contracts/order-events'
import type { Page } from '@halles/validation/page'
import { requireAdmin, canRead, requirePrincipal, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { ClosedObject, PageQuery } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'
import type { Order } from './order.ts'
import type { OrderStore } from './orders.ts'

/** Which orders, and which page of them. */
export const ListOrdersQuery = ClosedObject({ status: Type.Optional(Status), ...PageQuery })
export type ListOrdersQuery = Static<typeof ListOrdersQuery>

type Deps = { orders: Pick<OrderStore, 'findPage'> }

/** Lists all customers' orders, newest first. @throws AppError `FORBIDDEN` for anyone but an admin */
export async function listOrders(
  { orders }: Deps,
  principal: Principal | undefined,
  { status, first, after }: ListOrdersQuery,
): Promise<Page<Order>> {
  requireAdmin(principal)
  return orders.findPage({ ...(status && { status }) }, { first, after })
}

/**
 * Lists one user's orders, newest first, for that user and for admins.
 *
 * @throws AppError `FORBIDDEN` for anyone else, whether or not there is such a user
 */
export async function listUserOrders(
  { orders }: Deps,
  principal: Principal | undefined,
  userId: string,
  { status, first, after }: ListOrdersQuery,
): Promise<Page<Order>> {
  if (!canRead(requirePrincipal(principal), userId))
    throw new AppError('FORBIDDEN', "These are another customer's orders.")
  return orders.findPage({ userId, ...(status && { status }) }, { first, after })
}
