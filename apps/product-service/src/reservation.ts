import { Closed } from '@halles/service/schema'
import { Type, type Static } from 'typebox'

/** A product of an order. The id may be anything: what is no product of ours is a shortage, not a mistake. */
export const StockLine = Closed({
  productId: Type.String(),
  quantity: Type.Integer({ minimum: 1, maximum: 999 }),
})
export type StockLine = Static<typeof StockLine>

const OrderId = Type.String({ minLength: 1, maxLength: 200 })

export const CheckStock = Closed({ items: Type.Array(StockLine, { maxItems: 12_800 }) })
export const ReserveStock = Closed({
  orderId: OrderId,
  items: Type.Array(StockLine, { minItems: 1, maxItems: 100 }),
})
export type ReserveStock = Static<typeof ReserveStock>
export const ReserveStocks = Closed({ orders: Type.Array(ReserveStock, { maxItems: 1000 }) })
export const ReleaseStock = Closed({ orderId: OrderId })

/** A product of which an order wants more than there is; `exists` is false when it is not on sale (any more). */
export type Shortage = { productId: string; exists: boolean; available: number }

/** What became of an order's wish: its stock is held, or nothing is (`released`: and nothing will be). */
export type Reservation = { orderId: string; outcome: 'held' | 'refused' | 'released'; shortages: Shortage[] }

/** The lines of an order with each product once. */
export function summed(lines: readonly StockLine[]): StockLine[] {
  const quantities = new Map<string, number>()
  for (const { productId, quantity } of lines) quantities.set(productId, (quantities.get(productId) ?? 0) + quantity)
  return [...quantities].map(([productId, quantity]) => ({ productId, quantity }))
}

/**
 * Who gets what, in order of arrival: an order gets all its lines or none, and what one gets the next cannot have.
 * `shelf` is the stock of each product on sale.
 */
export function allot<W extends ReserveStock>(wishes: readonly W[], shelf: ReadonlyMap<string, number>) {
  const left = new Map(shelf)
  const taken: W[] = []
  const refused: Reservation[] = []
  for (const wish of wishes) {
    const shortages = wish.items
      .filter(({ productId, quantity }) => (left.get(productId) ?? 0) < quantity)
      .map(({ productId }) => ({ productId, exists: left.has(productId), available: left.get(productId) ?? 0 }))
    if (shortages.length > 0) {
      refused.push({ orderId: wish.orderId, outcome: 'refused', shortages })
      continue
    }
    taken.push(wish)
    for (const { productId, quantity } of wish.items) left.set(productId, left.get(productId)! - quantity)
  }
  return { taken, refused }
}
