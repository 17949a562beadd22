// The process that encode-picture.ts starts for one picture: it receives the uploaded file, sends the picture in its sizes, or why
// it has none, and ends. Decoders work on bytes of strangers here, apart from the service's secrets, connections and memory.
import sharp from 'sharp'
import { MAX_PIXELS, pictureSizes, type PictureFault, type PictureFiles } from './picture.ts'

export type PictureResult = { files: PictureFiles } | { fault: PictureFault }

/** Quality of WebP, 0 to 100: above it the files grow faster than they get better. */
const QUALITY = 80

sharp.cache(false)
sharp.concurrency(1)
// Bytes that pretend to be a JPEG never reach another decoder, such as that of SVG, PDF or TIFF.
sharp.block({ operation: ['VipsForeignLoad'] })
sharp.unblock({
  operation: ['VipsForeignLoadJpegBuffer', 'VipsForeignLoadPngBuffer', 'VipsForeignLoadWebpBuffer'],
})

const fitting = (size: number) => ({ width: size, height: size, fit: 'inside', withoutEnlargement: true }) as const

/** Decodes a picture, turns it upright, and encodes it again in each size as WebP in sRGB, without metadata. */
async function encode(input: Uint8Array): Promise<PictureResult> {
  try {
    const source = sharp(input, { limitInputPixels: MAX_PIXELS, failOn: 'error', autoOrient: true })
    const { pages = 1, width, height } = await source.metadata()
    if (pages > 1) return { fault: 'animated' }
    if (width * height > MAX_PIXELS) return { fault: 'large' }
    const { data, info } = await source
      .resize(fitting(pictureSizes.at(-1)!))
      .toColourspace('srgb')
      .raw()
      .toBuffer({ resolveWithObject: true })
    const files = await Promise.all(
      pictureSizes.map(async (size) => [
        size,
        await sharp(data, { raw: info }).resize(fitting(size)).webp({ quality: QUALITY }).toBuffer(),
      ]),
    )
    return { files: Object.fromEntries(files) as PictureFiles }
  } catch (error) {
    return { fault: String(error).includes('pixel limit') ? 'large' : 'unreadable' }
  }
}

process.once('message', (input: Uint8Array) => {
  void encode(input).then((result) => process.send!(result, () => process.disconnect()))
})
