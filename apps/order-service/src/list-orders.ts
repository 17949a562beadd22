import { Status } from '@halles/contracts/order-events'
import type { Page } from '@halles/service/page'
import { admin, maySeeOf, signedIn, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import { Closed, PageQuery } from '@halles/service/schema'
import { Type, type Static } from 'typebox'
import type { Order } from './order.ts'
import type { OrderStore } from './orders.ts'

/** Which orders, and which page of them. */
export const ListOrdersQuery = Closed({ status: Type.Optional(Status), ...PageQuery })
export type ListOrdersQuery = Static<typeof ListOrdersQuery>

type Deps = { orders: Pick<OrderStore, 'findPage'> }

/** Lists all customers' orders, newest first. @throws AppError `FORBIDDEN` for anyone but an admin */
export async function listOrders(
  { orders }: Deps,
  principal: Person | undefined,
  { status, first, after }: ListOrdersQuery,
): Promise<Page<Order>> {
  admin(principal)
  return orders.findPage({ ...(status && { status }) }, { first, after })
}

/**
 * Lists one user's orders, newest first, for that user and for admins.
 *
 * @throws AppError `FORBIDDEN` for anyone else, whether or not there is such a user
 */
export async function listUserOrders(
  { orders }: Deps,
  principal: Person | undefined,
  userId: string,
  { status, first, after }: ListOrdersQuery,
): Promise<Page<Order>> {
  if (!maySeeOf(signedIn(principal), userId)) throw new Refusal('FORBIDDEN', "These are another customer's orders.")
  return orders.findPage({ userId, ...(status && { status }) }, { first, after })
}
