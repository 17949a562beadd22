import { newId } from '@halles/mongo/ids'
import { createPrincipal } from '@halles/test-fixtures/principals'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { apiClients } from '../../test/api-clients.ts'
import { startProductService, type ProductServiceFixture } from '../../test/service-fixture.ts'

let service: ProductServiceFixture
beforeAll(async () => void (service = await startProductService()))
afterEach(async () => expect(await service.findLedgerMismatches()).toEqual([]))
afterAll(() => service.close())

const namesOf = ({ value }: { value?: any }) => value.items.map(({ name }: { name: string }) => name)
const strangers = [
  [undefined, 'UNAUTHENTICATED'],
  [createPrincipal(), 'FORBIDDEN'],
] as const

describe.each(['REST', 'GraphQL'] as const)('archived products over %s', (protocol) => {
  const api = () => apiClients[protocol](service)

  it('are listed for admins instead of those on sale, and can be searched', async () => {
    const category = `Rayon ${newId()}`
    await service.addProduct({ name: 'Brie', category })
    await service.addProduct({ name: 'Munster', category, archived: true })
    await service.addProduct({ name: 'Mimolette', category, archived: true })
    expect(namesOf(await api().list({ category }, service.admin))).toEqual(['Brie'])
    expect(namesOf(await api().list({ category, archived: false }))).toEqual(['Brie'])
    const archived = await api().list({ category, archived: true, sort: 'name' }, service.admin)
    expect(namesOf(archived)).toEqual(['Mimolette', 'Munster'])
    expect(archived.value.items[0]).toMatchObject({ archived: true })
    expect(namesOf(await api().list({ category, archived: true, q: 'muns' }, service.admin))).toEqual(['Munster'])
  })

  it('are shown by id to admins who ask for them', async () => {
    const { _id: id } = await service.addProduct({ archived: true })
    expect(await api().read(id)).toEqual({ code: 'NOT_FOUND' })
    expect((await api().readAny(service.admin, id)).value).toMatchObject({ id, archived: true })
    expect(await api().readAny(service.admin, newId())).toEqual({ code: 'NOT_FOUND' })
  })

  it('are refused to anyone else', async () => {
    const { _id: id } = await service.addProduct({ archived: true })
    for (const [actor, code] of strangers) {
      expect(await api().list({ archived: true }, actor)).toEqual({ code })
      expect(await api().readAny(actor, id)).toEqual({ code })
      expect(await api().restore(actor, id)).toEqual({ code })
    }
  })

  it('can be restored: they are on sale with the stock that they had', async () => {
    const { _id: id, revision } = await service.addProduct({ archived: true, stock: 7 })
    const { value } = await api().restore(service.admin, id)
    expect(value).toMatchObject({ id, archived: false, stock: 7, revision: revision + 2 })
    expect(await api().read(id)).toEqual({ value })
    expect(await api().restore(service.admin, id)).toEqual({ value })
    expect((await service.reserve(newId(), [{ productId: id, quantity: 7 }])).reservation?.shortages).toEqual([])
    expect(await api().restore(service.admin, newId())).toEqual({ code: 'NOT_FOUND' })
  })

  it.each([
    [{ maxStock: 3 }, ['none', 'three']],
    [{ maxStock: 3, inStock: true }, ['three']],
    [{ maxStock: 3, inStock: false }, ['none']],
    [{ maxStock: 0 }, ['none']],
    [{ inStock: true }, ['four', 'three']],
  ])('products with %j are found by their stock', async (filter, names) => {
    const category = `Rayon ${newId()}`
    for (const [name, stock] of Object.entries({ none: 0, three: 3, four: 4 }))
      await service.addProduct({ name, stock, category })
    expect(namesOf(await api().list({ category, sort: 'name', ...filter }))).toEqual(names)
  })
})

describe('productsByIds', () => {
  const query = 'query ($ids: [ID!]!) { productsByIds(ids: $ids) { id name archived } }'

  it('returns products in the order of their ids, archived ones too, null for an unknown id', async () => {
    const onSale = await service.addProduct({ name: 'Brie' })
    const archived = await service.addProduct({ name: 'Munster', archived: true })
    const ids = [archived._id, newId(), onSale._id, 'nonsense', archived._id]
    const munster = { id: archived._id, name: 'Munster', archived: true }
    expect((await service.graphql(undefined, query, { ids })).data.productsByIds).toEqual([
      munster,
      null,
      { id: onSale._id, name: 'Brie', archived: false },
      null,
      munster,
    ])
  })

  it('accepts 100 ids, and refuses 101', async () => {
    const idsOf = (count: number) => ({ ids: Array.from({ length: count }, () => newId()) })
    expect((await service.graphql(undefined, query, idsOf(100))).data.productsByIds).toHaveLength(100)
    const { errors } = await service.graphql(undefined, query, idsOf(101))
    expect(errors).toMatchObject([{ extensions: { code: 'VALIDATION_FAILED', errors: [{ path: '/ids' }] } }])
  })
})
