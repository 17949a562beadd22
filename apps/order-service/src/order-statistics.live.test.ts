import type { Status } from '@halles/contracts/order-events'
import { createAdmin, createPrincipal } from '@halles/test-fixtures/principals'
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest'
import { startFakeProductService } from '../test/fake-product-service.ts'
import { startOrderService } from '../test/start-order-service.ts'
import { createStoredOrder } from '../test/stored-order.ts'
import { openStores, type Stores } from '../test/stores.ts'
import { createStatisticsReader } from './order-statistics.ts'
import { createShopDays } from './shop-days.ts'

const HOUR = 3600_000
const admin = createAdmin()

/** Creates a reader of a database of its own, at a time that the test sets. */
async function createReader(stores: Stores) {
  const clock = { now: new Date('2026-03-30T08:00:00Z') }
  const readings = vi.spyOn(stores.orders, 'countBacklog')
  const read = createStatisticsReader({
    orders: stores.orders,
    days: createShopDays('Europe/Paris'),
    overdueSince: () => new Date(clock.now.getTime() - 48 * HOUR),
    now: () => clock.now,
  })
  return { read, clock, readings }
}

describe('the statistics of orders', () => {
  let stores: Stores
  beforeAll(async () => {
    stores = await openStores(inject('mongodb'))
  })
  afterAll(() => stores.close())

  it('sum the last 7 days exactly, cancelled orders apart, and count by status', async () => {
    const { read } = await createReader(stores)
    const placed: [at: string, price: number, status: Status][] = [
      ['2026-03-23T22:59:59.999Z', 999, 'Livrée'], // the day before the first
      ['2026-03-23T23:00:00.000Z', 0.1, 'Livrée'],
      ['2026-03-24T12:00:00.000Z', 0.2, 'Livrée'],
      ['2026-03-28T07:59:59.000Z', 20, 'Préparée'], // 48 hours and a second ago
      ['2026-03-28T08:00:01.000Z', 30, 'Préparée'],
      ['2026-03-29T21:59:59.999Z', 40, 'Annulée'],
      ['2026-03-29T22:00:00.000Z', 1.1, 'Reçue'], // today
      ['2026-03-30T07:59:00.000Z', 2.2, 'Reçue'],
    ]
    await stores.collection.insertMany(placed.map(([at, price, status]) => createStoredOrder(at, { price, status })))
    await stores.collection.insertOne({
      ...createStoredOrder('2026-03-30T07:00:00Z', { price: 99 }),
      status: 'Pending',
    })

    const none = { orders: 0, turnover: 0, cancelled: 0 }
    expect(await read(admin)).toEqual({
      at: '2026-03-30T08:00:00.000Z',
      timeZone: 'Europe/Paris',
      days: [
        { date: '2026-03-24', orders: 2, turnover: 0.3, cancelled: 0 },
        { date: '2026-03-25', ...none },
        { date: '2026-03-26', ...none },
        { date: '2026-03-27', ...none },
        { date: '2026-03-28', orders: 2, turnover: 50, cancelled: 0 },
        { date: '2026-03-29', orders: 0, turnover: 0, cancelled: 1 },
        { date: '2026-03-30', orders: 2, turnover: 3.3, cancelled: 0 },
      ],
      statuses: [
        { status: 'Reçue', orders: 2, overdue: 0 },
        { status: 'Confirmée', orders: 0, overdue: 0 },
        { status: 'Préparée', orders: 2, overdue: 1 },
        { status: 'Livrée', orders: 3, overdue: 0 },
        { status: 'Annulée', orders: 1, overdue: 0 },
      ],
      unpublishedEvents: 0,
      oldestUnpublishedAt: null,
    })
  })

  it('are read from the database once in 10 s, however many ask at the same time', async () => {
    const { read, clock, readings } = await createReader(stores)
    await Promise.all([read(admin), read(admin), read(admin)])
    clock.now = new Date(clock.now.getTime() + 9_999)
    await read(admin)
    expect(readings).toHaveBeenCalledTimes(1)
    clock.now = new Date(clock.now.getTime() + 1)
    await read(admin)
    expect(readings).toHaveBeenCalledTimes(2)
  })

  it('are read again after a failure', async () => {
    const { read, readings } = await createReader(stores)
    readings.mockRejectedValueOnce(new Error('no database'))
    await expect(read(admin)).rejects.toThrow('no database')
    expect(await read(admin)).toMatchObject({ unpublishedEvents: 0 })
  })

  it('are for admins only, whether or not they are at hand', async () => {
    const { read } = await createReader(stores)
    for (let i = 0; i < 2; i++) {
      await expect(read(createPrincipal())).rejects.toMatchObject({ code: 'FORBIDDEN' })
      await expect(read(undefined)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
      await read(admin)
    }
  })

  it('sum 20,000 orders of a week within the time limit', async () => {
    const start = Date.parse('2026-06-01T00:00:00Z')
    const template = createStoredOrder('2026-06-01T00:00:00Z', { price: 10.01, status: 'Livrée' })
    for (let day = 0; day < 7; day++)
      await stores.collection.insertMany(
        Array.from({ length: 2_857 }, (_, i) => {
          const { _id, createdAt } = createStoredOrder(new Date(start + day * 24 * HOUR + i * 1000))
          return { ...template, _id, createdAt }
        }),
      )
    const { read, clock } = await createReader(stores)
    clock.now = new Date('2026-06-07T20:00:00Z')
    const { days } = await read(admin)
    expect(days.map(({ turnover }) => turnover)).toEqual(days.map(() => 28_598.57))
  })
})

describe('the statistics of order-service', () => {
  it('are the same by REST and GraphQL', async () => {
    const product = await startFakeProductService()
    const service = await startOrderService({
      mongodb: inject('mongodb'),
      kafka: inject('kafka'),
      product: product.address,
    })
    try {
      const items = [{ productId: product.addProduct({ price: 12.9 }).id, quantity: 2 }]
      const customer = createPrincipal()
      expect((await service.placeOrder(customer, items)).statusCode).toBe(201)
      const rest = (await service.request(admin, 'GET', '/orders/statistics')).json()
      expect(rest.days.at(-1)).toMatchObject({ orders: 1, turnover: 25.8, cancelled: 0 })
      expect(rest.statuses).toContainEqual({ status: 'Reçue', orders: 1, overdue: 0 })
      const { data } = await service.graphql(
        admin,
        `{ orderStatistics { at timeZone days { date orders turnover cancelled } statuses { status orders overdue }
             unpublishedEvents oldestUnpublishedAt } }`,
      )
      const names = ['RECUE', 'CONFIRMEE', 'PREPAREE', 'LIVREE', 'ANNULEE']
      const statuses = rest.statuses.map((row: object, i: number) => ({ ...row, status: names[i] }))
      expect(data.orderStatistics).toEqual({ ...rest, statuses })
      expect((await service.request(customer, 'GET', '/orders/statistics')).json()).toMatchObject({ code: 'FORBIDDEN' })
      expect((await service.request(undefined, 'GET', '/orders/statistics')).statusCode).toBe(401)
      const refused = await service.graphql(customer, '{ orderStatistics { at } }')
      expect(refused).toMatchObject({ data: null, errors: [{ extensions: { code: 'FORBIDDEN' } }] })
    } finally {
      await service.close()
      product.stop()
    }
  })
})
