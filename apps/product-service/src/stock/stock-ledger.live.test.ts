import { newId } from '@halles/mongo/ids'
import { createPrincipal } from '@halles/test-fixtures/principals'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiClients } from '../../test/api-clients.ts'
import { startProductService, type ProductServiceFixture } from '../../test/service-fixture.ts'

let service: ProductServiceFixture
beforeAll(async () => void (service = await startProductService()))
afterAll(() => service.close())

describe.each(['REST', 'GraphQL'] as const)('the stock ledger of a product over %s', (protocol) => {
  const api = () => apiClients[protocol](service)

  it('has who adjusted the stock and why, and what orders took and gave back, newest first', async () => {
    const { _id: id } = await service.addProduct({ stock: 10 })
    const other = await service.addProduct({ stock: 10 })
    const [kept, released] = [newId(), newId()]
    await api().adjust(service.admin, id, { delta: 5, reason: 'livraison' })
    await service.reserve(kept, [{ productId: id, quantity: 2 }])
    await service.reserve(released, [
      { productId: other._id, quantity: 1 },
      { productId: id, quantity: 4 },
    ])
    await service.release(released)
    const { value } = await api().movements(service.admin, id)
    const adjusted = { reason: null, byId: null, orderId: null }
    expect(value.items).toMatchObject([
      { ...adjusted, kind: 'release', delta: 4, orderId: released },
      { ...adjusted, kind: 'reservation', delta: -4, orderId: released },
      { ...adjusted, kind: 'reservation', delta: -2, orderId: kept },
      { ...adjusted, kind: 'adjustment', delta: 5, reason: 'livraison', byId: service.admin.id },
      { ...adjusted, kind: 'opening', delta: 10, byId: service.admin.id },
    ])
    expect(value).toMatchObject({ totalCount: 5, totalCountIsExact: true, pageInfo: { hasNextPage: false } })
    expect(new Set(value.items.map((item: { id: string }) => item.id)).size).toBe(5)
    const sum = value.items.reduce((total: number, { delta }: { delta: number }) => total + delta, 0)
    expect(sum).toBe(await service.readStock(id))
  })

  it('is paged without gaps or repeats, also where movements have the same time', async () => {
    const { _id: productId } = await service.addProduct({ stock: 100 })
    const at = new Date('2030-01-01T00:00:00.000Z')
    const later = new Date(at.getTime() + 1)
    const items = [{ productId, quantity: 1 }]
    await service.db
      .collection<{ _id: string }>('reservations')
      .insertMany([
        ...Array.from({ length: 4 }, () => ({ _id: newId(), state: 'held', items, at })),
        ...Array.from({ length: 4 }, () => ({ _id: newId(), state: 'released', items, at, releasedAt: at })),
        ...Array.from({ length: 3 }, () => ({ _id: newId(), state: 'released', items, at, releasedAt: later })),
      ])
    await service.db.collection<{ _id: string }>('movements').insertMany(
      Array.from({ length: 3 }, () => {
        return { _id: newId(), productId, kind: 'adjustment', delta: 1, reason: 'x', by: 'someone', at }
      }),
    )
    const all = (await api().movements(service.admin, productId, { first: 100 })).value.items
    expect(all).toHaveLength(22) // 11 reservations, 7 releases, 3 adjustments, and the opening
    const times = all.map((item: { at: string }) => item.at)
    expect(times).toEqual(times.toSorted().toReversed())
    for (const first of [1, 2, 5]) {
      const read: unknown[] = []
      let after: string | null | undefined
      do {
        const { value } = await api().movements(service.admin, productId, { first, ...(after && { after }) })
        read.push(...value.items)
        after = value.pageInfo.hasNextPage ? value.pageInfo.endCursor : undefined
      } while (after)
      expect(read).toEqual(all)
    }
  })

  it('is for admins, of archived products too', async () => {
    const { _id: id } = await service.addProduct({ archived: true })
    expect((await api().movements(service.admin, id)).value.items).toMatchObject([{ kind: 'opening' }])
    expect(await api().movements(service.admin, newId())).toEqual({ code: 'NOT_FOUND' })
    expect(await api().movements(undefined, id)).toEqual({ code: 'UNAUTHENTICATED' })
    expect(await api().movements(createPrincipal(), id, { first: 0 })).toEqual({ code: 'FORBIDDEN' })
  })

  it('rejects the cursor of another product, and a page that is too large', async () => {
    const [one, other] = [await service.addProduct(), await service.addProduct()]
    const after = (await api().movements(service.admin, one._id)).value.pageInfo.endCursor
    const rejected = { code: 'VALIDATION_FAILED' }
    expect(await api().movements(service.admin, other._id, { after })).toMatchObject(rejected)
    expect(await api().movements(service.admin, one._id, { first: 101 })).toMatchObject(rejected)
  })
})

it('Product.stockMovements is FORBIDDEN to customers, who get the rest of the product', async () => {
  const { _id: id, name } = await service.addProduct()
  const query = 'query ($id: ID!) { product(id: $id) { name stockMovements { totalCount } } }'
  for (const [actor, code] of [
    [createPrincipal(), 'FORBIDDEN'],
    [undefined, 'UNAUTHENTICATED'],
  ] as const) {
    const { data, errors } = await service.graphql(actor, query, { id })
    expect(data).toEqual({ product: { name, stockMovements: null } })
    expect(errors).toMatchObject([{ path: ['product', 'stockMovements'], extensions: { code } }])
  }
})

it('the ledger of one product is read by index, whatever other products have', async () => {
  const { _id: productId } = await service.addProduct()
  const reservations = service.db.collection('reservations')
  for (const timeField of ['at', 'releasedAt']) {
    const filter = {
      'items.productId': productId,
      ...(timeField === 'releasedAt' && { releasedAt: { $exists: true } }),
    }
    const plan = await reservations
      .find({ $and: [filter, { [timeField]: { $lte: new Date() } }] })
      .sort({ [timeField]: -1, _id: -1 })
      .limit(20)
      .explain('executionStats')
    expect(plan.executionStats.totalDocsExamined).toBe(0)
    expect(JSON.stringify(plan.queryPlanner.winningPlan)).not.toContain('"SORT"')
  }
})
