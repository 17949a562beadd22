import { Nullable, Timestamp } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'

const kinds = ['opening', 'adjustment', 'reservation', 'release'] as const

/**
 * A change of a product's stock: its opening stock, an adjustment by an admin, or what an order took (reservation) and gave back
 * (release).
 */
export type StockMovement = {
  id: string
  kind: (typeof kinds)[number]
  /** What was added to the stock; negative when it was taken. */
  delta: number
  /** Of an adjustment. */
  reason: string | null
  /** The admin who made an opening or adjustment; null for an order and the demo catalogue. */
  byId: string | null
  /** The order of a reservation or release. */
  orderId: string | null
  at: Date
}

/** A stock movement in REST responses. */
export const StockMovementView = Type.Object(
  {
    id: Type.String(),
    kind: Type.Enum([...kinds]),
    delta: Type.Integer({ description: 'What was added to the stock; negative when it was taken' }),
    reason: Nullable(Type.String({ description: 'Of an adjustment' })),
    byId: Nullable(Type.String({ description: 'The admin; null for an order and the demo catalogue' })),
    orderId: Nullable(Type.String({ description: 'Of a reservation or release' })),
    at: Timestamp,
  },
  { title: 'StockMovement' },
)

export const stockMovementView = (movement: StockMovement): Static<typeof StockMovementView> => ({
  ...movement,
  at: movement.at.toISOString(),
})
