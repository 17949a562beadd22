import { Status, statuses } from '@halles/contracts/order-events'
import type { Page } from '@halles/validation/page'
import { requireAdmin, canRead, requirePrincipal, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { ClosedObject, PageQuery } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'
import { openStatuses, type Order } from './order.ts'
import type { OrderStore } from './orders.ts'
import type { ShopDays } from './shop-days.ts'

/** The most users whose orders one list has. */
export const MAX_USERS = 20

const Day = (description: string) => Type.Optional(Type.String({ format: 'date', description }))

/** The conditions on all customers' orders but `userIds`, which REST and GraphQL write differently. */
export const ordersConditions = {
  status: Type.Optional(Status),
  number: Type.Optional(Type.String({ pattern: '^[0-9]{1,20}$', description: 'The whole order number' })),
  from: Day("The first day on which an order may be placed, as the shop's calendar has it"),
  to: Day('The last day on which an order may be placed'),
  overdue: Type.Optional(
    Type.Boolean({
      description: 'true: only those that are neither delivered nor cancelled OVERDUE_HOURS after they were placed',
    }),
  ),
}

/** Which orders of all customers, and which page of them. */
export const ListOrdersQuery = ClosedObject({
  ...ordersConditions,
  userIds: Type.Optional(Type.Array(Type.String({ maxLength: 200 }), { maxItems: MAX_USERS })),
  ...PageQuery,
})
export type ListOrdersQuery = Static<typeof ListOrdersQuery>

/** Which orders of one user, and which page of them. */
export const ListUserOrdersQuery = ClosedObject({ status: Type.Optional(Status), ...PageQuery })
export type ListUserOrdersQuery = Static<typeof ListUserOrdersQuery>

export type ListOrdersDeps = {
  orders: Pick<OrderStore, 'findPage'>
  days: Pick<ShopDays, 'startOf'>
  /** When an order that is still open now is overdue: placed before this time. */
  overdueSince: () => Date
}

/**
 * Lists all customers' orders that fit every condition, newest first.
 *
 * @throws AppError `FORBIDDEN` for anyone but an admin; `TIMEOUT` when that takes MongoDB more than 3 s
 */
export async function listOrders(
  { orders, days, overdueSince }: ListOrdersDeps,
  principal: Principal | undefined,
  { first, after, ...query }: ListOrdersQuery,
): Promise<Page<Order>> {
  requireAdmin(principal)
  const { status, number, from, to, userIds, overdue } = query
  const ends = [...(to === undefined ? [] : [days.startOf(to, 1)]), ...(overdue ? [overdueSince()] : [])]
  return orders.findPage(
    {
      statuses: (overdue ? openStatuses : statuses).filter((one) => status === undefined || one === status),
      number,
      userIds,
      from: from === undefined ? undefined : days.startOf(from),
      before: ends.length === 0 ? undefined : new Date(Math.min(...ends.map(Number))),
      request: [status, number, from, to, userIds, overdue],
    },
    { first, after },
  )
}

/**
 * Lists one user's orders, newest first, for that user and for admins.
 *
 * @throws AppError `FORBIDDEN` for anyone else, whether or not there is such a user
 */
export async function listUserOrders(
  { orders }: Pick<ListOrdersDeps, 'orders'>,
  principal: Principal | undefined,
  userId: string,
  { status, first, after }: ListUserOrdersQuery,
): Promise<Page<Order>> {
  if (!canRead(requirePrincipal(principal), userId))
    throw new AppError('FORBIDDEN', "These are another customer's orders.")
  return orders.findPage({ userIds: [userId], ...(status && { statuses: [status] }) }, { first, after })
}
