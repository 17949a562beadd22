import sharp from 'sharp'

type Options = { width?: number; height?: number; color?: string }

/** Creates a picture of one colour. */
export const plainPicture = ({ width = 1600, height = 1200, color = '#c0392b' }: Options = {}) =>
  sharp({ create: { width, height, channels: 3, background: color } })

/** Creates a picture of random pixels, which compresses badly. */
export const noisePicture = (width: number, height: number) =>
  sharp({
    create: { width, height, channels: 3, background: '#000', noise: { type: 'gaussian', mean: 128, sigma: 60 } },
  })
