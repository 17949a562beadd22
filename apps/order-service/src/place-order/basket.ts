import { createHash } from 'node:crypto'
import { sumCents, toCents } from '@halles/validation/money'
import { AppError, type FieldError } from '@halles/errors/app-error'
import { ClosedObject } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'
import type { Line } from '../order.ts'
import type { CheckedStock, ReservationResult } from './stock-client.ts'

/** The most of one product that an order may have. */
const MAX_QUANTITY = 999

/** What a client sends to place an order. */
export const PlaceOrderInput = ClosedObject(
  {
    items: Type.Array(
      ClosedObject({
        productId: Type.String({ description: 'An unknown product is answered PRODUCT_UNAVAILABLE' }),
        quantity: Type.Integer({ minimum: 1, maximum: MAX_QUANTITY }),
      }),
      { minItems: 1, maxItems: 100, description: 'Lines of one product are summed into one, of at most 999' },
    ),
    expectedTotal: Type.Optional(
      Type.Number({ minimum: 0, description: 'Euros: if it is not the total at current prices, PRICE_CHANGED' }),
    ),
  },
  { title: 'PlaceOrder' },
)
export type PlaceOrderInput = Static<typeof PlaceOrderInput>

/**
 * A client's own key under which an order is placed once, however often it is sent (IETF draft idempotency-key-header).
 * Printable ASCII without a space at either end: anything else would not be the same key in a header (RFC 9110, 5.5)
 * and in GraphQL.
 */
export const IdempotencyKey = Type.String({ minLength: 1, maxLength: 255, pattern: '^[!-~]([ -~]*[!-~])?$' })

/** One product of a basket; `index` is the position of its first line in the input. */
export type BasketLine = { productId: string; quantity: number; index: number }

/**
 * Sums the lines of one product into one line. Products keep the order in which they first occur.
 *
 * @throws AppError `VALIDATION_FAILED` when a sum is more than 999
 */
export function mergeLines(items: PlaceOrderInput['items']): BasketLine[] {
  const lines = new Map<string, BasketLine>()
  for (const [index, { productId, quantity }] of items.entries()) {
    const line = lines.get(productId)
    if (line) line.quantity += quantity
    else lines.set(productId, { productId, quantity, index })
  }
  const tooLarge = [...lines.values()].filter(({ quantity }) => quantity > MAX_QUANTITY)
  if (tooLarge.length > 0)
    throw new AppError('VALIDATION_FAILED', 'What was sent does not fit: see errors.', {
      errors: tooLarge.map(({ index }) => ({
        path: `/items/${index}/quantity`,
        message: `must be <= ${MAX_QUANTITY} in all`,
      })),
    })
  return [...lines.values()]
}

/**
 * Checks that `expectedTotal` is euros of at most two decimals. The schema's multipleOf is too strict for that: large
 * totals are not exact in binary, hence a tolerance, which is far below a cent.
 *
 * @throws AppError `VALIDATION_FAILED` for more decimals
 */
export function checkDecimals({ expectedTotal = 0 }: PlaceOrderInput): void {
  const cents = expectedTotal * 100
  if (Math.abs(cents - Math.round(cents)) <= 0.01) return
  throw new AppError('VALIDATION_FAILED', 'What was sent does not fit: see errors.', {
    errors: [{ path: '/expectedTotal', message: 'must have at most two decimals' }],
  })
}

/** Hashes a basket: equal for the same products and quantities, in whatever order the lines are. */
export function toFingerprint(lines: readonly BasketLine[]): string {
  const pairs = lines.map(({ productId, quantity }) => [productId, quantity]).sort(([a], [b]) => (a! < b! ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(pairs)).digest('base64url')
}

/**
 * Converts the lines of a basket to lines of an order, with the names and prices of product-service. `stock` has an
 * element for each line.
 *
 * @throws AppError `PRODUCT_UNAVAILABLE`, `INSUFFICIENT_STOCK` or `PRICE_CHANGED`, whose errors name each product
 */
export function priceLines(
  lines: readonly BasketLine[],
  stock: readonly CheckedStock[],
  expectedTotal?: number,
): Line[] {
  const short = lines
    .map((line, i) => ({ ...line, exists: stock[i]?.product !== undefined, available: stock[i]?.available ?? 0 }))
    .filter(({ exists, available, quantity }) => !exists || available < quantity)
  if (short.length > 0) throw shortageError(short)
  const items = lines.map(({ productId, quantity }, i) => {
    const { name, price } = stock[i]!.product!
    return { productId, name, quantity, price }
  })
  checkTotal(lines, items, expectedTotal)
  return items
}

/** Converts a refused reservation to the error of the client, whose paths point at the lines of the input. */
export function toReservationError(
  lines: readonly BasketLine[],
  { shortages }: Extract<ReservationResult, { outcome: 'refused' }>,
): AppError {
  const byProduct = new Map(shortages.map((shortage) => [shortage.productId, shortage]))
  return shortageError(
    lines.flatMap((line) => {
      const shortage = byProduct.get(line.productId)
      return shortage ? [{ ...line, ...shortage }] : []
    }),
  )
}

type ShortLine = BasketLine & { exists: boolean; available: number }

function shortageError(short: readonly ShortLine[]): AppError {
  const fieldError = ({ index, productId, available }: ShortLine, message: string): FieldError => ({
    path: `/items/${index}/productId`,
    message,
    productId,
    available,
  })
  const missing = short.filter(({ exists }) => !exists)
  if (missing.length > 0)
    return new AppError('PRODUCT_UNAVAILABLE', 'Some products are not available: see errors.', {
      errors: missing.map((line) => fieldError(line, 'is not available')),
    })
  return new AppError('INSUFFICIENT_STOCK', 'There is not enough stock of some products: see errors.', {
    errors: short.map((line) => fieldError(line, `only ${line.available} left`)),
  })
}

function checkTotal(lines: readonly BasketLine[], items: readonly Line[], expectedTotal: number | undefined): void {
  if (expectedTotal === undefined || toCents(expectedTotal) === sumCents(items)) return
  throw new AppError('PRICE_CHANGED', 'Prices are not what you were shown: see errors.', {
    errors: items.map(({ productId, price }, i) => ({
      path: `/items/${lines[i]!.index}/productId`,
      message: `costs ${price.toFixed(2)} € now`,
      productId,
      price,
    })),
  })
}
