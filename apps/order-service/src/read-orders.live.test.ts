import { newId } from '@halles/mongo/ids'
import { createAdmin, createPrincipal, type TestPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startOrderService, type OrderService } from '../test/start-order-service.ts'
import { startFakeProductService, type FakeProductService } from '../test/fake-product-service.ts'
import { createOrder } from './order.ts'

let productService: FakeProductService
let service: OrderService
beforeAll(async () => {
  productService = await startFakeProductService()
  service = await startOrderService({
    mongodb: inject('mongodb'),
    kafka: inject('kafka'),
    product: productService.address,
  })
})
afterAll(async () => {
  await service.close()
  productService.stop()
})

const admin = createAdmin()
const get = async (principal: TestPrincipal | undefined, url: string) =>
  (await service.request(principal, 'GET', url)).json()

async function placeOrder(customer: TestPrincipal): Promise<string> {
  return (await service.placeOrder(customer, [{ productId: productService.addProduct().id, quantity: 1 }])).json().id
}

/** Creates a customer with so many orders; `ids` are oldest first. */
async function createCustomer(count: number) {
  const customer = createPrincipal()
  const ids: string[] = []
  for (let i = 0; i < count; i++) ids.push(await placeOrder(customer))
  return { customer, ids }
}

/** Stores what a crash may leave, which nobody may read: pending orders, one of them being cancelled. */
async function createPendingOrders(userId: string) {
  const order = (await service.stored.findOne({ userId }))!
  for (const status of ['Pending', 'Cancelling'] as const)
    await service.stored.insertOne({ ...order, _id: `${order._id}-${status}`, status, nextAttemptAt: new Date(8e15) })
}

describe('reading one order', () => {
  it('is for its customer and for admins, and NOT_FOUND for others', async () => {
    const { customer, ids } = await createCustomer(1)
    const url = `/orders/${customer.id}/${ids[0]}`
    expect(await get(customer, url)).toMatchObject({ id: ids[0], userId: customer.id })
    expect(await get(admin, url)).toMatchObject({ id: ids[0] })
    const other = createPrincipal()
    expect(await get(other, url)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await get(other, `/orders/${other.id}/${ids[0]}`)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await get(admin, `/orders/${other.id}/${ids[0]}`)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await get(customer, `/orders/${customer.id}/nothing`)).toMatchObject({ code: 'NOT_FOUND' })
    expect(await get(undefined, url)).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it('is null and NOT_FOUND by GraphQL when it is not found', async () => {
    const { customer, ids } = await createCustomer(1)
    const query = 'query ($id: ID!) { order(id: $id) { id } }'
    expect((await service.graphql(customer, query, { id: ids[0] })).data.order).toEqual({ id: ids[0] })
    for (const [principal, id] of [
      [createPrincipal(), ids[0]],
      [customer, 'nothing'],
    ] as const) {
      const answer = await service.graphql(principal, query, { id })
      expect(answer).toMatchObject({ data: { order: null }, errors: [{ extensions: { code: 'NOT_FOUND' } }] })
    }
  })

  it('is NOT_FOUND for a pending order, even for admins', async () => {
    const { customer, ids } = await createCustomer(1)
    await createPendingOrders(customer.id)
    for (const status of ['Pending', 'Cancelling']) {
      const id = `${ids[0]}-${status}`
      expect(await get(admin, `/orders/${customer.id}/${id}`)).toMatchObject({ code: 'NOT_FOUND' })
      const put = await service.request(admin, 'PUT', `/orders/${id}/status`, { status: 'Confirmée' })
      expect(put.json()).toMatchObject({ code: 'NOT_FOUND' })
    }
    expect(await get(admin, `/orders/${customer.id}`)).toMatchObject({ totalCount: 1, items: [{ id: ids[0] }] })
    const all = await get(admin, '/orders?first=100')
    expect(all.items.some(({ id }: { id: string }) => id.includes('-Pending') || id.includes('-Cancelling'))).toBe(
      false,
    )
  })
})

describe('listing orders', () => {
  it('gives the newest first, page by page, each order once though new ones are placed meanwhile', async () => {
    const { customer, ids } = await createCustomer(5)
    const seen: string[] = []
    let after = ''
    for (let page = 0; page < 3; page++) {
      const { items, pageInfo, totalCount, totalCountIsExact } = await get(
        customer,
        `/orders/${customer.id}?first=2${after && `&after=${after}`}`,
      )
      expect([totalCount, totalCountIsExact]).toEqual([5 + page, true])
      expect(pageInfo.hasNextPage).toBe(page < 2)
      seen.push(...items.map(({ id }: { id: string }) => id))
      after = pageInfo.endCursor
      await placeOrder(customer)
    }
    expect(seen).toEqual(ids.toReversed())
  })

  it('filters by status, in any Unicode normalization', async () => {
    const { customer, ids } = await createCustomer(3)
    await service.request(admin, 'PUT', `/orders/${ids[1]}/status`, { status: 'Confirmée' })
    for (const word of ['Confirmée', 'Confirmée'.normalize('NFD')]) {
      const url = `/orders/${customer.id}?status=${encodeURIComponent(word)}`
      expect(await get(customer, url)).toMatchObject({ items: [{ id: ids[1] }], totalCount: 1 })
    }
    const received = await get(admin, `/orders/${customer.id}?status=${encodeURIComponent('Reçue')}`)
    expect(received.items.map(({ id }: { id: string }) => id)).toEqual([ids[2], ids[0]])
  })

  it.each([
    '?status=Perdue',
    '?status=Pending',
    '?status=',
    '?first=0',
    '?first=101',
    '?first=x',
    '?after=x',
    '?page=2',
  ])('rejects %s', async (query) => {
    const customer = createPrincipal()
    expect(await get(customer, `/orders/${customer.id}${query}`)).toMatchObject({ code: 'VALIDATION_FAILED' })
  })

  it('rejects the cursor of another list', async () => {
    const { customer } = await createCustomer(2)
    const { pageInfo } = await get(customer, `/orders/${customer.id}?first=1`)
    const other = `/orders/${customer.id}?status=${encodeURIComponent('Reçue')}&after=${pageInfo.endCursor}`
    expect(await get(customer, other)).toMatchObject({ code: 'VALIDATION_FAILED' })
  })

  it('is FORBIDDEN for another user, whether or not that user exists', async () => {
    const { customer } = await createCustomer(1)
    for (const userId of [customer.id, 'no-one'])
      expect(await get(createPrincipal(), `/orders/${userId}`)).toMatchObject({ code: 'FORBIDDEN' })
    expect(await get(undefined, `/orders/${customer.id}`)).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await get(admin, '/orders/no-one')).toMatchObject({ items: [], totalCount: 0 })
  })

  it('of all customers is for admins', async () => {
    const { ids } = await createCustomer(1)
    const { items } = await get(admin, '/orders?first=1')
    expect(items[0].id).toBe(ids[0])
    expect(await get(createPrincipal(), '/orders')).toMatchObject({ code: 'FORBIDDEN' })
    expect(await get(undefined, '/orders')).toMatchObject({ code: 'UNAUTHENTICATED' })
    const query = '{ orders(first: 1, status: RECUE) { nodes { id } edges { cursor node { id } } totalCountIsExact } }'
    const { data } = await service.graphql(admin, query)
    expect(data.orders).toMatchObject({ nodes: [{ id: ids[0] }], totalCountIsExact: true })
    const forbidden = await service.graphql(createPrincipal(), query)
    expect(forbidden).toMatchObject({ data: null, errors: [{ extensions: { code: 'FORBIDDEN' } }] })
  })
})

describe('entity resolution for other subgraphs', () => {
  const entities = (principal: TestPrincipal | undefined, representations: object[], fields: string) =>
    service.graphql(
      principal,
      `query ($r: [_Any!]!) { _entities(representations: $r) { ... on Order { id number } ... on User { ${fields} } } }`,
      { r: representations },
    )

  it('applies the same rules to orders, each with its own result', async () => {
    const { customer, ids } = await createCustomer(2)
    const otherCustomer = await createCustomer(1)
    const keys = [ids[0], otherCustomer.ids[0], 'nothing', ids[1], ids[0]].map((id) => ({ __typename: 'Order', id }))
    const { data, errors } = await entities(customer, keys, 'id')
    expect(data._entities.map((order: { id: string } | null) => order?.id)).toEqual([
      ids[0],
      undefined,
      undefined,
      ids[1],
      ids[0],
    ])
    expect(errors).toMatchObject([1, 2].map((i) => ({ path: ['_entities', i], extensions: { code: 'NOT_FOUND' } })))
    const anonymous = await entities(undefined, keys.slice(0, 1), 'id')
    expect(anonymous.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
    const seen = await entities(admin, keys.slice(0, 2), 'id')
    expect(seen.data._entities).toHaveLength(2)
    expect(seen.errors).toBeUndefined()
  })

  it('gives a user’s orders to that user and to admins', async () => {
    const { customer, ids } = await createCustomer(2)
    const key = [{ __typename: 'User', id: customer.id }]
    const fields = 'orders(first: 1) { nodes { id items { product { id } } } pageInfo { hasNextPage } totalCount }'
    for (const principal of [customer, admin]) {
      const { data } = await entities(principal, key, fields)
      expect(data._entities[0].orders).toMatchObject({
        nodes: [{ id: ids[1], items: [{ product: { id: expect.any(String) } }] }],
        pageInfo: { hasNextPage: true },
        totalCount: 2,
      })
    }
    const other = await entities(createPrincipal(), key, `id ${fields}`)
    expect(other.data._entities[0]).toEqual({ id: customer.id, orders: null })
    expect(other.errors).toMatchObject([{ path: ['_entities', 0, 'orders'], extensions: { code: 'FORBIDDEN' } }])
    const tooMany = await entities(customer, key, 'orders(first: 101) { totalCount }')
    expect(tooMany.errors).toMatchObject([{ extensions: { code: 'VALIDATION_FAILED' } }])
  })
})

describe('the operational endpoints of order-service', () => {
  it('report readiness, routes and metrics', async () => {
    const { needs } = await eventually('the service is ready', async () => {
      const ready = (await service.app.inject('/readyz')).json()
      return ready.status === 'ok' && ready
    })
    expect(needs).toEqual({ mongodb: 'ok', product: 'ok', kafka: 'ok' })
    const { paths } = (await service.app.inject('/openapi.json')).json()
    expect(Object.keys(paths)).toEqual([
      '/orders',
      '/orders/statistics',
      '/orders/{userId}',
      '/orders/{userId}/{id}',
      '/orders/{id}/status',
      '/orders/{userId}/{id}/events',
    ])
    await createCustomer(1)
    await service.placeOrder(createPrincipal(), [{ productId: 'nothing', quantity: 1 }])
    const { body } = await service.app.inject('/metrics')
    for (const line of [
      /^orders_placed_total\{.*\} [1-9]/m,
      /^orders_rejected_total\{.*code="PRODUCT_UNAVAILABLE".*\} [1-9]/m,
      /^order_events_unpublished\{/m,
      /^order_events_unpublished_oldest_age_seconds\{/m,
      /^orders_pending\{/m,
      /^order_stock_releases_pending\{.*\} 0$/m,
      /^order_event_publish_lag_seconds_count\{/m,
    ])
      expect(body).toMatch(line)
  })

  it('count the gauges at each scrape', async () => {
    const pending = createOrder({ _id: newId(), number: '1', customer: createPrincipal(), items: [], at: new Date() })
    await service.stored.insertOne({ ...pending, status: 'Pending', nextAttemptAt: new Date(Date.now() + 600_000) })
    const countPending = async () =>
      /^orders_pending\{.*\} (\d+)$/m.exec((await service.app.inject('/metrics')).body)?.[1]
    const before = Number(await countPending())
    await service.stored.deleteOne({ _id: pending._id })
    expect(Number(await countPending())).toBe(before - 1)
  })
})
