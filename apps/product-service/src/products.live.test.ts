import { newId } from '@halles/service/ids'
import { someone } from '@halles/testkit/people'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { doors } from '../test/doors.ts'
import { startProductService, type Running } from '../test/running.ts'

let shop: Running
beforeAll(async () => void (shop = await startProductService()))
afterEach(async () => expect(await shop.misfits()).toEqual([]))
afterAll(() => shop.close())

const wish = { name: 'Comté 18 mois', price: 24.9, category: 'Fromagerie' }
const whole = { ...wish, description: 'Du Jura.', image: '/images/comte.svg', stock: 12 }
const movementsOf = (productId: string) =>
  shop.db.collection('movements').find({ productId }).sort({ _id: 1 }).toArray()

describe.each(['REST', 'GraphQL'] as const)('through %s', (name) => {
  const door = () => doors[name](shop)
  const created = async (more: object = {}) => (await door().create(shop.admin, { ...wish, ...more })).value

  it('a product is put on sale, and read again by anyone', async () => {
    const { value } = await door().create(shop.admin, whole)
    expect(value).toMatchObject({ ...whole, id: expect.any(String), revision: 1, createdAt: expect.any(String) })
    expect(await door().read(value.id)).toEqual({ value })
  })

  it('what is optional is null, or nothing in stock, and text is trimmed', async () => {
    const { value } = await door().create(shop.admin, { ...wish, name: ' Brie ', description: '  ' })
    expect(value).toMatchObject({ name: 'Brie', description: null, image: null, stock: 0 })
  })

  it('only an admin changes the catalogue, and no one else hears what is wrong with the wish', async () => {
    const { id } = await created()
    for (const [who, code] of [
      [undefined, 'UNAUTHENTICATED'],
      [someone(), 'FORBIDDEN'],
    ] as const)
      // prettier-ignore
      for (const answer of [
        await door().create(who, { ...wish, price: -1 }),
        await door().replace(who, id, wish),
        await door().replace(who, newId(), wish),
        await door().adjust(who, id, { delta: 1, reason: 'x' }),
        await door().archive(who, id),
      ])
        expect(answer).toEqual({ code })
    expect((await door().read(id)).value.revision).toBe(1)
  })

  it('what is not on sale is NOT_FOUND, whatever its id looks like', async () => {
    for (const id of [newId(), 'nonsense', '%00', '$ne', 'x'.repeat(300)]) {
      const path = encodeURIComponent(id)
      const at = name === 'REST' ? path : id
      expect(await door().read(at)).toEqual({ code: 'NOT_FOUND' })
      expect(await door().replace(shop.admin, at, wish)).toEqual({ code: 'NOT_FOUND' })
      expect(await door().adjust(shop.admin, at, { delta: 1, reason: 'x' })).toEqual({ code: 'NOT_FOUND' })
      expect(await door().archive(shop.admin, at)).toEqual({ code: 'NOT_FOUND' })
    }
  })

  it.each([
    ['/name', { name: '' }],
    ['/name', { name: '   ' }],
    ['/name', { name: 'x'.repeat(201) }],
    ['/name', { name: 'a\nb' }],
    ['/category', { category: 'x'.repeat(61) }],
    ['/description', { description: 'x'.repeat(5001) }],
    ['/price', { price: -0.01 }],
    ['/price', { price: 1_000_000 }],
    ['/price', { price: 1.005 }],
    ['/stock', { stock: -1 }],
    ['/stock', { stock: 1_000_001 }],
    ['/image', { image: '//evil.example/a.png' }],
    ['/image', { image: String.raw`/\evil.example/a.png` }],
    ['/image', { image: 'javascript:alert(1)' }],
    ['/image', { image: 'http://plain.example/a.png' }],
    ['/image', { image: 'data:image/svg+xml,<svg/>' }],
    ['/image', { image: 'https://' }],
    ['/image', { image: 'https://user@host/a' }],
    ['/image', { image: 'https://host/a\tb' }],
    ['/image', { image: '/a\u0000b' }],
    ['/image', { image: '/a"onerror="x' }],
    ['/image', { image: 'images/a.svg' }],
  ])('%s is checked: %j', async (path, wrong) => {
    const refused = { code: 'VALIDATION_FAILED', paths: [path] }
    expect(await door().create(shop.admin, { ...wish, ...wrong })).toEqual(refused)
    const { id } = await created()
    expect(await door().replace(shop.admin, id, { ...wish, ...wrong })).toEqual(refused)
  })

  it.each(['https://img.example', 'https://img.example:8443/a/b.png?w=400#x', '/images/comté.svg', '/'])(
    'an image may be %s',
    async (image) => expect((await created({ image })).image).toBe(image),
  )

  it('replacing makes null of what is left out, except the stock, which stays', async () => {
    const { id, createdAt } = await created(whole)
    const { value } = await door().replace(shop.admin, id, { ...wish, price: 26 })
    expect(value).toMatchObject({ price: 26, description: null, image: null, stock: 12, revision: 2, createdAt })
    expect(await door().read(id)).toEqual({ value })
    expect((await movementsOf(id)).map(({ kind }) => kind)).toEqual(['opening'])
  })

  it('stock that is set is an adjustment, in the ledger with who and when', async () => {
    const { id } = await created(whole)
    expect((await door().replace(shop.admin, id, { ...wish, stock: 5 })).value.stock).toBe(5)
    expect(await movementsOf(id)).toMatchObject([
      { kind: 'opening', delta: 12, by: shop.admin.id },
      { kind: 'adjustment', delta: -7, by: shop.admin.id, at: expect.any(Date) },
    ])
  })

  it('a sale between reading and replacing is not undone', async () => {
    const { id } = await created({ stock: 1000 })
    const sales = Array.from({ length: 60 }, () => shop.reserve(newId(), [{ productId: id, quantity: 1 }]))
    const changes = Array.from({ length: 6 }, (_, i) =>
      door().replace(shop.admin, id, { ...wish, ...(i % 2 === 0 && { stock: 500 }) }),
    )
    const [sold] = await Promise.all([Promise.all(sales), Promise.all(changes)])
    expect(sold.every(({ reservation }) => reservation?.shortages.length === 0)).toBe(true)
    const { value } = await door().read(id)
    expect(value.revision).toBe(7)
    expect(value.stock).toBeLessThanOrEqual(500) // and exactly right: the ledger is summed after each test
  })

  it('an expected revision that does not fit is STALE, and of two at once one wins', async () => {
    const { id } = await created()
    expect(await door().replace(shop.admin, id, { ...wish, expectedRevision: 2 })).toEqual({ code: 'STALE' })
    const both = await Promise.all([1, 2].map((price) => door().replace(shop.admin, id, { ...wish, price, expectedRevision: 1 }))) // prettier-ignore
    expect(both.filter(({ code }) => code === 'STALE').length).toBe(1)
    expect((await door().read(id)).value.revision).toBe(2)
  })

  it('stock is added and taken, for a reason that is kept, and is no change of content', async () => {
    const { id, updatedAt } = await created({ stock: 3 })
    expect((await door().adjust(shop.admin, id, { delta: 9, reason: 'livraison' })).value.stock).toBe(12)
    const { value } = await door().adjust(shop.admin, id, { delta: -12, reason: ' casse ' })
    expect(value).toMatchObject({ stock: 0, revision: 1, updatedAt })
    expect((await movementsOf(id)).map(({ delta, reason }) => [delta, reason])).toEqual([
      [3, null],
      [9, 'livraison'],
      [-12, 'casse'],
    ])
  })

  it.each([
    [{ delta: 0, reason: 'x' }, 'VALIDATION_FAILED'],
    [{ delta: 999_998, reason: 'x' }, 'VALIDATION_FAILED'],
    [{ delta: 1_000_001, reason: 'x' }, 'VALIDATION_FAILED'],
    [{ delta: -4, reason: 'x' }, 'INSUFFICIENT_STOCK'],
  ])('an adjustment of 3 by %j is %s', async (change, code) => {
    const { id } = await created({ stock: 3 })
    expect(await door().adjust(shop.admin, id, change)).toEqual({ code, paths: ['/delta'] })
    expect(await shop.stockOf(id)).toBe(3)
    expect(await door().adjust(shop.admin, id, { delta: 1, reason: ' ' })).toMatchObject({ paths: ['/reason'] })
  })

  it('what was released above the limit can still be taken away', async () => {
    const { id } = await created({ stock: 10 })
    const order = newId()
    await shop.reserve(order, [{ productId: id, quantity: 10 }])
    await door().adjust(shop.admin, id, { delta: 1_000_000, reason: 'x' })
    await shop.release(order)
    expect(await door().adjust(shop.admin, id, { delta: 1, reason: 'x' })).toMatchObject({ code: 'VALIDATION_FAILED' })
    expect((await door().adjust(shop.admin, id, { delta: -5, reason: 'x' })).value.stock).toBe(1_000_005)
  })

  it('an archived product is gone from every list and can be changed no more, yet past orders still show it', async () => {
    const { id, name: was } = await created({ name: `Munster ${newId()}` })
    expect(await door().archive(shop.admin, id)).toEqual({ value: true })
    for (const answer of [
      await door().read(id),
      await door().archive(shop.admin, id),
      await door().replace(shop.admin, id, wish),
      await door().adjust(shop.admin, id, { delta: 1, reason: 'x' }),
    ])
      expect(answer).toEqual({ code: 'NOT_FOUND' })
    expect((await door().list({ q: was })).value.items).toEqual([])
    const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Product { id name archived } } }'
    const entities = (keys: unknown[]) =>
      shop.graphql(undefined, query, { r: keys.map((key) => ({ __typename: 'Product', id: key })) })
    expect((await entities([id, newId()])).data).toEqual({ _entities: [{ id, name: was, archived: true }, null] })
    expect((await entities([id, { $ne: null }])).errors).toMatchObject([{ extensions: { code: 'VALIDATION_FAILED' } }])
  })
})
