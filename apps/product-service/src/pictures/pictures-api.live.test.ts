import { createPrincipal } from '@halles/test-fixtures/principals'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { plainPicture } from '../../test/picture-fixture.ts'
import { startProductService, type ProductServiceFixture } from '../../test/service-fixture.ts'
import { createTransactionRunner } from '../transactions.ts'
import { createProductStore } from '../products/products.ts'
import { createPictureStore } from './pictures.ts'
import { removeUnusedPictures } from './remove-unused-pictures.ts'

let service: ProductServiceFixture
let jpeg: Buffer
beforeAll(async () => {
  service = await startProductService()
  jpeg = await plainPicture().jpeg().toBuffer()
})
afterAll(() => service.close())

type UploadOptions = { actor?: typeof service.admin | undefined; type?: string; query?: string; ifMatch?: string }

const upload = (id: string, picture: Buffer | undefined, options: UploadOptions = {}) => {
  const { actor = service.admin, type = 'image/jpeg', query = '', ifMatch } = options
  const headers = { ...(picture && { 'content-type': type }), ...(ifMatch && { 'if-match': ifMatch }) }
  return service.request(actor, 'PUT', `/products/${id}/picture${query}`, picture, headers)
}
const get = (image: string, headers: Record<string, string> = {}) =>
  service.app.inject({ url: image.replace('/api', ''), headers })
const pictureCount = () => service.db.collection('pictures').countDocuments()

describe('PUT /products/:id/picture', () => {
  let id: string
  beforeEach(async () => void (id = (await service.addProduct())._id))

  it('gives the product the picture as its image, which anyone can load in three sizes', async () => {
    const response = await upload(id, jpeg)
    expect(response.statusCode).toBe(200)
    const product = response.json()
    expect(product).toMatchObject({
      id,
      revision: 2,
      image: expect.stringMatching(/^\/api\/pictures\/[0-9a-f]{32}-1280\.webp$/),
    })
    expect(response.headers.etag).toBe(`"2-${product.stock}"`)
    for (const size of [320, 640, 1280]) {
      const picture = await get(product.image.replace('-1280', `-${size}`))
      expect(picture.statusCode).toBe(200)
      expect(picture.headers).toMatchObject({
        'content-type': 'image/webp',
        'cache-control': 'public, max-age=31536000, immutable',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "default-src 'none'",
      })
      expect(picture.rawPayload.subarray(8, 12).toString()).toBe('WEBP')
      const again = await get(product.image.replace('-1280', `-${size}`), {
        'if-none-match': `${picture.headers.etag}`,
      })
      expect([again.statusCode, again.body]).toEqual([304, ''])
    }
  })

  it('gives the same picture the same URL', async () => {
    const other = (await service.addProduct())._id
    const [one, two] = [(await upload(id, jpeg)).json(), (await upload(other, jpeg)).json()]
    expect(one.image).toBe(two.image)
    expect((await upload(id, await plainPicture({ color: '#123456' }).jpeg().toBuffer())).json().image).not.toBe(
      one.image,
    )
  })

  it.each([
    ['another expectedRevision', { query: '?expectedRevision=2' }],
    ['an If-Match of another version', { ifMatch: '"2-10"' }],
  ])('answers STALE for %s, and changes nothing', async (_name, options) => {
    const response = await upload(id, jpeg, options)
    expect([response.statusCode, response.json().code]).toEqual([412, 'STALE'])
    expect((await service.app.inject(`/products/${id}`)).json()).toMatchObject({ image: null, revision: 1 })
  })

  it('lets one of two concurrent uploads for the same revision win', async () => {
    const pictures = await Promise.all(['#111', '#eee'].map((color) => plainPicture({ color }).png().toBuffer()))
    const options = { query: '?expectedRevision=1', type: 'image/png' }
    const responses = await Promise.all(pictures.map((picture) => upload(id, picture, options)))
    expect(responses.map(({ statusCode }) => statusCode).toSorted((a, b) => a - b)).toEqual([200, 412])
  })

  it('is for admins only, and checks that before it reads the body', async () => {
    const large = Buffer.alloc(6_000_000)
    for (const [actor, code] of [
      [undefined, 'UNAUTHENTICATED'],
      [createPrincipal(), 'FORBIDDEN'],
    ] as const) {
      const headers = { 'content-type': 'image/jpeg' }
      expect((await service.request(actor, 'PUT', `/products/${id}/picture`, large, headers)).json()).toMatchObject({
        code,
      })
    }
  })

  it.each([
    ['image/svg+xml', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['image/gif', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['application/json', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['multipart/form-data; boundary=x', 415, 'UNSUPPORTED_MEDIA_TYPE'],
    ['image/png', 400, 'VALIDATION_FAILED'],
  ])('answers a body of type %s with %i %s', async (type, status, code) => {
    const response = await upload(id, Buffer.from('{}'), { type })
    expect([response.statusCode, response.json().code]).toEqual([status, code])
  })

  it('answers no body with 415, and one above 5 MB with 413', async () => {
    expect((await upload(id, undefined)).statusCode).toBe(415)
    const response = await upload(id, Buffer.alloc(5_242_881))
    expect([response.statusCode, response.json().code]).toEqual([413, 'PAYLOAD_TOO_LARGE'])
  })

  it('answers NOT_FOUND for a product that is not on sale, and stores nothing', async () => {
    const before = await pictureCount()
    const archived = await service.addProduct({ archived: true })
    const picture = await plainPicture({ color: '#00ff88' }).jpeg().toBuffer()
    for (const missing of [archived._id, 'nonsense'])
      expect((await upload(missing, picture)).json().code).toBe('NOT_FOUND')
    expect(await pictureCount()).toBe(before)
  })
})

describe('GET /pictures/:file', () => {
  it.each([
    `${'0'.repeat(32)}-640.webp`,
    `${'0'.repeat(32)}-641.webp`,
    `${'0'.repeat(32)}.webp`,
    'x',
    `${'0'.repeat(32)}-640.svg`,
  ])('answers %s with NOT_FOUND', async (file) => {
    expect((await get(`/pictures/${file}`)).json().code).toBe('NOT_FOUND')
  })
})

describe('pictures that no product has', () => {
  const inTwoHours = () => new Date(Date.now() + 7_200_000)
  const clean = async (now: () => Date) => {
    const { app, db } = service
    const products = await createProductStore(db, createTransactionRunner(db.client, app.log))
    await removeUnusedPictures({ pictures: await createPictureStore(db, now), products, log: app.log, now })
  }
  const uploadNew = async (id: string, color: string): Promise<string> =>
    (await upload(id, await plainPicture({ color }).jpeg().toBuffer())).json().image

  it('are removed an hour after their last use, those of archived products are not', async () => {
    const [{ _id: id }, { _id: archived }] = [await service.addProduct(), await service.addProduct()]
    const replaced = await uploadNew(id, '#010203')
    const present = await uploadNew(id, '#040506')
    const past = await uploadNew(archived, '#070809')
    await service.request(service.admin, 'DELETE', `/products/${archived}`)
    await clean(() => new Date())
    expect((await get(replaced)).statusCode).toBe(200)
    await clean(inTwoHours)
    expect((await get(replaced)).statusCode).toBe(404)
    for (const kept of [present, past]) expect((await get(kept)).statusCode).toBe(200)
  })

  it('cannot be given to a product once they are removed, and are kept when they were given before', async () => {
    const { _id: id, name, price, category } = await service.addProduct()
    const removed = await uploadNew(id, '#111213')
    const kept = await uploadNew(id, '#141516')
    await uploadNew(id, '#171819')
    const replace = (image: string) =>
      service.request(service.admin, 'PUT', `/products/${id}`, { name, price, category, image })
    const create = (image: string) =>
      service.request(service.admin, 'POST', '/products', { name, price, category, image })
    expect((await replace(kept)).statusCode).toBe(200)
    await clean(inTwoHours)
    expect((await get(kept)).statusCode).toBe(200)
    for (const response of [await replace(removed), await create(removed)]) {
      expect(response.statusCode).toBe(400)
      expect(response.json()).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: '/image' }] })
    }
  })

  it('are found without reading their files', async () => {
    const plan = await service.db
      .collection<{ _id: string }>('pictures')
      .find({ _id: { $gt: '' }, usedAt: { $lt: inTwoHours() } }, { projection: { _id: 1 } })
      .sort({ _id: 1 })
      .limit(200)
      .explain('executionStats')
    expect(plan.executionStats.totalDocsExamined).toBe(0)
    expect(plan.executionStats.nReturned).toBeGreaterThan(0)
  })
})
