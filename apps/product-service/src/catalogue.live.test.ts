import { ownDatabase } from '@halles/testkit/database'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { ledgerOn, misfitsIn } from '../test/ledger.ts'
import { startProductService, type Running } from '../test/running.ts'
import { catalogue, catalogueProducts } from './catalogue.ts'

let shop: Running
beforeAll(async () => void (shop = await startProductService({ DEMO_CATALOGUE: 'true' })))
afterAll(() => shop.close())

const all = async (of: Running) => (await of.app.inject('/products?first=100&sort=name')).json()

describe('the demo market', () => {
  it('has at least 60 products in several categories, each with words, stock and a picture that is there', async () => {
    const { items, totalCount } = await all(shop)
    expect(totalCount).toBeGreaterThanOrEqual(60)
    expect(new Set(items.map(({ category }: { category: string }) => category)).size).toBeGreaterThanOrEqual(6)
    for (const { description, stock, image, price } of items) {
      expect(description.length).toBeGreaterThan(10)
      expect(stock).toBeGreaterThan(0)
      expect(Number.isInteger(Math.round(price * 1e6) / 1e4)).toBe(true)
      expect((await shop.app.inject(image)).statusCode).toBe(200)
    }
    expect(new Set(catalogue.map(({ slug }) => slug)).size).toBe(catalogue.length)
    expect(await shop.misfits()).toEqual([])
  })

  it('is filled once, with the same ids everywhere, even by instances that start at once', async () => {
    const { items } = await all(shop)
    for (let round = 0; round < 3; round++) {
      const database = ownDatabase(inject('mongodb'), 'product')
      const demo = { database, DEMO_CATALOGUE: 'true' }
      const together = await Promise.all([
        startProductService(demo),
        startProductService(demo),
        startProductService(demo),
      ])
      expect((await all(together[0])).items.map(({ id }: { id: string }) => id)).toEqual(items.map(({ id }: { id: string }) => id)) // prettier-ignore
      expect(await together[0].misfits()).toEqual([])
      for (const each of together) await each.close()
    }
  })

  it('is filled by exactly one of those that try at the same moment', async () => {
    const database = ownDatabase(inject('mongodb'), 'product')
    const ledgers = await Promise.all(Array.from({ length: 4 }, () => ledgerOn(database)))
    for (let round = 0; round < 10; round++) {
      for (const name of ['products', 'movements']) await ledgers[0]!.db.collection(name).deleteMany()
      const filled = await Promise.all(ledgers.map(({ products }) => products.fill(catalogueProducts(new Date()))))
      expect(filled.filter(Boolean).length).toBe(1)
      expect(await ledgers[0]!.db.collection('products').countDocuments()).toBe(catalogue.length)
      expect(await misfitsIn(ledgers[0]!.db)).toEqual([])
    }
    await ledgers[0]!.db.dropDatabase()
    await Promise.all(ledgers.map((ledger) => ledger.close()))
  })

  it('does not come back when an admin has cleared it, nor where something is sold already', async () => {
    const database = ownDatabase(inject('mongodb'), 'product')
    const before = await startProductService({ database })
    await before.put({ archived: true })
    const after = await startProductService({ database, DEMO_CATALOGUE: 'true' })
    expect((await all(after)).totalCount).toBe(0)
    await before.close()
    await after.close()
  })
})

describe('a picture', () => {
  const slug = catalogue[0]!.slug

  it('is SVG that runs nothing, to be kept for a day', async () => {
    const answer = await shop.app.inject(`/images/${slug}.svg`)
    expect(answer.headers).toMatchObject({
      'content-type': 'image/svg+xml; charset=utf-8',
      'cache-control': 'public, max-age=86400',
      'x-content-type-options': 'nosniff',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    })
    expect(answer.body).toMatch(/^<svg /)
  })

  it('that is known is not sent again', async () => {
    const { etag } = (await shop.app.inject(`/images/${slug}.svg`)).headers
    const again = await shop.app.inject({ url: `/images/${slug}.svg`, headers: { 'if-none-match': `W/${etag}` } })
    expect([again.statusCode, again.body]).toEqual([304, ''])
    expect(again.headers).toMatchObject({ etag, 'cache-control': 'public, max-age=86400' })
  })

  it.each(['nothing.svg', slug, `${slug}.png`, '..%2fpackage.json', '__proto__', 'constructor'])(
    'that is none is NOT_FOUND: %s',
    async (file) => expect((await shop.app.inject(`/images/${file}`)).json()).toMatchObject({ code: 'NOT_FOUND' }),
  )
})
