import { Refusal } from '@halles/service/refusal'
import type { Product } from './product.ts'
import type { Products } from './products.ts'

/** One product on sale; `NOT_FOUND` for anything else. */
export async function readProduct({ products }: { products: Pick<Products, 'find'> }, id: string): Promise<Product> {
  const product = await products.find(id)
  if (!product || product.archived) throw new Refusal('NOT_FOUND', 'There is no such product on sale.')
  return product
}

/**
 * Products by id, in the order asked, each null when there is none. Archived ones are among them: past orders show what
 * they sold.
 */
export async function readProducts(
  { products }: { products: Pick<Products, 'findAll'> },
  ids: readonly string[],
): Promise<(Product | null)[]> {
  const found = await products.findAll(ids)
  return ids.map((id) => found.get(id) ?? null)
}
