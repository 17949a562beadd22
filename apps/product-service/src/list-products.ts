import type { Page } from '@halles/service/page'
import type { ListProducts, Product } from './product.ts'
import type { Products } from './products.ts'

/** A page of what is on sale. A lowest price above the highest finds nothing. `VALIDATION_FAILED` for a foreign cursor. */
export const listProducts = (
  { products }: { products: Pick<Products, 'page'> },
  wish: ListProducts,
): Promise<Page<Product>> => products.page(wish)
