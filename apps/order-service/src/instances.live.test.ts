import { randomUUID } from 'node:crypto'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { createAdmin, createPrincipal } from '@halles/test-fixtures/principals'
import { sendRequest, serveJwks, startProcess, type Process } from '@halles/test-fixtures/process'
import { eventually } from '@halles/test-fixtures/wait'
import { MongoClient, type Collection } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { consumeOrderEvents, type OrderEventsConsumer } from '../test/order-events.ts'
import { startFakeProductService, type FakeProductService } from '../test/fake-product-service.ts'
import type { StoredOrder } from './order.ts'

// Two instances of order-service, as in production: two processes on one database and one Kafka.

const cleanups: (() => unknown)[] = []
const admin = createAdmin()
let productService: FakeProductService
let stored: Collection<StoredOrder>
let consumer: OrderEventsConsumer
let instances: Process[]
let urls: string[]
beforeAll(async () => {
  productService = await startFakeProductService()
  const keys = await serveJwks()
  const database = uniqueDatabaseUrl(inject('mongodb'), 'order')
  const client = new MongoClient(database)
  stored = client.db().collection('orders')
  consumer = await consumeOrderEvents(inject('kafka'))
  instances = Array.from({ length: 2 }, () =>
    startProcess(new URL('main.ts', import.meta.url), {
      MONGODB_URL: database,
      KAFKA_BROKERS: inject('kafka'),
      PRODUCT_GRPC_URL: productService.address,
      JWKS_URL: keys.url,
    }),
  )
  cleanups.push(
    productService.stop,
    keys.close,
    () => client.close(),
    consumer.close,
    ...instances.map(({ kill }) => kill),
  )
  urls = (await Promise.all(instances.map(({ listening }) => listening))) as string[]
})
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup()
})

const placeOrder = (
  url: string,
  customer: ReturnType<typeof createPrincipal>,
  product: string,
  key: string = randomUUID(),
) =>
  sendRequest(
    url,
    customer,
    'POST',
    '/orders',
    { items: [{ productId: product, quantity: 1 }] },
    { 'idempotency-key': key },
  )
const changeStatus = (url: string, id: string, status: string, actor = admin) =>
  sendRequest(url, actor, 'PUT', `/orders/${id}/status`, { status })
const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

describe('two instances of order-service', () => {
  it('place one order for an idempotency key that both get at once', async () => {
    const product = productService.addProduct({ stock: 1000 })
    for (let round = 0; round < 5; round++) {
      const customer = createPrincipal()
      const key = randomUUID()
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) => placeOrder(urls[i % 2]!, customer, product.id, key)),
      )
      const placed = answers.filter((answer) => answer?.status === 201)
      expect(answers.filter((answer) => answer?.status !== 201).map((answer) => answer?.body.code)).toEqual(
        Array.from({ length: 10 - placed.length }, () => 'IN_PROGRESS'),
      )
      expect(placed.filter((answer) => answer!.headers.get('idempotent-replayed') === null)).toHaveLength(1)
      expect(new Set(placed.map((answer) => answer!.body.id)).size).toBe(1)
      expect(await stored.countDocuments({ userId: customer.id })).toBe(1)
    }
    await eventually('one product is sold for each key', () => product.stock === 995)
  })

  it('keep one status history without gaps or repeats under 50 concurrent changes of each order', async () => {
    const product = productService.addProduct({ stock: 1000 })
    const orders = await Promise.all(
      Array.from(
        { length: 10 },
        async (_, i) => (await placeOrder(urls[i % 2]!, createPrincipal(), product.id))!.body.id as string,
      ),
    )
    const admins = [createAdmin(), createAdmin()]
    const wanted = ['Confirmée', 'Préparée', 'Livrée', 'Annulée', 'Confirmée']
    const changes = (id: string) =>
      Array.from({ length: 50 }, async (_, i) => {
        const status = wanted[i % wanted.length]!
        return { id, status, answer: (await changeStatus(urls[i % 2]!, id, status, admins[i % 2]))! }
      })
    const answered: Awaited<ReturnType<typeof changes>[number]>[] = []
    // Two orders at a time: more concurrent requests would exceed the answer timeout on a busy machine.
    for (let i = 0; i < orders.length; i += 2)
      answered.push(...(await Promise.all(orders.slice(i, i + 2).flatMap(changes))))
    for (const { status, answer } of answered) {
      if (answer.status !== 200) expect(answer.body.code).toBe('INVALID_TRANSITION')
      else expect(answer.body.statusHistory.map((entry: { status: string }) => entry.status)).toContain(status)
    }
    for (const id of orders) {
      const { status, statusHistory, seq } = (await stored.findOne({ _id: id }))!
      const history = statusHistory.map((entry) => entry.status)
      expect(['Livrée', 'Annulée']).toContain(status)
      expect(history.at(-1)).toBe(status)
      expect(new Set(history).size).toBe(history.length)
      expect(seq).toBe(history.length)
      // The history begins with the history of every 200 answer.
      for (const { answer } of answered.filter((each) => each.id === id && each.answer.status === 200)) {
        const seen = answer.body.statusHistory.map((entry: { status: string }) => entry.status)
        expect(history.slice(0, seen.length)).toEqual(seen)
      }
      await eventually('its events are consumed', () => consumer.sequences(id).length === seq)
      expect(consumer.sequences(id)).toEqual(Array.from({ length: seq }, (_, i) => i + 1))
      expect(consumer.distinct(id).map(({ data }) => data.order.status)).toEqual(history)
    }
    const cancelled = await stored.countDocuments({ _id: { $in: orders }, status: 'Annulée' })
    await eventually(
      'the stock of cancelled orders is released',
      () => product.stock === 1000 - orders.length + cancelled,
    )
  })

  it('publish the events of every order in sequence while one instance is paused repeatedly, once for long', async () => {
    const [pausedUrl, runningUrl] = urls as [string, string]
    const product = productService.addProduct({ stock: 10_000 })
    const orders = new Set<string>()
    const pausedRequests: Promise<unknown>[] = []
    let isRunning = true
    /** Orders are placed and changed at either instance, paused or not. */
    const clients = Array.from({ length: 12 }, async (_, n) => {
      for (let i = n; isRunning; i++) {
        const id: string | undefined = (
          await placeOrder(i % 3 === 0 ? pausedUrl : runningUrl, createPrincipal(), product.id)
        )?.body.id
        if (id === undefined) continue
        orders.add(id)
        for (const status of ['Confirmée', 'Préparée', 'Livrée']) {
          // The paused instance gets requests too, but nothing waits for it.
          if ((i + status.length) % 4 === 0) pausedRequests.push(changeStatus(pausedUrl, id, status))
          await changeStatus(runningUrl, id, status)
        }
      }
    })
    const pause = async (ms: number): Promise<void> => {
      const before = orders.size
      instances[0]!.child.kill('SIGSTOP')
      await sleep(ms)
      instances[0]!.child.kill('SIGCONT')
      await eventually('more orders are placed', () => orders.size > before + 10)
    }
    for (let i = 0; i < 8; i++) await pause(200 + Math.random() * 500)
    await pause(17_000) // longer than WORKER_DELAY: the other instance publishes what this one was about to publish
    isRunning = false
    await Promise.all(clients)
    await Promise.all(pausedRequests) // the paused instance has finished what it does late

    expect(orders.size).toBeGreaterThan(50)
    await eventually(
      'every event is published',
      async () => (await stored.countDocuments({ unpublished: { $exists: true } })) === 0,
    )
    for (const id of orders) {
      const { seq } = (await stored.findOne({ _id: id }))!
      const all = Array.from({ length: seq }, (_, i) => i + 1)
      await eventually('its events are consumed', () => consumer.sequences(id).length === seq)
      expect(consumer.sequences(id)).toEqual(all)
    }
  }, 300_000)
})
