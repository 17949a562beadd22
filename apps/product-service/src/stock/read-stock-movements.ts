import { requireAdmin, type Principal } from '@halles/auth/principal'
import type { Page, PageArgs } from '@halles/validation/page'
import type { ProductStore } from '../products/products.ts'
import { readAnyProduct } from '../products/read-products.ts'
import type { StockLedger } from './stock-ledger.ts'
import type { StockMovement } from './stock-movement.ts'

type Deps = { products: Pick<ProductStore, 'find'>; stockLedger: Pick<StockLedger, 'page'> }

/**
 * Returns a page of the changes of a product's stock, newest first, of an archived one too; admins only.
 *
 * @throws AppError `NOT_FOUND` for an unknown product, `VALIDATION_FAILED` for a cursor of another list
 */
export async function readStockMovements(
  deps: Deps,
  actor: Principal | undefined,
  productId: string,
  page: PageArgs,
): Promise<Page<StockMovement>> {
  requireAdmin(actor)
  await readAnyProduct(deps, productId)
  return deps.stockLedger.page(productId, page)
}
