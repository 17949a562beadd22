import { newId } from '@halles/service/ids'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startProductService, type Running } from '../test/running.ts'

let shop: Running
beforeAll(async () => void (shop = await startProductService()))
afterAll(() => shop.close())

const wish = { name: 'Brie de Meaux', price: 9.05, category: 'Fromagerie' }
const get = (id: string, headers: Record<string, string> = {}) => shop.app.inject({ url: `/products/${id}`, headers })
const put = (id: string, ifMatch: string) => shop.request(shop.admin, 'PUT', `/products/${id}`, wish, { 'if-match': ifMatch }) // prettier-ignore

describe('POST /products', () => {
  it('says where the new product is', async () => {
    const answer = await shop.request(shop.admin, 'POST', '/products', wish)
    expect(answer.statusCode).toBe(201)
    const location = String(answer.headers.location)
    expect(location).toBe(`/products/${answer.json().id}`)
    expect((await shop.app.inject(location)).json()).toEqual(answer.json())
  })

  it.each([
    ['/id', { id: 'mine' }],
    ['/archived', { archived: true }],
    ['/price', { price: '9.05' }],
    ['/expectedRevision', { expectedRevision: 1 }],
  ])('refuses %s: %j', async (path, wrong) => {
    const answer = await shop.request(shop.admin, 'POST', '/products', { ...wish, ...wrong })
    expect(answer.json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED', errors: [{ path }] })
  })

  it('shows nothing of how it keeps a product', async () => {
    const answer = await shop.request(shop.admin, 'POST', '/products', wish)
    expect(Object.keys(answer.json())).toEqual(
      'id name description price category stock image revision createdAt updatedAt'.split(' '),
    )
  })
})

describe('a version', () => {
  it('that is known is not sent again', async () => {
    const { _id } = await shop.put()
    const { etag } = (await get(_id)).headers
    for (const header of [etag!, `W/${etag}`, `"other", ${etag}`, '*']) {
      const answer = await get(_id, { 'if-none-match': header })
      expect(answer.statusCode).toBe(304)
      expect(answer.body).toBe('')
      expect(answer.headers).toMatchObject({ etag, 'cache-control': 'no-cache' })
    }
    expect((await get(_id, { 'if-none-match': '"other"' })).statusCode).toBe(200)
  })

  it('is another after a sale, and after a change', async () => {
    const { _id } = await shop.put()
    const seen = [(await get(_id)).headers.etag]
    await shop.reserve(newId(), [{ productId: _id, quantity: 1 }])
    seen.push((await get(_id)).headers.etag)
    await shop.request(shop.admin, 'PUT', `/products/${_id}`, wish)
    seen.push((await get(_id)).headers.etag)
    expect(new Set(seen).size).toBe(3)
  })

  it('that If-Match does not name is STALE, for a change and for archiving', async () => {
    const { _id } = await shop.put()
    const { etag } = (await get(_id)).headers
    const remove = (ifMatch: string) =>
      shop.request(shop.admin, 'DELETE', `/products/${_id}`, undefined, { 'if-match': ifMatch })
    for (const header of ['"other"', `W/${etag}`, '"9-9"', 'nonsense', ''])
      for (const answer of [await put(_id, header), await remove(header)])
        expect(answer.json()).toMatchObject({ status: 412, code: 'STALE' })
    const changed = await put(_id, `"9-9", ${etag}`)
    expect(changed.statusCode).toBe(200)
    expect((await put(_id, etag!)).statusCode).toBe(412)
    expect((await put(_id, '*')).statusCode).toBe(200)
    expect((await remove(changed.headers.etag!)).statusCode).toBe(412)
    expect((await remove((await get(_id)).headers.etag!)).statusCode).toBe(204)
    expect((await put(_id, '*')).statusCode).toBe(404)
  })
})

it('the ledger is counted for the operator', async () => {
  const { _id } = await shop.put({ stock: 1 })
  const order = newId()
  await shop.reserve(order, [{ productId: _id, quantity: 1 }])
  await shop.reserve(newId(), [{ productId: _id, quantity: 1 }])
  await shop.release(order)
  const { body } = await shop.app.inject('/metrics')
  for (const outcome of ['held', 'refused'])
    expect(body).toMatch(new RegExp(`^stock_reservations_total\\{.*outcome="${outcome}".*\\} [1-9]`, 'm'))
  expect(body).toMatch(/^stock_releases_total\{.*\} [1-9]/m)
  expect(body).toMatch(/^stock_batch_size_count\{.*kind="reserve".*\} [1-9]/m)
})
