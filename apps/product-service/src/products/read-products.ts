import { requireAdmin, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import type { Page } from '@halles/validation/page'
import type { ListProducts, Product, ReadProduct } from './product.ts'
import type { ProductStore } from './products.ts'

type FindDeps = { products: Pick<ProductStore, 'find'> }

/** Returns a product that is on sale. @throws AppError `NOT_FOUND` for any other id */
export async function readProduct({ products }: FindDeps, id: string): Promise<Product> {
  const product = await products.find(id)
  if (!product || product.archived) throw new AppError('NOT_FOUND', 'There is no such product on sale.')
  return product
}

/** Returns a product, archived or not. @throws AppError `NOT_FOUND` for an unknown id */
export async function readAnyProduct({ products }: FindDeps, id: string): Promise<Product> {
  const product = await products.find(id)
  if (!product) throw new AppError('NOT_FOUND', 'There is no such product.')
  return product
}

/**
 * Returns the product that a client asks for. Archived ones only on request and for admins.
 *
 * @throws AppError `NOT_FOUND`; `UNAUTHENTICATED` or `FORBIDDEN` for `includeArchived` by anyone but an admin
 */
export async function showProduct(
  deps: FindDeps,
  actor: Principal | undefined,
  { id, includeArchived = false }: ReadProduct & { id: string },
): Promise<Product> {
  if (!includeArchived) return readProduct(deps, id)
  requireAdmin(actor)
  return readAnyProduct(deps, id)
}

/**
 * Returns a page of the products on sale; with `archived`, of the archived ones instead, for admins.
 *
 * @throws AppError as `ProductStore.page`; `UNAUTHENTICATED` or `FORBIDDEN` for `archived` by anyone but an admin
 */
export async function listProducts(
  { products }: { products: Pick<ProductStore, 'page'> },
  actor: Principal | undefined,
  query: ListProducts,
): Promise<Page<Product>> {
  if (query.archived) requireAdmin(actor)
  return products.page(query)
}

/**
 * Returns products by id, in the given order, null for an unknown id. Archived products are included: past orders and
 * baskets show them.
 */
export async function readProducts(
  { products }: { products: Pick<ProductStore, 'findAll'> },
  ids: readonly string[],
): Promise<(Product | null)[]> {
  const found = await products.findAll(ids)
  return ids.map((id) => found.get(id) ?? null)
}
