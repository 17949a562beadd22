import { admin, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import type { Expected } from './product.ts'
import type { Products } from './products.ts'
import { readProduct } from './read-products.ts'

type Helpers = { products: Pick<Products, 'archive' | 'find'>; now: () => Date }
type Wish = { id: string; versions?: Expected['versions'] }

/**
 * Takes a product off sale; admins only. Past orders go on showing it.
 *
 * @throws Refusal `STALE` when the product is not as expected, `NOT_FOUND` when it is not on sale
 */
export async function archiveProduct(
  { products, now }: Helpers,
  who: Person | undefined,
  { id, versions }: Wish,
): Promise<void> {
  admin(who)
  if (await products.archive(id, { versions }, now())) return
  await readProduct({ products }, id)
  throw new Refusal('STALE', 'This product has changed in the meantime: look again before archiving it.')
}
