import type { Logger } from '@halles/telemetry/log'
import type { ProductStore } from '../products/products.ts'
import { toPicturePath } from './picture.ts'
import type { PictureStore } from './pictures.ts'

/** How long a picture is kept that no product has, in milliseconds: longer than from its upload until a product has it. */
const GRACE_PERIOD = 3_600_000
/** How many pictures are looked at in one query. */
const BATCH_SIZE = 200

type Deps = {
  pictures: Pick<PictureStore, 'findUsedBefore' | 'remove'>
  products: Pick<ProductStore, 'findImages'>
  log: Pick<Logger, 'info'>
  now: () => Date
}

/**
 * Removes the pictures that no product has, archived ones included, and that none was given in the last hour. It may run in several
 * instances at a time.
 */
export async function removeUnusedPictures({ pictures, products, log, now }: Deps): Promise<void> {
  const before = new Date(now().getTime() - GRACE_PERIOD)
  let removed = 0
  for (let last = ''; ;) {
    const ids = await pictures.findUsedBefore(before, last, BATCH_SIZE)
    if (ids.length > 0) {
      const used = await products.findImages(ids.map(toPicturePath))
      const unused = ids.filter((id) => !used.has(toPicturePath(id)))
      if (unused.length > 0) removed += await pictures.remove(unused, before)
    }
    if (ids.length < BATCH_SIZE) break
    last = ids.at(-1)!
  }
  if (removed > 0) log.info({ removed }, 'removed pictures that no product has')
}
