import { requireAdmin, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import type { Precondition, Product } from '../products/product.ts'
import type { ProductStore } from '../products/products.ts'
import { readProduct } from '../products/read-products.ts'
import { pictureIdOf, toPictureId, toPicturePath, type PictureFiles } from './picture.ts'
import type { PictureStore } from './pictures.ts'

type Deps = {
  products: Pick<ProductStore, 'setImage' | 'find'>
  pictures: Pick<PictureStore, 'save'>
  encodePicture: (picture: Buffer) => Promise<PictureFiles>
  now: () => Date
}

/**
 * Gives a product an uploaded picture as its image, and returns the product; admins only. The picture is decoded and encoded
 * again in several sizes, without its metadata.
 *
 * @throws AppError `VALIDATION_FAILED` for what is no picture; `STALE` when the precondition fails; `NOT_FOUND` when the product is
 *   not on sale; `UNAVAILABLE` and `TIMEOUT` when too many pictures are uploaded
 */
export async function setPicture(
  { products, pictures, encodePicture, now }: Deps,
  actor: Principal | undefined,
  { id, picture, precondition }: { id: string; picture: Buffer; precondition: Precondition },
): Promise<Product> {
  requireAdmin(actor)
  await readProduct({ products }, id)
  const files = await encodePicture(picture)
  const pictureId = toPictureId(files)
  await pictures.save(pictureId, files)
  const product = await products.setImage(id, toPicturePath(pictureId), precondition, now())
  if (product) return product
  await readProduct({ products }, id)
  throw new AppError('STALE', 'This product has changed in the meantime: look again before changing its picture.')
}

/**
 * Checks that the picture which a product's image names exists, and keeps it from being removed; does nothing for an image from
 * elsewhere.
 *
 * @throws AppError `VALIDATION_FAILED`
 */
export async function requirePicture(
  { pictures }: { pictures: Pick<PictureStore, 'keep'> },
  image: string | null,
): Promise<void> {
  const id = pictureIdOf(image)
  if (id === undefined || (await pictures.keep(id))) return
  throw new AppError('VALIDATION_FAILED', 'This picture does not exist any more: upload it again.', {
    errors: [{ path: '/image', message: 'names a picture that does not exist any more' }],
  })
}
