import { statuses } from '@halles/contracts/order-events'
import { newId } from '@halles/mongo/ids'
import { createKafka, type Publisher } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { startServers } from '@halles/test-servers'
import { createAdmin, createPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { consumeOrderEvents, type OrderEventsConsumer } from '../test/order-events.ts'
import { startOrderService } from '../test/start-order-service.ts'
import { startFakeProductService } from '../test/fake-product-service.ts'
import { openStores, type Stores } from '../test/stores.ts'
import { createOrder, WORKER_DELAY, type Order } from './order.ts'
import { createOutbox, type OutboxDeps } from './outbox.ts'

const log = createLogger('test', 'silent')
const kafka = createKafka(inject('kafka'), 'order-service-test', log)
let stores: Stores
let consumer: OrderEventsConsumer
beforeAll(async () => {
  stores = await openStores(inject('mongodb'))
  consumer = await consumeOrderEvents(inject('kafka'))
})
afterAll(async () => {
  stores.clock.offset = 0
  await Promise.all([stores.close(), consumer.close()])
})

/** Starts an outbox relay with the real stores and Kafka, as an instance of its own. */
function startRelay(more: Partial<OutboxDeps> = {}) {
  const publisher = kafka.publisher()
  const outbox = createOutbox({ ...stores, publisher, log, onPublished: () => {}, pollInterval: 50, ...more })
  onTestFinished(() => outbox.stop())
  return outbox
}

/** Stores a confirmed order whose event is unpublished. */
async function createUnpublishedOrder(): Promise<Order> {
  const { id, name, email, locale } = createPrincipal()
  const items = [{ productId: newId(), name: 'Comté', quantity: 1, price: 10 }]
  const order = createOrder({
    _id: newId(),
    number: await stores.takeNumber(),
    customer: { id, name, email, locale },
    items,
    at: stores.now(),
  })
  await stores.pendingOrders.create(order, undefined)
  await stores.pendingOrders.confirm(order._id)
  return order
}

/** Changes an order to its next status, without enqueueing it. */
async function advance(order: Order): Promise<Order> {
  return (await stores.orders.changeStatus(order, statuses[order.seq]!, { at: stores.now(), by: 'admin' }))!
}

const waitUntilPublished = (ids: string[]) =>
  eventually(
    'every event is published',
    async () => (await stores.collection.countDocuments({ _id: { $in: ids }, unpublished: { $exists: true } })) === 0,
  )

describe('polling by the outbox', () => {
  it('publishes the events of an order whose process crashed, and never those of a pending order', async () => {
    const order = await advance(await createUnpublishedOrder())
    const pending = createOrder({ ...(await createUnpublishedOrder()), _id: newId(), at: stores.now() })
    await stores.pendingOrders.create(pending, undefined)
    stores.clock.offset = WORKER_DELAY + 1000
    onTestFinished(() => void (stores.clock.offset = 0))
    startRelay().enqueue(pending._id)
    await waitUntilPublished([order._id])
    await eventually('two events are consumed', () => consumer.sequences(order._id).length === 2)
    expect(consumer.sequences(order._id)).toEqual([1, 2])
    expect(await stores.collection.findOne({ _id: order._id })).not.toHaveProperty('nextAttemptAt')
    expect(await stores.collection.findOne({ _id: pending._id })).toHaveProperty('unpublished')
    expect(consumer.received(pending._id)).toEqual([])
  })

  it('leases each order to one worker at a time', async () => {
    const ids = await Promise.all(Array.from({ length: 30 }, async () => (await createUnpublishedOrder())._id))
    stores.clock.offset = WORKER_DELAY + 1000
    onTestFinished(() => void (stores.clock.offset = 0))
    const leased = await Promise.all(Array.from({ length: 4 }, () => stores.pendingPublications.lease(1000)))
    const own = leased.flat().filter(({ _id }) => ids.includes(_id))
    expect(own).toHaveLength(30)
    expect(new Set(own.map(({ _id }) => _id)).size).toBe(30)
  })
})

describe('the events of one order', () => {
  it('are published in sequence and without a gap by two relays at once, while the order changes', async () => {
    const relays = [startRelay(), startRelay()]
    const orders = await Promise.all(
      Array.from({ length: 30 }, async () => {
        let order = await createUnpublishedOrder()
        for (const each of relays) each.enqueue(order._id)
        for (let i = 0; i < 3; i++) {
          order = await advance(order)
          // Each instance gets some of the changes, and both may publish the same event.
          for (const each of relays) if (Math.random() < 0.7) each.enqueue(order._id)
        }
        for (const each of relays) each.enqueue(order._id)
        return order._id
      }),
    )
    await waitUntilPublished(orders)
    for (const id of orders) {
      await eventually('four events are consumed', () => consumer.sequences(id).length === 4)
      expect(consumer.sequences(id)).toEqual([1, 2, 3, 4])
    }
  })

  it('are published in sequence by a relay that resumes late', async () => {
    const paused = Promise.withResolvers<void>()
    const resumed = Promise.withResolvers<void>()
    const publisher = kafka.publisher()
    const pausedPublisher: Publisher = {
      ...publisher,
      send: async (topic, messages) => {
        paused.resolve()
        await resumed.promise
        return publisher.send(topic, messages)
      },
    }
    let published = 0
    const { pendingPublications } = stores
    const markPublished: typeof pendingPublications.markPublished = async (orders) => {
      await pendingPublications.markPublished(orders)
      published++
    }
    let order = await createUnpublishedOrder()
    startRelay({
      publisher: pausedPublisher,
      pendingPublications: { ...pendingPublications, markPublished, lease: async () => [] },
    }).enqueue(order._id)
    await paused.promise // it has read the first event, and is paused

    const withoutPolling = { ...pendingPublications, lease: async () => [] }
    const other = startRelay({ pendingPublications: withoutPolling })
    for (let i = 0; i < 2; i++) {
      order = await advance(order)
      other.enqueue(order._id)
    }
    await waitUntilPublished([order._id])
    order = await advance(order) // enqueued nowhere: the late relay must not remove its event
    resumed.resolve()
    await eventually('the late relay is done', () => published > 0)
    expect((await stores.collection.findOne({ _id: order._id }))?.unpublished?.map(({ seq }) => seq)).toEqual([4])
    other.enqueue(order._id)
    await eventually('four events are consumed', () => consumer.sequences(order._id).length === 4)
    expect(consumer.sequences(order._id)).toEqual([1, 2, 3, 4])
    expect(consumer.received(order._id).length).toBeGreaterThan(4) // published twice, which at-least-once delivery allows
  })
})

it(
  'order-service places orders while Kafka is down, and publishes their events in sequence when it is back',
  { timeout: 240_000 },
  async () => {
    const servers = await startServers({ need: ['kafka'], ways: ['container', 'process'] })
    const productService = await startFakeProductService()
    const service = await startOrderService({
      mongodb: inject('mongodb'),
      kafka: servers.kafka!,
      product: productService.address,
    })
    const consumer = await consumeOrderEvents(servers.kafka!)
    onTestFinished(async () => {
      await Promise.all([service.close(), consumer.close()])
      productService.stop()
      await servers.stop()
    })
    const product = productService.addProduct({ stock: 1000 })
    const admin = createAdmin()
    const placeOrder = async (): Promise<string> => {
      const answer = await service.placeOrder(createPrincipal(), [{ productId: product.id, quantity: 1 }])
      expect(answer.statusCode).toBe(201)
      return answer.json().id
    }
    const confirm = (id: string) => service.request(admin, 'PUT', `/orders/${id}/status`, { status: 'Confirmée' })

    const before = await placeOrder()
    await eventually('the first event is consumed', () => consumer.sequences(before).length === 1)
    await servers.kill('kafka', 'SIGKILL')
    const during = await Promise.all(Array.from({ length: 20 }, placeOrder))
    for (const id of [before, ...during]) expect((await confirm(id)).statusCode).toBe(200)
    await eventually('only Kafka is missing', async () => {
      const { kafka: kafkaStatus, ...others } = (await service.app.inject('/readyz')).json().needs
      expect(kafkaStatus).toBe('missing')
      return Object.values(others).every((need) => need === 'ok')
    })
    const metrics = (await service.app.inject('/metrics')).body
    expect(Number(/order_events_unpublished\{[^}]*\} (\d+)/.exec(metrics)?.[1])).toBeGreaterThanOrEqual(41)
    await servers.restart('kafka')

    for (const id of [before, ...during]) {
      await eventually('both events are consumed', () => consumer.sequences(id).length === 2)
      expect(consumer.sequences(id)).toEqual([1, 2])
    }
    await eventually(
      'no publication is pending',
      async () => (await service.stored.countDocuments({ nextAttemptAt: { $exists: true } })) === 0,
    )
  },
)
