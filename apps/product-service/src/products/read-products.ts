import { AppError } from '@halles/errors/app-error'
import type { Product } from './product.ts'
import type { ProductStore } from './products.ts'

/** Returns a product that is on sale. @throws AppError `NOT_FOUND` for any other id */
export async function readProduct(
  { products }: { products: Pick<ProductStore, 'find'> },
  id: string,
): Promise<Product> {
  const product = await products.find(id)
  if (!product || product.archived) throw new AppError('NOT_FOUND', 'There is no such product on sale.')
  return product
}

/**
 * Returns products by id, in the given order, null for an unknown id. Archived products are included: past orders show
 * them.
 */
export async function readProducts(
  { products }: { products: Pick<ProductStore, 'findAll'> },
  ids: readonly string[],
): Promise<(Product | null)[]> {
  const found = await products.findAll(ids)
  return ids.map((id) => found.get(id) ?? null)
}
