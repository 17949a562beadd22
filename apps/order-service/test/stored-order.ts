import type { Status } from '@halles/contracts/order-events'
import { firstIdAt, newId } from '@halles/mongo/ids'
import { createPrincipal, type TestPrincipal } from '@halles/test-fixtures/principals'
import { createOrder, type Order } from '../src/order.ts'

let numbers = 0

/** Creates an order as it is stored when it was placed at a time and its events are published. `price` is euros. */
export function createStoredOrder(
  at: Date | string,
  { status = 'Reçue', customer = createPrincipal(), price = 12.5 }: StoredOrderOptions = {},
): Order {
  const createdAt = new Date(at)
  const { unpublished: _, ...order } = createOrder({
    _id: firstIdAt(createdAt.getTime()) + newId().slice(13),
    number: String(++numbers),
    customer,
    items: [{ productId: 'p', name: 'Comté', quantity: 1, price }],
    at: createdAt,
  })
  return { ...order, status }
}

export type StoredOrderOptions = { status?: Status; customer?: TestPrincipal; price?: number }
