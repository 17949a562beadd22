import { admin, type Person } from '@halles/service/person'
import { contentOf, type CreateProduct, type Product } from './product.ts'
import type { Products } from './products.ts'

type Helpers = { products: Pick<Products, 'add'>; newId: () => string; now: () => Date }

/** Puts a new product on sale; admins only. Without a stock in the wish there is none to sell yet. */
export async function createProduct(
  { products, newId, now }: Helpers,
  who: Person | undefined,
  wish: CreateProduct,
): Promise<Product> {
  const { id: by } = admin(who)
  const at = now()
  const product: Product = {
    _id: newId(),
    ...contentOf(wish),
    stock: wish.stock ?? 0,
    revision: 1,
    archived: false,
    createdAt: at,
    updatedAt: at,
  }
  await products.add(product, by)
  return product
}
