import { newId } from '@halles/mongo/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startProductService, type ProductServiceFixture } from '../test/service-fixture.ts'

let service: ProductServiceFixture
beforeAll(async () => void (service = await startProductService()))
afterAll(() => service.close())

const input = { name: 'Brie de Meaux', price: 9.05, category: 'Fromagerie' }
const get = (id: string, headers: Record<string, string> = {}) =>
  service.app.inject({ url: `/products/${id}`, headers })
const put = (id: string, ifMatch: string) => service.request(service.admin, 'PUT', `/products/${id}`, input, { 'if-match': ifMatch }) // prettier-ignore

describe('POST /products', () => {
  it('returns 201 with the Location of the new product', async () => {
    const response = await service.request(service.admin, 'POST', '/products', input)
    expect(response.statusCode).toBe(201)
    const location = String(response.headers.location)
    expect(location).toBe(`/products/${response.json().id}`)
    expect((await service.app.inject(location)).json()).toEqual(response.json())
  })

  it.each([
    ['/id', { id: 'mine' }],
    ['/archived', { archived: true }],
    ['/price', { price: '9.05' }],
    ['/expectedRevision', { expectedRevision: 1 }],
  ])('refuses %s: %j', async (path, invalid) => {
    const response = await service.request(service.admin, 'POST', '/products', { ...input, ...invalid })
    expect(response.json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED', errors: [{ path }] })
  })

  it('returns no internal fields of the stored product', async () => {
    const response = await service.request(service.admin, 'POST', '/products', input)
    expect(Object.keys(response.json())).toEqual(
      'id name description price category stock image revision archived createdAt updatedAt'.split(' '),
    )
  })
})

describe('the ETag of a product', () => {
  it('gives 304 without a body when If-None-Match names it', async () => {
    const { _id } = await service.addProduct()
    const { etag } = (await get(_id)).headers
    for (const header of [etag!, `W/${etag}`, `"other", ${etag}`, '*']) {
      const response = await get(_id, { 'if-none-match': header })
      expect(response.statusCode).toBe(304)
      expect(response.body).toBe('')
      expect(response.headers).toMatchObject({ etag, 'cache-control': 'no-cache' })
    }
    expect((await get(_id, { 'if-none-match': '"other"' })).statusCode).toBe(200)
  })

  it('changes with a sale and with a change of content', async () => {
    const { _id } = await service.addProduct()
    const etags = [(await get(_id)).headers.etag]
    await service.reserve(newId(), [{ productId: _id, quantity: 1 }])
    etags.push((await get(_id)).headers.etag)
    await service.request(service.admin, 'PUT', `/products/${_id}`, input)
    etags.push((await get(_id)).headers.etag)
    expect(new Set(etags).size).toBe(3)
  })

  it('gives STALE to a PUT or DELETE whose If-Match does not name it', async () => {
    const { _id } = await service.addProduct()
    const { etag } = (await get(_id)).headers
    const remove = (ifMatch: string) =>
      service.request(service.admin, 'DELETE', `/products/${_id}`, undefined, { 'if-match': ifMatch })
    for (const header of ['"other"', `W/${etag}`, '"9-9"', 'nonsense', ''])
      for (const response of [await put(_id, header), await remove(header)])
        expect(response.json()).toMatchObject({ status: 412, code: 'STALE' })
    const changed = await put(_id, `"9-9", ${etag}`)
    expect(changed.statusCode).toBe(200)
    expect((await put(_id, etag!)).statusCode).toBe(412)
    expect((await put(_id, '*')).statusCode).toBe(200)
    expect((await remove(changed.headers.etag!)).statusCode).toBe(412)
    expect((await remove((await get(_id)).headers.etag!)).statusCode).toBe(204)
    expect((await put(_id, '*')).statusCode).toBe(404)
  })
})

it('GET /metrics counts reservations, releases and batches', async () => {
  const { _id } = await service.addProduct({ stock: 1 })
  const order = newId()
  await service.reserve(order, [{ productId: _id, quantity: 1 }])
  await service.reserve(newId(), [{ productId: _id, quantity: 1 }])
  await service.release(order)
  const { body } = await service.app.inject('/metrics')
  for (const outcome of ['held', 'refused'])
    expect(body).toMatch(new RegExp(`^stock_reservations_total\\{.*outcome="${outcome}".*\\} [1-9]`, 'm'))
  expect(body).toMatch(/^stock_releases_total\{.*\} [1-9]/m)
  expect(body).toMatch(/^stock_batch_size_count\{.*kind="reserve".*\} [1-9]/m)
})

describe('searches beyond what the service takes at a time', () => {
  it('are answered 503 with Retry-After, while products are read by id', async () => {
    const { id } = (await service.request(service.admin, 'POST', '/products', input)).json()
    const urls = ['/products?q=b', '/products?q=b&inStock=true', '/products?inStock=false']
    const searching = Promise.all(Array.from({ length: 150 }, (_, i) => service.app.inject(urls[i % urls.length]!)))
    const read = await get(id)
    expect(read.statusCode).toBe(200)
    const searches = await searching
    const refusals = searches.filter(({ statusCode }) => statusCode !== 200)
    expect(searches.length - refusals.length).toBeGreaterThan(0)
    expect(refusals.filter(({ statusCode }) => statusCode === 503).length).toBeGreaterThan(0)
    for (const refused of refusals) {
      // On a busy machine some are 504, because they waited in the queue for too long.
      expect(['UNAVAILABLE', 'TIMEOUT']).toContain(refused.json().code)
      expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    }
    expect((await service.app.inject('/products?q=b')).statusCode).toBe(200)
  })
})

describe('reading products', () => {
  it('limits how long MongoDB works on each query', async () => {
    const { id } = (await service.request(service.admin, 'POST', '/products', input)).json()
    const { db } = service
    await db.command({ profile: 2 })
    await get(id)
    await service.app.inject('/products?q=brie&first=1')
    await service.app.inject('/products?inStock=false')
    await service.graphql(undefined, '{ categories { name } }')
    await db.command({ profile: 0 })
    const queries = await db
      .collection('system.profile')
      .find({ ns: `${db.databaseName}.products`, 'command.lsid': { $exists: true } })
      .toArray()
    expect(queries.length).toBeGreaterThanOrEqual(6)
    for (const { command } of queries) expect(command).toMatchObject({ maxTimeMS: 3000 })
  })
})
