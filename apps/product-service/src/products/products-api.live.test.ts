import { newId } from '@halles/mongo/ids'
import { createPrincipal } from '@halles/test-fixtures/principals'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { apiClients } from '../../test/api-clients.ts'
import { startProductService, type ProductServiceFixture } from '../../test/service-fixture.ts'

let service: ProductServiceFixture
beforeAll(async () => void (service = await startProductService()))
afterEach(async () => expect(await service.findLedgerMismatches()).toEqual([]))
afterAll(() => service.close())

const input = { name: 'Comté 18 mois', price: 24.9, category: 'Fromagerie' }
const fullInput = { ...input, description: 'Du Jura.', image: '/images/comte.svg', stock: 12 }
const findMovements = (productId: string) =>
  service.db.collection('movements').find({ productId }).sort({ _id: 1 }).toArray()

describe.each(['REST', 'GraphQL'] as const)('the product API over %s', (name) => {
  const api = () => apiClients[name](service)
  const create = async (overrides: object = {}) => (await api().create(service.admin, { ...input, ...overrides })).value

  it('creates a product, which anyone can read', async () => {
    const { value } = await api().create(service.admin, fullInput)
    expect(value).toMatchObject({ ...fullInput, id: expect.any(String), revision: 1, createdAt: expect.any(String) })
    expect(await api().read(value.id)).toEqual({ value })
  })

  it('defaults optional fields to null and stock to 0, and trims text', async () => {
    const { value } = await api().create(service.admin, { ...input, name: ' Brie ', description: '  ' })
    expect(value).toMatchObject({ name: 'Brie', description: null, image: null, stock: 0 })
  })

  it('lets only admins change the catalogue, and checks that before it validates the input', async () => {
    const { id } = await create()
    for (const [actor, code] of [
      [undefined, 'UNAUTHENTICATED'],
      [createPrincipal(), 'FORBIDDEN'],
    ] as const)
      // prettier-ignore
      for (const result of [
        await api().create(actor, { ...input, price: -1 }),
        await api().replace(actor, id, input),
        await api().replace(actor, newId(), input),
        await api().adjust(actor, id, { delta: 1, reason: 'x' }),
        await api().archive(actor, id),
      ])
        expect(result).toEqual({ code })
    expect((await api().read(id)).value.revision).toBe(1)
  })

  it('answers NOT_FOUND for any id that is not on sale, whatever its form', async () => {
    for (const id of [newId(), 'nonsense', '%00', '$ne', 'x'.repeat(300)]) {
      const path = encodeURIComponent(id)
      const target = name === 'REST' ? path : id
      expect(await api().read(target)).toEqual({ code: 'NOT_FOUND' })
      expect(await api().replace(service.admin, target, input)).toEqual({ code: 'NOT_FOUND' })
      expect(await api().adjust(service.admin, target, { delta: 1, reason: 'x' })).toEqual({ code: 'NOT_FOUND' })
      expect(await api().archive(service.admin, target)).toEqual({ code: 'NOT_FOUND' })
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
  ])('validates %s: %j', async (path, invalid) => {
    const refused = { code: 'VALIDATION_FAILED', paths: [path] }
    expect(await api().create(service.admin, { ...input, ...invalid })).toEqual(refused)
    const { id } = await create()
    expect(await api().replace(service.admin, id, { ...input, ...invalid })).toEqual(refused)
  })

  it.each(['https://img.example', 'https://img.example:8443/a/b.png?w=400#x', '/images/comté.svg', '/'])(
    'accepts %s as an image',
    async (image) => expect((await create({ image })).image).toBe(image),
  )

  it('sets omitted fields to null when it replaces a product, and keeps its stock', async () => {
    const { id, createdAt } = await create(fullInput)
    const { value } = await api().replace(service.admin, id, { ...input, price: 26 })
    expect(value).toMatchObject({ price: 26, description: null, image: null, stock: 12, revision: 2, createdAt })
    expect(await api().read(id)).toEqual({ value })
    expect((await findMovements(id)).map(({ kind }) => kind)).toEqual(['opening'])
  })

  it('stores a replaced stock as an adjustment with its author and time', async () => {
    const { id } = await create(fullInput)
    expect((await api().replace(service.admin, id, { ...input, stock: 5 })).value.stock).toBe(5)
    expect(await findMovements(id)).toMatchObject([
      { kind: 'opening', delta: 12, by: service.admin.id },
      { kind: 'adjustment', delta: -7, by: service.admin.id, at: expect.any(Date) },
    ])
  })

  it('keeps sales that happen while a product is replaced', async () => {
    const { id } = await create({ stock: 1000 })
    const sales = Array.from({ length: 60 }, () => service.reserve(newId(), [{ productId: id, quantity: 1 }]))
    const changes = Array.from({ length: 6 }, (_, i) =>
      api().replace(service.admin, id, { ...input, ...(i % 2 === 0 && { stock: 500 }) }),
    )
    const [reservations] = await Promise.all([Promise.all(sales), Promise.all(changes)])
    expect(reservations.every(({ reservation }) => reservation?.shortages.length === 0)).toBe(true)
    const { value } = await api().read(id)
    expect(value.revision).toBe(7)
    expect(value.stock).toBeLessThanOrEqual(500) // afterEach checks the exact value against the ledger
  })

  it('answers STALE for another expectedRevision, and lets one of two concurrent replacements win', async () => {
    const { id } = await create()
    expect(await api().replace(service.admin, id, { ...input, expectedRevision: 2 })).toEqual({ code: 'STALE' })
    const results = await Promise.all([1, 2].map((price) => api().replace(service.admin, id, { ...input, price, expectedRevision: 1 }))) // prettier-ignore
    expect(results.filter(({ code }) => code === 'STALE').length).toBe(1)
    expect((await api().read(id)).value.revision).toBe(2)
  })

  it('adjusts stock up and down, stores the reason, and leaves revision and updatedAt unchanged', async () => {
    const { id, updatedAt } = await create({ stock: 3 })
    expect((await api().adjust(service.admin, id, { delta: 9, reason: 'livraison' })).value.stock).toBe(12)
    const { value } = await api().adjust(service.admin, id, { delta: -12, reason: ' casse ' })
    expect(value).toMatchObject({ stock: 0, revision: 1, updatedAt })
    expect((await findMovements(id)).map(({ delta, reason }) => [delta, reason])).toEqual([
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
  ])('answers an adjustment of a stock of 3 by %j with %s', async (change, code) => {
    const { id } = await create({ stock: 3 })
    expect(await api().adjust(service.admin, id, change)).toEqual({ code, paths: ['/delta'] })
    expect(await service.readStock(id)).toBe(3)
    expect(await api().adjust(service.admin, id, { delta: 1, reason: ' ' })).toMatchObject({ paths: ['/reason'] })
  })

  it('can reduce a stock that releases have raised above the maximum', async () => {
    const { id } = await create({ stock: 10 })
    const orderId = newId()
    await service.reserve(orderId, [{ productId: id, quantity: 10 }])
    await api().adjust(service.admin, id, { delta: 1_000_000, reason: 'x' })
    await service.release(orderId)
    expect(await api().adjust(service.admin, id, { delta: 1, reason: 'x' })).toMatchObject({
      code: 'VALIDATION_FAILED',
    })
    expect((await api().adjust(service.admin, id, { delta: -5, reason: 'x' })).value.stock).toBe(1_000_005)
  })

  it('hides an archived product from reads, lists and changes, but resolves it as an entity for past orders', async () => {
    const { id, name: productName } = await create({ name: `Munster ${newId()}` })
    expect(await api().archive(service.admin, id)).toEqual({ value: true })
    for (const result of [
      await api().read(id),
      await api().archive(service.admin, id),
      await api().replace(service.admin, id, input),
      await api().adjust(service.admin, id, { delta: 1, reason: 'x' }),
    ])
      expect(result).toEqual({ code: 'NOT_FOUND' })
    expect((await api().list({ q: productName })).value.items).toEqual([])
    const query = 'query ($r: [_Any!]!) { _entities(representations: $r) { ... on Product { id name archived } } }'
    const resolveEntities = (keys: unknown[]) =>
      service.graphql(undefined, query, { r: keys.map((key) => ({ __typename: 'Product', id: key })) })
    expect((await resolveEntities([id, newId()])).data).toEqual({
      _entities: [{ id, name: productName, archived: true }, null],
    })
    expect((await resolveEntities([id, { $ne: null }])).errors).toMatchObject([
      { extensions: { code: 'VALIDATION_FAILED' } },
    ])
  })
})
