import { admin, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import { MOST_STOCK, type AdjustStock, type Product } from './product.ts'
import type { Products } from './products.ts'
import { readProduct } from './read-products.ts'

type Helpers = { products: Pick<Products, 'adjust' | 'find'>; now: () => Date }

/**
 * Adds to a product's stock, or takes from it, for a reason that is kept; admins only.
 *
 * @throws Refusal `INSUFFICIENT_STOCK` when less than nothing would be left, `VALIDATION_FAILED` for a delta of 0 or a
 *   stock above 1,000,000, `NOT_FOUND` when the product is not on sale
 */
export async function adjustStock(
  { products, now }: Helpers,
  who: Person | undefined,
  { id, delta, reason }: AdjustStock & { id: string },
): Promise<Product> {
  const change = { by: admin(who).id, reason: reason.trim(), at: now() }
  if (delta === 0) throw notThatMuch('must not be 0')
  const adjusted = await products.adjust(id, delta, change)
  if (adjusted) return adjusted
  const { stock } = await readProduct({ products }, id)
  if (delta > 0) throw notThatMuch(`must leave at most ${MOST_STOCK} in stock: there are ${stock}`)
  throw new Refusal('INSUFFICIENT_STOCK', `Only ${stock} in stock: no more than that can be taken away.`, {
    errors: [{ path: '/delta', message: `must be at least ${-stock}`, productId: id, available: stock }],
  })
}

const notThatMuch = (message: string): Refusal =>
  new Refusal('VALIDATION_FAILED', 'The stock cannot be changed by that much: see errors.', {
    errors: [{ path: '/delta', message }],
  })
