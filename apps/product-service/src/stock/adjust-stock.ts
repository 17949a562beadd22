import { requireAdmin, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { MAX_STOCK, type AdjustStock, type Product } from '../products/product.ts'
import type { ProductStore } from '../products/products.ts'
import { readProduct } from '../products/read-products.ts'

type Deps = { products: Pick<ProductStore, 'adjustStock' | 'find'>; now: () => Date }

/**
 * Changes a product's stock by `delta`, stores the reason, and returns the product; admins only.
 *
 * @throws AppError `INSUFFICIENT_STOCK` when the stock would be negative, `VALIDATION_FAILED` for a delta of 0 or a stock
 *   above 1,000,000, `NOT_FOUND` when the product is not on sale
 */
export async function adjustStock(
  { products, now }: Deps,
  actor: Principal | undefined,
  { id, delta, reason }: AdjustStock & { id: string },
): Promise<Product> {
  const change = { by: requireAdmin(actor).id, reason: reason.trim(), at: now() }
  if (delta === 0) throw invalidDelta('must not be 0')
  const adjusted = await products.adjustStock(id, delta, change)
  if (adjusted) return adjusted
  const { stock } = await readProduct({ products }, id)
  if (delta > 0) throw invalidDelta(`must leave at most ${MAX_STOCK} in stock: there are ${stock}`)
  throw new AppError('INSUFFICIENT_STOCK', `Only ${stock} in stock: no more than that can be taken away.`, {
    errors: [{ path: '/delta', message: `must be at least ${-stock}`, productId: id, available: stock }],
  })
}

const invalidDelta = (message: string): AppError =>
  new AppError('VALIDATION_FAILED', 'The stock cannot be changed by that much: see errors.', {
    errors: [{ path: '/delta', message }],
  })
