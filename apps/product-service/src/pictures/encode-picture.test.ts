import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { noisePicture, plainPicture } from '../../test/picture-fixture.ts'
import { createPictureEncoder } from './encode-picture.ts'
import { pictureFaults, pictureSizes } from './picture.ts'

const encode = createPictureEncoder()
const svg = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10"><rect width="10" height="10"/></svg>'

const rejection = async (picture: Promise<Buffer> | Buffer) => {
  const error: any = await encode(await picture).catch((reason: unknown) => reason)
  return { code: error.code, errors: error.errors }
}
const rejectedAs = (fault: keyof typeof pictureFaults) => ({
  code: 'VALIDATION_FAILED',
  errors: [{ path: '/picture', message: pictureFaults[fault] }],
})

describe('the picture encoder', () => {
  it.each(['jpeg', 'png', 'webp'] as const)('encodes a %s in each size as WebP', async (format) => {
    const files = await encode(await plainPicture({ width: 1600, height: 1200 }).toFormat(format).toBuffer())
    for (const size of pictureSizes)
      expect(await sharp(files[size]).metadata()).toMatchObject({
        format: 'webp',
        width: size,
        height: (size * 3) / 4,
        space: 'srgb',
      })
  })

  it('keeps small pictures as they are, and transparency', async () => {
    const create = { width: 200, height: 100, channels: 4, background: '#ff000080' } as const
    const files = await encode(await sharp({ create }).png().toBuffer())
    for (const size of pictureSizes)
      expect(await sharp(files[size]).metadata()).toMatchObject({ width: 200, height: 100, hasAlpha: true })
  })

  it('turns a photo upright, and removes its position and all other metadata', async () => {
    const gps = { IFD0: { Copyright: 'Someone' }, IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '48/1 51/1 24/1' } }
    const photo = await plainPicture({ width: 200, height: 100 })
      .withExif(gps)
      .withMetadata({ orientation: 6 })
      .withXmp('<x:xmpmeta xmlns:x="adobe:ns:meta/"/>')
      .jpeg()
      .toBuffer()
    expect((await sharp(photo).metadata()).orientation).toBe(6)
    for (const file of Object.values(await encode(photo))) {
      const { width, height, orientation, exif, icc, xmp, iptc } = await sharp(file).metadata()
      expect({ width, height, orientation, exif, icc, xmp, iptc }).toEqual({ width: 100, height: 200 })
    }
  })

  it.each([
    ['no bytes', Buffer.alloc(0)],
    ['text', Buffer.from('a picture')],
    ['SVG', Buffer.from(svg)],
    ['HTML', Buffer.from('<!doctype html><script>alert(1)</script>')],
    ['a GIF', plainPicture({ width: 10, height: 10 }).gif().toBuffer()],
    ['a TIFF', plainPicture({ width: 10, height: 10 }).tiff().toBuffer()],
    ['AVIF', plainPicture({ width: 64, height: 64 }).avif().toBuffer()],
    [
      'half a JPEG',
      noisePicture(300, 300)
        .jpeg()
        .toBuffer()
        .then((jpeg) => jpeg.subarray(0, jpeg.length / 2)),
    ],
  ])('rejects %s', async (_name, picture) => {
    expect(await rejection(picture)).toEqual(rejectedAs('unreadable'))
  })

  it('rejects an animation', async () => {
    const frames = await noisePicture(20, 60).raw().toBuffer()
    const raw = { width: 20, height: 60, channels: 3, pageHeight: 20 } as const
    const animation = await sharp(frames, { raw })
      .webp({ delay: [100, 100, 100] })
      .toBuffer()
    expect((await sharp(animation).metadata()).pages).toBe(3)
    expect(await rejection(animation)).toEqual(rejectedAs('animated'))
  })

  it('rejects a decompression bomb', async () => {
    const bomb = await plainPicture({ width: 8000, height: 5001 }).png({ compressionLevel: 9 }).toBuffer()
    expect(bomb.length).toBeLessThan(500_000)
    expect(await rejection(bomb)).toEqual(rejectedAs('large'))
  })

  it('serves nothing of what is appended to a picture', async () => {
    const picture = await plainPicture().jpeg().toBuffer()
    const polyglot = Buffer.concat([picture, Buffer.from('<script>alert(1)</script>'), Buffer.from('PK')])
    expect(await encode(polyglot)).toEqual(await encode(picture))
  })

  it('gives a picture of noise less than a megabyte in its largest size', async () => {
    const files = await encode(await noisePicture(1400, 1400).jpeg({ quality: 90 }).toBuffer())
    expect(files[1280].length).toBeLessThan(1_048_576)
  })

  it('has at most four pictures open, and works on others once they are done', async () => {
    const picture = await plainPicture({ width: 100, height: 100 }).png().toBuffer()
    const results = await Promise.allSettled(Array.from({ length: 6 }, () => encode(picture)))
    expect(results.map(({ status }) => status)).toEqual([...Array(4).fill('fulfilled'), ...Array(2).fill('rejected')])
    expect(results[5]).toMatchObject({ reason: { code: 'UNAVAILABLE' } })
    expect(Object.keys(await encode(picture))).toEqual(pictureSizes.map(String))
  })
})

describe('the process of a picture', () => {
  let folder: string
  beforeAll(async () => void (folder = await mkdtemp(path.join(tmpdir(), 'halles-picture-'))))
  afterAll(() => rm(folder, { recursive: true }))

  let programs = 0
  const encoderOf = async (source: string, timeout?: number) => {
    const file = path.join(folder, `program-${programs++}.mjs`)
    await writeFile(file, source)
    return createPictureEncoder({ program: pathToFileURL(file), ...(timeout && { timeout }) })
  }
  const picture = Buffer.from('x')

  it('is killed when it takes too long', async () => {
    const hang = await encoderOf('process.on("message", () => {}); setInterval(() => {}, 1000)', 300)
    await expect(hang(picture)).rejects.toMatchObject({ code: 'TIMEOUT' })
  })

  it('may crash: the picture is rejected', async () => {
    const crash = await encoderOf('process.once("message", () => process.abort())')
    await expect(crash(picture)).rejects.toMatchObject(rejectedAs('unreadable'))
  })

  it('has nothing of the environment of the service', async () => {
    const environment = `process.once('message', () =>
      process.send({ files: Object.keys(process.env).filter((name) => !name.startsWith('NODE_CHANNEL')) }, () =>
        process.disconnect()))`
    expect(await (await encoderOf(environment))(picture)).toEqual([])
  })
})
