import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startProductService, type ProductServiceFixture } from '../../test/service-fixture.ts'
import { createStockFixture, findLedgerMismatches } from '../../test/stock-fixture.ts'
import { catalogue, demoProducts } from './catalogue.ts'

let service: ProductServiceFixture
beforeAll(async () => void (service = await startProductService({ DEMO_CATALOGUE: 'true' })))
afterAll(() => service.close())

const listAll = async (instance: ProductServiceFixture) =>
  (await instance.app.inject('/products?first=100&sort=name')).json()

describe('the demo catalogue', () => {
  it('has at least 60 products in several categories, each with a description, stock and an existing image', async () => {
    const { items, totalCount } = await listAll(service)
    expect(totalCount).toBeGreaterThanOrEqual(60)
    expect(new Set(items.map(({ category }: { category: string }) => category)).size).toBeGreaterThanOrEqual(6)
    for (const { description, stock, image, price } of items) {
      expect(description.length).toBeGreaterThan(10)
      expect(stock).toBeGreaterThan(0)
      expect(Number.isInteger(Math.round(price * 1e6) / 1e4)).toBe(true)
      expect((await service.app.inject(image)).statusCode).toBe(200)
    }
    expect(new Set(catalogue.map(({ slug }) => slug)).size).toBe(catalogue.length)
    expect(await service.findLedgerMismatches()).toEqual([])
  })

  it('is inserted once, with the same ids in every database, even by instances that start concurrently', async () => {
    const { items } = await listAll(service)
    for (let round = 0; round < 3; round++) {
      const database = uniqueDatabaseUrl(inject('mongodb'), 'product')
      const options = { database, DEMO_CATALOGUE: 'true' }
      const instances = await Promise.all([
        startProductService(options),
        startProductService(options),
        startProductService(options),
      ])
      expect((await listAll(instances[0])).items.map(({ id }: { id: string }) => id)).toEqual(items.map(({ id }: { id: string }) => id)) // prettier-ignore
      expect(await instances[0].findLedgerMismatches()).toEqual([])
      for (const instance of instances) await instance.close()
    }
  })

  it('is inserted by exactly one of several concurrent attempts', async () => {
    const database = uniqueDatabaseUrl(inject('mongodb'), 'product')
    const fixtures = await Promise.all(Array.from({ length: 4 }, () => createStockFixture(database)))
    for (let round = 0; round < 10; round++) {
      for (const name of ['products', 'movements']) await fixtures[0]!.db.collection(name).deleteMany()
      const filled = await Promise.all(fixtures.map(({ products }) => products.fillIfEmpty(demoProducts(new Date()))))
      expect(filled.filter(Boolean).length).toBe(1)
      expect(await fixtures[0]!.db.collection('products').countDocuments()).toBe(catalogue.length)
      expect(await findLedgerMismatches(fixtures[0]!.db)).toEqual([])
    }
    await fixtures[0]!.db.dropDatabase()
    await Promise.all(fixtures.map((fixture) => fixture.close()))
  })

  it('is not inserted into a catalogue that has or had a product', async () => {
    const database = uniqueDatabaseUrl(inject('mongodb'), 'product')
    const before = await startProductService({ database })
    await before.addProduct({ archived: true })
    const after = await startProductService({ database, DEMO_CATALOGUE: 'true' })
    expect((await listAll(after)).totalCount).toBe(0)
    await before.close()
    await after.close()
  })
})

describe('GET /images/:file', () => {
  const slug = catalogue[0]!.slug

  it('returns SVG that may be cached for a day, with a policy that forbids scripts', async () => {
    const response = await service.app.inject(`/images/${slug}.svg`)
    expect(response.headers).toMatchObject({
      'content-type': 'image/svg+xml; charset=utf-8',
      'cache-control': 'public, max-age=86400',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    })
    expect(response.body).toMatch(/^<svg /)
  })

  it('returns 304 without a body when If-None-Match names the ETag', async () => {
    const { etag } = (await service.app.inject(`/images/${slug}.svg`)).headers
    const second = await service.app.inject({ url: `/images/${slug}.svg`, headers: { 'if-none-match': `W/${etag}` } })
    expect([second.statusCode, second.body]).toEqual([304, ''])
    expect(second.headers).toMatchObject({ etag, 'cache-control': 'public, max-age=86400' })
  })

  it.each(['nothing.svg', slug, `${slug}.png`, '..%2fpackage.json', '__proto__', 'constructor'])(
    'returns NOT_FOUND for an unknown file: %s',
    async (file) => expect((await service.app.inject(`/images/${file}`)).json()).toMatchObject({ code: 'NOT_FOUND' }),
  )
})
