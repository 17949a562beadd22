import type { Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import { seenBy, type Order } from './order.ts'
import type { Orders } from './orders.ts'

const notFound = (): Refusal => new Refusal('NOT_FOUND', 'There is no such order.')

/**
 * One order, for whoever placed it and for admins; `userId`, when given, is whose it must be.
 *
 * @throws Refusal `NOT_FOUND`, also for a stranger's order.
 */
export async function readOrder(
  { orders }: { orders: Pick<Orders, 'find'> },
  person: Person,
  { id, userId }: { id: string; userId?: string },
): Promise<Order> {
  const seen = seenBy(person)
  if (userId !== undefined && seen.userId !== undefined && seen.userId !== userId) throw notFound()
  const order = await orders.find({ _id: id, ...seen, ...(userId !== undefined && { userId }) })
  if (!order) throw notFound()
  return order
}

/** Many orders at once, each answered by itself: the order, or why not, as readOrder would say. */
export async function readOrders(
  { orders }: { orders: Pick<Orders, 'findMany'> },
  person: Person | undefined,
  ids: string[],
): Promise<(Order | Refusal)[]> {
  if (!person) return ids.map(() => new Refusal('UNAUTHENTICATED', 'Sign in first: this needs an access token.'))
  const found = await orders.findMany([...new Set(ids)], seenBy(person))
  const by = new Map(found.map((order) => [order._id, order]))
  return ids.map((id) => by.get(id) ?? notFound())
}
