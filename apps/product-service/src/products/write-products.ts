import { requireAdmin, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { toContent, type CreateProduct, type Precondition, type Product, type ReplaceProduct } from './product.ts'
import type { PictureStore } from '../pictures/pictures.ts'
import { requirePicture } from '../pictures/set-picture.ts'
import type { ProductStore } from './products.ts'

type PictureDeps = { pictures: Pick<PictureStore, 'keep'>; now: () => Date }
import { readAnyProduct, readProduct } from './read-products.ts'

/**
 * Puts a new product on sale; admins only. Without `stock` in the input its stock is 0.
 *
 * @throws AppError `VALIDATION_FAILED` when its image is a picture that does not exist any more
 */
export async function createProduct(
  { products, pictures, newId, now }: PictureDeps & { products: Pick<ProductStore, 'add'>; newId: () => string },
  actor: Principal | undefined,
  input: CreateProduct,
): Promise<Product> {
  const { id: by } = requireAdmin(actor)
  const at = now()
  const content = toContent(input)
  await requirePicture({ pictures }, content.image)
  const product: Product = {
    _id: newId(),
    ...content,
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
 * @throws AppError `STALE` when the precondition fails, `NOT_FOUND` when the product is not on sale, `VALIDATION_FAILED` when its
 *   image is a picture that does not exist any more
 */
export async function replaceProduct(
  { products, pictures, now }: PictureDeps & { products: Pick<ProductStore, 'replace' | 'find'> },
  actor: Principal | undefined,
  { id, product, versions }: { id: string; product: ReplaceProduct; versions?: Precondition['versions'] },
): Promise<Product> {
  const change = { by: requireAdmin(actor).id, reason: 'replaced', at: now() }
  const precondition = { revision: product.expectedRevision, versions }
  const content = toContent(product)
  await requirePicture({ pictures }, content.image)
  const replaced = await products.replace(id, content, precondition, product.stock, change)
  if (replaced) return replaced
  await readProduct({ products }, id)
  throw new AppError('STALE', 'This product has changed in the meantime: look again before changing it.')
}

/**
 * Archives a product, so that it is no longer sold; admins only. Past orders still show it.
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

/**
 * Puts an archived product on sale again, with the stock that it has, and returns it; admins only. A product on sale stays as it is.
 *
 * @throws AppError `NOT_FOUND` for an unknown id
 */
export async function restoreProduct(
  { products, now }: { products: Pick<ProductStore, 'restore' | 'find'>; now: () => Date },
  actor: Principal | undefined,
  id: string,
): Promise<Product> {
  requireAdmin(actor)
  return (await products.restore(id, now())) ?? readAnyProduct({ products }, id)
}
