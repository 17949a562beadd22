import { randomUUID } from 'node:crypto'
import { newId } from '@halles/mongo/ids'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { createPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { MongoClient, type Document } from 'mongodb'
import { expect, inject, it, onTestFinished } from 'vitest'
import { startFakeProductService } from '../test/fake-product-service.ts'
import { consumeOrderEvents } from '../test/order-events.ts'
import { startOrderService } from '../test/start-order-service.ts'
import { createOrder } from './order.ts'
import { openOrdersCollection } from './orders.ts'
import { toFingerprint } from './place-order/basket.ts'
import { createStockClient } from './place-order/stock-client.ts'

const LONG_AGO = new Date(Date.now() - 60_000)

it('order-service finishes the orders that an earlier version stored under other names', async () => {
  const productService = await startFakeProductService()
  onTestFinished(() => productService.stop())
  const stock = createStockClient(productService.address)
  onTestFinished(() => stock.close())
  const consumer = await consumeOrderEvents(inject('kafka'))
  onTestFinished(() => consumer.close())

  const database = uniqueDatabaseUrl(inject('mongodb'))
  const client = new MongoClient(database, { ignoreUndefined: true })
  onTestFinished(() => client.close())
  const orders = client.db().collection<Document & { _id: string }>('orders')
  await orders.createIndexes([
    { key: { userId: 1, 'idem.key': 1 }, unique: true, partialFilterExpression: { 'idem.key': { $exists: true } } },
    { key: { sweepAt: 1 }, partialFilterExpression: { sweepAt: { $exists: true } } },
    { key: { releaseAt: 1 }, partialFilterExpression: { releaseAt: { $exists: true } } },
  ])

  const customer = createPrincipal()
  const product = productService.addProduct({ stock: 10 })
  const items = [{ productId: product.id, quantity: 1 }]
  const fingerprint = toFingerprint([{ ...items[0]!, index: 0 }])
  /** Stores an order in the shape of the earlier version, with its stock reserved; `more` are that version's fields. */
  const insertOld = async (more: Document): Promise<string> => {
    const { id, name, email, locale } = customer
    const lines = [{ ...items[0]!, name: 'Comté 18 mois', price: 10 }]
    const { unpublished, ...order } = createOrder({
      _id: newId(),
      number: '1',
      customer: { id, name, email, locale },
      items: lines,
      at: LONG_AGO,
    })
    await orders.insertOne({ ...order, unsent: unpublished, ...more })
    await stock.reserve({ orderId: order._id, items })
    return order._id
  }
  const createKey = () => ({ key: randomUUID(), until: new Date(Date.now() + 3600_000), basket: fingerprint })
  const [pendingKey, placedKey] = [createKey(), createKey()]

  const pending = await insertOld({ status: 'Intent', sweepAt: LONG_AGO, idem: pendingKey })
  const cancelling = await insertOld({ status: 'Undoing', releaseAt: LONG_AGO, releasedBy: 'lease', unsent: undefined })
  const placed = await insertOld({ sweepAt: LONG_AGO, sweptBy: 'lease', idem: placedKey })
  const cancelledEvent = {
    seq: 2,
    type: 'order.status-changed',
    at: LONG_AGO,
    previousStatus: 'Reçue',
  }
  const cancelled = await insertOld({
    status: 'Annulée',
    statusHistory: [
      { status: 'Reçue', timestamp: LONG_AGO },
      { status: 'Annulée', timestamp: LONG_AGO },
    ],
    seq: 2,
    unsent: [cancelledEvent],
    sweepAt: LONG_AGO,
    releaseAt: LONG_AGO,
  })
  expect(product.stock).toBe(6)

  const service = await startOrderService({
    mongodb: inject('mongodb'),
    kafka: inject('kafka'),
    product: productService.address,
    database,
  })
  onTestFinished(service.close)

  // Pending orders are cancelled and removed, the cancelled order's stock is released, every event is published.
  await eventually(
    'pending orders are removed',
    async () => (await orders.countDocuments({ _id: { $in: [pending, cancelling] } })) === 0,
  )
  await eventually('the stock of all but the placed order is released', () => product.stock === 9)
  await eventually('the events are consumed', () => consumer.sequences(cancelled).length === 1)
  await eventually('the event of the placed order is consumed', () => consumer.sequences(placed).length === 1)
  expect(consumer.sequences(placed)).toEqual([1])
  expect(consumer.sequences(cancelled)).toEqual([2])
  expect(consumer.received(pending)).toEqual([])

  // The key of the placed order gives that order; the key of the pending order is free again.
  const replayed = await service.placeOrder(customer, items, { key: placedKey.key })
  expect(replayed.json()).toMatchObject({ id: placed, status: 'Reçue' })
  expect(replayed.headers['idempotent-replayed']).toBe('true')
  const again = await service.placeOrder(customer, items, { key: pendingKey.key })
  expect(again.statusCode).toBe(201)
  expect(again.headers['idempotent-replayed']).toBeUndefined()

  // No old name is left.
  await eventually(
    'nothing is pending',
    async () =>
      (await service.stored.countDocuments({
        $or: [{ nextAttemptAt: { $exists: true } }, { releaseAttemptAt: { $exists: true } }],
      })) === 0,
  )
  const oldFields = ['sweepAt', 'sweptBy', 'releaseAt', 'releasedBy', 'unsent', 'idem', 'idempotency.until', 'idempotency.basket'] // prettier-ignore
  expect(await orders.countDocuments({ $or: oldFields.map((field) => ({ [field]: { $exists: true } })) })).toBe(0)
  const indexes = (await orders.indexes()).map(({ name }) => name)
  expect(indexes).not.toEqual(expect.arrayContaining([expect.stringMatching(/idem\.|sweepAt|releaseAt_/)]))
})

it('openOrdersCollection renames stored orders once, however many instances start at the same time', async () => {
  const client = new MongoClient(uniqueDatabaseUrl(inject('mongodb')))
  onTestFinished(() => client.close())
  const db = client.db()
  const at = new Date()
  const old = Array.from({ length: 500 }, (_, i) => ({ _id: `o${i}`, userId: `u${i}`, status: 'Intent', sweepAt: at, idem: { key: 'k', until: at, basket: 'b' } })) // prettier-ignore
  await db.collection<Document & { _id: string }>('orders').insertMany(old)
  for (let restart = 0; restart < 2; restart++)
    await Promise.all(Array.from({ length: 4 }, () => openOrdersCollection(db)))
  const renamed = old.map(({ _id, userId }) => ({ _id, userId, status: 'Pending', nextAttemptAt: at, idempotency: { key: 'k', expiresAt: at, fingerprint: 'b' } })) // prettier-ignore
  const stored = await db.collection('orders').find().toArray()
  expect(stored).toHaveLength(500)
  expect(stored).toEqual(expect.arrayContaining(renamed))
})
