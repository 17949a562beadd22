import { Status } from '@halles/contracts/order-events'
import type { Page } from '@halles/service/page'
import { admin, maySeeOf, signedIn, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import { Closed, PageQuery } from '@halles/service/schema'
import { Type, type Static } from 'typebox'
import type { Order } from './order.ts'
import type { Orders } from './orders.ts'

/** Which orders, and which page of them. */
export const ListOrders = Closed({ status: Type.Optional(Status), ...PageQuery })
export type ListOrders = Static<typeof ListOrders>

type Helpers = { orders: Pick<Orders, 'page'> }

/** Everyone's orders, newest first. @throws Refusal `FORBIDDEN` for anyone but an admin. */
export async function listOrders(
  { orders }: Helpers,
  person: Person | undefined,
  wish: ListOrders,
): Promise<Page<Order>> {
  admin(person)
  const { status, first, after } = wish
  return orders.page({ ...(status && { status }) }, { first, after })
}

/**
 * One user's orders, newest first, for that user and for admins.
 *
 * @throws Refusal `FORBIDDEN` for anyone else, whether or not there is such a user.
 */
export async function listOrdersOf(
  { orders }: Helpers,
  person: Person | undefined,
  userId: string,
  { status, first, after }: ListOrders,
): Promise<Page<Order>> {
  if (!maySeeOf(signedIn(person), userId)) throw new Refusal('FORBIDDEN', "These are another customer's orders.")
  return orders.page({ userId, ...(status && { status }) }, { first, after })
}
