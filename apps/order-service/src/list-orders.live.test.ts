import { createAdmin, createPrincipal, type TestPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startFakeProductService, type FakeProductService } from '../test/fake-product-service.ts'
import { startOrderService, type OrderService } from '../test/start-order-service.ts'
import { createStoredOrder, type StoredOrderOptions } from '../test/stored-order.ts'

const HOUR = 3600_000
const admin = createAdmin()
let productService: FakeProductService
let service: OrderService
beforeAll(async () => {
  productService = await startFakeProductService()
  const product = productService.address
  service = await startOrderService({ mongodb: inject('mongodb'), kafka: inject('kafka'), product })
})
afterAll(async () => {
  await service.close()
  productService.stop()
})

/** Stores an order that was placed at a time. */
async function store(at: string, options: StoredOrderOptions = {}) {
  const order = createStoredOrder(at, options)
  await service.stored.insertOne(order)
  return order
}

/** The time so many hours ago. */
const ago = (hours: number) => new Date(Date.now() - hours * HOUR).toISOString()

const list = async (query: Record<string, string>, principal: TestPrincipal = admin) =>
  (await service.request(principal, 'GET', `/orders?${new URLSearchParams(query)}`)).json()
const numbersOf = (page: { items: { number: string }[] }) => page.items.map(({ number }) => number)

describe('the list of all orders', () => {
  it("filters by days of the shop's calendar, the first and the last included", async () => {
    const customer = createPrincipal()
    const placed = []
    for (const at of [
      '2026-03-28T22:59:59.999Z', // the 28th in Paris
      '2026-03-28T23:00:00.000Z', // the 29th, on which summer time begins
      '2026-03-29T21:59:59.999Z',
      '2026-03-29T22:00:00.000Z', // the 30th
    ])
      placed.push((await store(at, { customer })).number)
    const userIds = customer.id
    expect(numbersOf(await list({ userIds, from: '2026-03-29', to: '2026-03-29' }))).toEqual([placed[2], placed[1]])
    expect(numbersOf(await list({ userIds, to: '2026-03-28' }))).toEqual([placed[0]])
    expect(numbersOf(await list({ userIds, from: '2026-03-30' }))).toEqual([placed[3]])
    expect(numbersOf(await list({ userIds, from: '2026-03-30', to: '2026-03-28' }))).toEqual([])
  })

  it('finds an order whose id is older than its day, since its request had to wait', async () => {
    const customer = createPrincipal()
    const { _id, number } = await store('2026-05-01T22:00:00.000Z', { customer })
    const waited = new Date('2026-05-01T22:00:07.999Z')
    await service.stored.updateOne({ _id }, { $set: { createdAt: waited } })
    const { _id: early, number: earlyNumber } = await store('2026-05-02T21:59:58.000Z', { customer })
    await service.stored.updateOne({ _id: early }, { $set: { createdAt: new Date('2026-05-02T22:00:03.000Z') } })
    const day = async (day: string) => numbersOf(await list({ userIds: customer.id, from: day, to: day }))
    expect(await day('2026-05-02')).toEqual([number])
    expect(await day('2026-05-03')).toEqual([earlyNumber])
  })

  it('finds an order by its whole number', async () => {
    const { number, _id } = await store('2026-06-01T10:00:00Z')
    expect(await list({ number })).toMatchObject({ items: [{ id: _id }], totalCount: 1 })
    expect(await list({ number: `${number}0` })).toMatchObject({ items: [], totalCount: 0 })
    expect(await list({ number, status: 'Livrée' })).toMatchObject({ items: [] })
  })

  it('filters by up to 20 users', async () => {
    const [one, two] = [createPrincipal(), createPrincipal()]
    const first = await store('2026-06-02T10:00:00Z', { customer: one })
    const second = await store('2026-06-02T11:00:00Z', { customer: two })
    const page = await list({ userIds: `${one.id},${two.id},nobody` })
    expect(numbersOf(page)).toEqual([second.number, first.number])
    const query = 'query ($ids: [ID!]!) { orders(userIds: $ids) { nodes { number } totalCount } }'
    const { data } = await service.graphql(admin, query, { ids: [one.id] })
    expect(data.orders).toEqual({ nodes: [{ number: first.number }], totalCount: 1 })
    expect((await service.graphql(admin, query, { ids: [] })).data.orders.totalCount).toBe(0)
    const tooMany = Array.from({ length: 21 }, (_, i) => `u${i}`)
    expect(await list({ userIds: tooMany.join(',') })).toMatchObject({ code: 'VALIDATION_FAILED' })
    expect((await service.graphql(admin, query, { ids: tooMany })).errors).toMatchObject([
      { extensions: { code: 'VALIDATION_FAILED' } },
    ])
  })

  it('finds the overdue orders: open, and placed more than 48 hours ago', async () => {
    const customer = createPrincipal()
    const overdue = []
    for (const status of ['Reçue', 'Confirmée', 'Préparée', 'Livrée', 'Annulée'] as const) {
      const { number } = await store(ago(49), { status, customer })
      if (status !== 'Livrée' && status !== 'Annulée') overdue.unshift(number)
      await store(ago(47), { status, customer })
    }
    const query = { userIds: customer.id, overdue: 'true' }
    expect(numbersOf(await list(query)).toSorted()).toEqual(overdue.toSorted())
    expect(await list({ ...query, status: 'Confirmée' })).toMatchObject({ totalCount: 1 })
    expect(await list({ ...query, status: 'Livrée' })).toMatchObject({ totalCount: 0 })
    expect(await list({ ...query, overdue: 'false' })).toMatchObject({ totalCount: 10 })
  })

  it('keeps the cursor of the overdue orders valid while time passes', async () => {
    const customer = createPrincipal()
    const oldest = await store(ago(102), { customer })
    for (const hours of [101, 100]) await store(ago(hours), { customer })
    const query = { userIds: customer.id, overdue: 'true', first: '2' }
    const { pageInfo } = await list(query)
    const listedAt = Date.now()
    await eventually('time has passed', async () => Date.now() > listedAt)
    expect(await list({ ...query, after: pageInfo.endCursor })).toMatchObject({
      items: [{ id: oldest._id }],
      pageInfo: { hasNextPage: false },
    })
    expect(await list({ ...query, overdue: 'false', after: pageInfo.endCursor })).toMatchObject({
      code: 'VALIDATION_FAILED',
    })
  })

  it.each(['from=24/11/2026', 'to=2026-11-31', 'number=12a', 'number=', 'overdue=perhaps', 'userIds=', 'q=x'])(
    'rejects %s',
    async (query) => {
      const answer = await service.request(admin, 'GET', `/orders?${query}`)
      expect(answer.json()).toMatchObject({ code: 'VALIDATION_FAILED' })
    },
  )

  it('has no such filters for one customer’s own list', async () => {
    const customer = createPrincipal()
    const answer = await service.request(customer, 'GET', `/orders/${customer.id}?from=2026-01-01`)
    expect(answer.json()).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: '/from' }] })
  })
})

describe('each filter of the list of all orders', () => {
  const customer = createPrincipal()
  beforeAll(async () => {
    const start = Date.parse('2025-01-01T00:00:00Z')
    const statuses = ['Livrée', 'Livrée', 'Livrée', 'Annulée', 'Reçue'] as const
    await service.stored.insertMany(
      Array.from({ length: 5000 }, (_, i) => {
        const order = createStoredOrder(new Date(start + i * HOUR), { status: statuses[i % 5]! })
        return { ...order, number: `9${i}`, userId: i % 100 === 0 ? customer.id : `customer-${i % 97}` }
      }),
    )
  })

  // The count reads what matches, up to 10,000: the page itself must read little more than it returns.
  it.each([
    ['nothing', {}],
    ['a status', { status: 'Annulée' }],
    ['days', { from: '2025-03-01', to: '2025-03-02' }],
    ['a status and days', { status: 'Reçue', from: '2025-03-01', to: '2025-03-02' }],
    ['a number', { number: '94321' }],
    ['users', { userIds: `${customer.id},customer-3,customer-4` }],
    ['overdue', { overdue: 'true' }],
  ])('%s reads an index and few documents', async (_name, query) => {
    const client = new MongoClient(service.database)
    try {
      const db = client.db()
      await db.command({ profile: 2 })
      await list(query as Record<string, string>)
      await db.command({ profile: 0 })
      const [read] = await db
        .collection('system.profile')
        .find({ 'command.find': 'orders', op: 'query' })
        .sort({ ts: -1 })
        .limit(1)
        .toArray()
      expect(read).toMatchObject({ planSummary: expect.stringMatching(/^IXSCAN/) })
      expect(read!['docsExamined']).toBeLessThanOrEqual(100) // of more than 5,000
      expect(read!['hasSortStage']).not.toBe(true)
    } finally {
      await client.close()
    }
  })
})

describe('the history of an order', () => {
  it('says to admins who made each change, and to nobody else', async () => {
    const customer = createPrincipal()
    const items = [{ productId: productService.addProduct().id, quantity: 1 }]
    const { id } = (await service.placeOrder(customer, items)).json()
    const confirmed = await service.request(admin, 'PUT', `/orders/${id}/status`, { status: 'Confirmée' })
    const expected = [
      { status: 'Reçue', by: customer.id },
      { status: 'Confirmée', by: admin.id },
    ]
    expect(confirmed.json().statusHistory).toMatchObject(expected)
    expect((await list({ userIds: customer.id })).items[0].statusHistory).toMatchObject(expected)
    const read = (principal: TestPrincipal) => service.request(principal, 'GET', `/orders/${customer.id}/${id}`)
    expect((await read(admin)).json().statusHistory).toMatchObject(expected)
    const seen = (await read(customer)).json().statusHistory
    expect(seen.map((change: object) => Object.keys(change))).toEqual([
      ['status', 'timestamp'],
      ['status', 'timestamp'],
    ])

    const query = 'query ($id: ID!) { order(id: $id) { statusHistory { changedBy { id } } } }'
    const changedBy = async (principal: TestPrincipal) =>
      (await service.graphql(principal, query, { id })).data.order.statusHistory.map(
        (change: { changedBy: { id: string } | null }) => change.changedBy?.id,
      )
    expect(await changedBy(admin)).toEqual([customer.id, admin.id])
    expect(await changedBy(customer)).toEqual([undefined, undefined])
  })

  it('says null where it was not recorded', async () => {
    const { _id, userId } = await store('2026-07-01T10:00:00Z')
    await service.stored.updateOne({ _id }, { $unset: { 'statusHistory.0.by': '' } })
    const { statusHistory } = (await service.request(admin, 'GET', `/orders/${userId}/${_id}`)).json()
    expect(statusHistory).toEqual([{ status: 'Reçue', timestamp: '2026-07-01T10:00:00.000Z', by: null }])
  })
})
