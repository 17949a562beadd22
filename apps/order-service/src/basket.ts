import { createHash } from 'node:crypto'
import { Refusal, type Fault } from '@halles/service/refusal'
import { Closed } from '@halles/service/schema'
import { Type, type Static } from 'typebox'
import { centsOf, totalCents, type Line } from './order.ts'
import type { Hold, ShelfLine } from './stock.ts'

/** The most of one product that an order may have. */
const MOST = 999

/** What someone asks for when they order. */
export const PlaceOrder = Closed(
  {
    items: Type.Array(
      Closed({
        productId: Type.String({ description: 'One that does not exist is PRODUCT_UNAVAILABLE' }),
        quantity: Type.Integer({ minimum: 1, maximum: MOST }),
      }),
      { minItems: 1, maxItems: 100, description: 'Lines of one product are summed into one, of at most 999' },
    ),
    expectedTotal: Type.Optional(
      Type.Number({ minimum: 0, description: 'Euros: when it is not the total of today, PRICE_CHANGED' }),
    ),
  },
  { title: 'PlaceOrder' },
)
export type PlaceOrder = Static<typeof PlaceOrder>

/**
 * A key of one's own under which an order is placed once, however often it is sent. Printable ASCII without a space at
 * either end: anything else would not be the same key in a header (RFC 9110, 5.5) and in GraphQL.
 */
export const IdempotencyKey = Type.String({ minLength: 1, maxLength: 255, pattern: '^[!-~]([ -~]*[!-~])?$' })

/** One product in a basket; `at` is where it stands in what was sent. */
export type Wanted = { productId: string; quantity: number; at: number }

/**
 * The lines of a wish, those of one product summed into one, in the order in which products first come.
 *
 * @throws Refusal `VALIDATION_FAILED` when a sum is more than 999.
 */
export function summed(items: PlaceOrder['items']): Wanted[] {
  const lines = new Map<string, Wanted>()
  for (const [at, { productId, quantity }] of items.entries()) {
    const line = lines.get(productId)
    if (line) line.quantity += quantity
    else lines.set(productId, { productId, quantity, at })
  }
  const tooMuch = [...lines.values()].filter(({ quantity }) => quantity > MOST)
  if (tooMuch.length > 0)
    throw new Refusal('VALIDATION_FAILED', 'What was sent does not fit: see errors.', {
      errors: tooMuch.map(({ at }) => ({ path: `/items/${at}/quantity`, message: `must be <= ${MOST} in all` })),
    })
  return [...lines.values()]
}

/**
 * Euros of at most two decimals, where the schema's multipleOf is too strict: large totals are not exact in binary, hence
 * a tolerance, far below a cent all the same.
 *
 * @throws Refusal `VALIDATION_FAILED` for more decimals.
 */
export function checkDecimals({ expectedTotal = 0 }: PlaceOrder): void {
  const cents = expectedTotal * 100
  if (Math.abs(cents - Math.round(cents)) <= 0.01) return
  throw new Refusal('VALIDATION_FAILED', 'What was sent does not fit: see errors.', {
    errors: [{ path: '/expectedTotal', message: 'must have at most two decimals' }],
  })
}

/** Tells baskets apart: equal for the same products and quantities, however they were written. */
export function digestOf(lines: readonly Wanted[]): string {
  const pairs = lines.map(({ productId, quantity }) => [productId, quantity]).sort(([a], [b]) => (a! < b! ? -1 : 1))
  return createHash('sha256').update(JSON.stringify(pairs)).digest('base64url')
}

/**
 * The lines as they are ordered: name and price are the shelf's.
 *
 * @throws Refusal `PRODUCT_UNAVAILABLE`, `INSUFFICIENT_STOCK` or `PRICE_CHANGED`, whose errors name each product.
 */
export function priced(lines: readonly Wanted[], shelf: readonly ShelfLine[], expectedTotal?: number): Line[] {
  const short = lines
    .map((line, i) => ({ ...line, exists: shelf[i]?.product !== undefined, available: shelf[i]?.available ?? 0 }))
    .filter(({ exists, available, quantity }) => !exists || available < quantity)
  if (short.length > 0) throw shortRefusal(short)
  const items = lines.map(({ productId, quantity }, i) => {
    const { name, price } = shelf[i]!.product!
    return { productId, name, quantity, price }
  })
  checkTotal(lines, items, expectedTotal)
  return items
}

/** Why an order's stock could not be held, in the customer's own lines. */
export function holdRefusal(lines: readonly Wanted[], { shortages }: Extract<Hold, { outcome: 'refused' }>): Refusal {
  const by = new Map(shortages.map((shortage) => [shortage.productId, shortage]))
  return shortRefusal(
    lines.flatMap((line) => {
      const shortage = by.get(line.productId)
      return shortage ? [{ ...line, ...shortage }] : []
    }),
  )
}

type Short = Wanted & { exists: boolean; available: number }

function shortRefusal(short: readonly Short[]): Refusal {
  const fault = ({ at, productId, available }: Short, message: string): Fault => ({
    path: `/items/${at}/productId`,
    message,
    productId,
    available,
  })
  const gone = short.filter(({ exists }) => !exists)
  if (gone.length > 0)
    return new Refusal('PRODUCT_UNAVAILABLE', 'Some of this cannot be had: see errors.', {
      errors: gone.map((line) => fault(line, 'cannot be had')),
    })
  return new Refusal('INSUFFICIENT_STOCK', 'There is not enough of some of this: see errors.', {
    errors: short.map((line) => fault(line, `only ${line.available} left`)),
  })
}

function checkTotal(lines: readonly Wanted[], items: readonly Line[], expectedTotal: number | undefined): void {
  if (expectedTotal === undefined || centsOf(expectedTotal) === totalCents(items)) return
  throw new Refusal('PRICE_CHANGED', 'Prices are not what you were shown: see errors.', {
    errors: items.map(({ productId, price }, i) => ({
      path: `/items/${lines[i]!.at}/productId`,
      message: `costs ${price.toFixed(2)} € now`,
      productId,
      price,
    })),
  })
}
