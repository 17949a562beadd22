import { createHash } from 'node:crypto'

// The process that decodes pictures imports this file, so it imports no workspace package.

/** The largest picture that can be uploaded, in bytes: a photo of a phone with 12 megapixels has 3 to 5 MB. */
export const MAX_PICTURE_BYTES = 5_242_880

/** The most pixels of an uploaded picture. Decoded, they take 4 bytes each. */
export const MAX_PIXELS = 40_000_000

/** The formats of pictures that can be uploaded, by their media type. SVG is not one: it is a document with scripts. */
export const pictureTypes = ['image/jpeg', 'image/png', 'image/webp'] as const

/** The sizes in which a picture is served: the most pixels of its width and of its height. Smaller ones are not enlarged. */
export const pictureSizes = [320, 640, 1280] as const
export type PictureSize = (typeof pictureSizes)[number]

/** A picture in its sizes, as WebP files. */
export type PictureFiles = Record<PictureSize, Buffer>

/** Why a file is no picture that can be shown. */
export const pictureFaults = {
  unreadable: 'is not a JPEG, PNG or WebP picture, or is damaged',
  animated: 'must not be animated',
  large: `must have at most ${MAX_PIXELS / 1_000_000} million pixels`,
} as const
export type PictureFault = keyof typeof pictureFaults

const FOLDER = '/api/pictures/'
const LARGEST = pictureSizes.at(-1)!

/** The id of a picture: a digest of its largest file, so that its URLs never change their content. */
export const toPictureId = (files: PictureFiles): string =>
  createHash('sha256').update(files[LARGEST]).digest('hex').slice(0, 32)

/** The path of a picture at the gateway, which becomes the image of a product: that of its largest size. */
export const toPicturePath = (id: string): string => `${FOLDER}${id}-${LARGEST}.webp`

/** Parses the name of a picture's file; undefined when it is none. */
export function parsePictureFile(file: string): { id: string; size: PictureSize } | undefined {
  const [, id, digits] = /^([0-9a-f]{32})-(\d+)\.webp$/.exec(file) ?? []
  const size = pictureSizes.find((one) => String(one) === digits)
  return id === undefined || size === undefined ? undefined : { id, size }
}

/** The id of the picture that the image of a product is; undefined for an image from elsewhere. */
export const pictureIdOf = (image: string | null): string | undefined =>
  image?.startsWith(FOLDER) ? parsePictureFile(image.slice(FOLDER.length))?.id : undefined
