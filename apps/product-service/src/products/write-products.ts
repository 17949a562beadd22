import { requireAdmin, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { toContent, type CreateProduct, type Precondition, type Product, type ReplaceProduct } from './product.ts'
import type { ProductStore } from './products.ts'
import { readProduct } from './read-products.ts'

/** Puts a new product on sale; admins only. Without `stock` in the input its stock is 0. */
export async function createProduct(
  { products, newId, now }: { products: Pick<ProductStore, 'add'>; newId: () => string; now: () => Date },
  actor: Principal | undefined,
  input: CreateProduct,
): Promise<Product> {
  const { id: by } = requireAdmin(actor)
  const at = now()
  const product: Product = {
    _id: newId(),
    ...toContent(input),
    stock: input.stock ?? 0,
    revision: 1,
    archived: false,
    createdAt: at,
    updatedAt: at,
  }
  await products.add(product, by)
  return product
}

/**
 * Replaces a product; admins only. Omitted fields become null, except stock, which stays. A given stock is stored as an
 * adjustment of the stock at the moment of the write.
 *
 * @throws AppError `STALE` when the precondition fails, `NOT_FOUND` when the product is not on sale
 */
export async function replaceProduct(
  { products, now }: { products: Pick<ProductStore, 'replace' | 'find'>; now: () => Date },
  actor: Principal | undefined,
  { id, product, versions }: { id: string; product: ReplaceProduct; versions?: Precondition['versions'] },
): Promise<Product> {
  const change = { by: requireAdmin(actor).id, reason: 'replaced', at: now() }
  const precondition = { revision: product.expectedRevision, versions }
  const replaced = await products.replace(id, toContent(product), precondition, product.stock, change)
  if (replaced) return replaced
  await readProduct({ products }, id)
  throw new AppError('STALE', 'This product has changed in the meantime: look again before changing it.')
}

/**
 * Archives a product permanently, so that it is no longer sold; admins only. Past orders still show it.
 *
 * @throws AppError `STALE` when the precondition fails, `NOT_FOUND` when the product is not on sale
 */
export async function archiveProduct(
  { products, now }: { products: Pick<ProductStore, 'archive' | 'find'>; now: () => Date },
  actor: Principal | undefined,
  { id, versions }: { id: string; versions?: Precondition['versions'] },
): Promise<void> {
  requireAdmin(actor)
  if (await products.archive(id, { versions }, now())) return
  await readProduct({ products }, id)
  throw new AppError('STALE', 'This product has changed in the meantime: look again before archiving it.')
}
