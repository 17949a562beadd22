import { admin, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import { contentOf, type Expected, type Product, type ReplaceProduct } from './product.ts'
import type { Products } from './products.ts'
import { readProduct } from './read-products.ts'

type Helpers = { products: Pick<Products, 'replace' | 'find'>; now: () => Date }
type Wish = { id: string; product: ReplaceProduct; versions?: Expected['versions'] }

/**
 * Replaces a product; admins only. What is left out becomes null, except stock, which stays. Stock that is given is an
 * adjustment from whatever it is at that moment.
 *
 * @throws Refusal `STALE` when the product is not as expected, `NOT_FOUND` when it is not on sale
 */
export async function replaceProduct(
  { products, now }: Helpers,
  who: Person | undefined,
  { id, product, versions }: Wish,
): Promise<Product> {
  const change = { by: admin(who).id, reason: 'replaced', at: now() }
  const expected = { revision: product.expectedRevision, versions }
  const replaced = await products.replace(id, contentOf(product), expected, product.stock, change)
  if (replaced) return replaced
  await readProduct({ products }, id)
  throw new Refusal('STALE', 'This product has changed in the meantime: look again before changing it.')
}
