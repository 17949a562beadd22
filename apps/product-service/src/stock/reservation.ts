import { ClosedObject } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'

/** A quantity of one product. Any text is a valid id: an unknown product is a shortage, not a validation error. */
export const StockLine = ClosedObject({
  productId: Type.String(),
  quantity: Type.Integer({ minimum: 1, maximum: 999 }),
})
export type StockLine = Static<typeof StockLine>

const OrderId = Type.String({ minLength: 1, maxLength: 200 })

export const CheckStock = ClosedObject({ items: Type.Array(StockLine, { maxItems: 12_800 }) })
export const ReserveStock = ClosedObject({
  orderId: OrderId,
  items: Type.Array(StockLine, { minItems: 1, maxItems: 100 }),
})
export type ReserveStock = Static<typeof ReserveStock>
export const ReserveStocks = ClosedObject({ orders: Type.Array(ReserveStock, { maxItems: 1000 }) })
export const ReleaseStock = ClosedObject({ orderId: OrderId })

/** A product of which an order asks for more than there is; `exists` is false when it is unknown or archived. */
export type Shortage = { productId: string; exists: boolean; available: number }

/**
 * The result of a reservation: all of the order's stock is held, or none. `refused` names the shortages; `released` means
 * that the order was released before and can reserve nothing any more.
 */
export type Reservation = { orderId: string; outcome: 'held' | 'refused' | 'released'; shortages: Shortage[] }

/** Adds up the lines of each product, so that every product has one line. */
export function sumLines(lines: readonly StockLine[]): StockLine[] {
  const quantities = new Map<string, number>()
  for (const { productId, quantity } of lines) quantities.set(productId, (quantities.get(productId) ?? 0) + quantity)
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }))
}

/**
 * Allocates stock to orders in order of arrival. An order gets all of its lines or none; what it gets is not available to
 * the orders after it. `stock` is the stock of each product on sale, and stays as it is.
 */
export function allocateStock<R extends ReserveStock>(requests: readonly R[], stock: ReadonlyMap<string, number>) {
  const remaining = new Map(stock)
  const accepted: R[] = []
  const refused: Reservation[] = []
  for (const request of requests) {
    const shortages = request.items
      .filter(({ productId, quantity }) => (remaining.get(productId) ?? 0) < quantity)
      .map(({ productId }) => ({
        productId,
        exists: remaining.has(productId),
        available: remaining.get(productId) ?? 0,
      }))
    if (shortages.length > 0) {
      refused.push({ orderId: request.orderId, outcome: 'refused', shortages })
      continue
    }
    accepted.push(request)
    for (const { productId, quantity } of request.items) remaining.set(productId, remaining.get(productId)! - quantity)
  }
  return { accepted, refused }
}
