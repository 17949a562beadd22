import type { Db } from 'mongodb'
import { READ_TIMEOUT } from '../products/products.ts'
import { pictureSizes, type PictureFiles, type PictureSize } from './picture.ts'

/** A picture's document: three WebP files of at most 1280 by 1280 pixels, together far below MongoDB's 16 MB. */
type StoredPicture = {
  /** A digest of its content. */
  _id: string
  files: Record<`${PictureSize}`, Buffer>
  /** When it was uploaded or given to a product the last time. */
  usedAt: Date
}

export type PictureStore = Awaited<ReturnType<typeof createPictureStore>>

/** The pictures of products in MongoDB, by a digest of their content. */
export async function createPictureStore(db: Db, now: () => Date) {
  const pictures = db.collection<StoredPicture>('pictures')
  // Covers the search for unused pictures, which then reads no files.
  await pictures.createIndex({ _id: 1, usedAt: 1 })
  return {
    /** Stores a picture. It may be stored already. */
    save: async (id: string, files: PictureFiles): Promise<void> => {
      const byName = Object.fromEntries(pictureSizes.map((size) => [size, files[size]])) as StoredPicture['files']
      await pictures.updateOne(
        { _id: id },
        { $set: { usedAt: now() }, $setOnInsert: { files: byName } },
        { upsert: true },
      )
    },

    /** Returns one file of a picture, undefined when there is no such picture. */
    findFile: async (id: string, size: PictureSize): Promise<Buffer | undefined> => {
      const options = { projection: { [`files.${size}`]: 1 }, promoteBuffers: true, maxTimeMS: READ_TIMEOUT }
      return (await pictures.findOne({ _id: id }, options))?.files[size]
    },

    /** Notes that a product is about to get this picture: it will not be removed within the next hour. False when it does not exist. */
    keep: async (id: string): Promise<boolean> =>
      (await pictures.updateOne({ _id: id }, { $set: { usedAt: now() } })).matchedCount === 1,

    /** Up to `limit` ids of pictures after an id, by id, which were used for the last time before then. */
    findUsedBefore: async (before: Date, after: string, limit: number): Promise<string[]> => {
      const found = await pictures
        .find({ _id: { $gt: after }, usedAt: { $lt: before } }, { projection: { _id: 1 } })
        .sort({ _id: 1 })
        .limit(limit)
        .toArray()
      return found.map(({ _id }) => _id)
    },

    /** Removes pictures, except those that were used since then. Returns how many it removed. */
    remove: async (ids: readonly string[], before: Date): Promise<number> =>
      (await pictures.deleteMany({ _id: { $in: [...ids] }, usedAt: { $lt: before } })).deletedCount,
  }
}
