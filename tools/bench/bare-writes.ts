// The upper limit: only the MongoDB writes of an order, from one process, without HTTP, gRPC or Kafka.
// Arguments: the MongoDB URLs with the databases of orders and of products.
import { newId } from '@halles/mongo/ids'
import { createMetrics } from '@halles/telemetry/metrics'
import { createBatcher } from '@halles/concurrency/batcher'
import { createLogger } from '@halles/telemetry/log'
import { connectMongo } from '@halles/mongo/mongo'
import { toFingerprint } from '@halles/order-service/basket'
import {
  createOrder as createOrderDocument,
  WORKER_DELAY,
  type IdempotencyRecord,
  type Order,
  type StoredOrder,
} from '@halles/order-service/order'
import { openOrdersCollection } from '@halles/order-service/orders'
import { createOrderNumbers, createPendingOrders } from '@halles/order-service/pending-orders'
import { createPendingPublications } from '@halles/order-service/pending-publications'
import { createStockMetrics } from '@halles/product-service/metrics'
import type { Product } from '@halles/product-service/product'
import { createProductStore } from '@halles/product-service/products'
import { createReservationStore } from '@halles/product-service/reservations'
import { createTransactionRunner } from '@halles/product-service/transactions'
import { createBasket, type Case } from './baskets.ts'
import { serveParent } from './child-process.ts'

/**
 * `batched` writes by the stores of order-service and product-service, which group concurrent writes (group commit);
 * `one-by-one` makes the same changes, each by a call of its own and without a transaction.
 */
export type Writes = {
  mode: 'batched' | 'one-by-one'
  case: Case
  buyers: number
  for: { ms: number } | { orders: number }
}
/** `ms` is the total duration, `latencies` has the time until each order was confirmed. */
export type WriteResult = { ms: number; latencies: number[] }

const [orderUrl, productUrl] = process.argv.slice(2) as [string, string]
const PRODUCTS = 1000
const now = () => new Date()
const log = createLogger('bare-writes', 'warn')

const [orderMongo, productMongo] = await Promise.all([
  connectMongo(orderUrl, 'bare-writes'),
  connectMongo(productUrl, 'bare-writes'),
])
const orders = await openOrdersCollection(orderMongo.db)
const pendingOrders = createPendingOrders(orders, now)
const pendingPublications = createPendingPublications(orders, now)
const takeNumber = createOrderNumbers(orderMongo.db)
const transact = createTransactionRunner(productMongo.client, log)
const reservations = await createReservationStore(
  productMongo.db,
  transact,
  createStockMetrics(createMetrics('bare-writes')),
  now,
)
const productStore = await createProductStore(productMongo.db, transact)
const products = productMongo.db.collection<Product>('products')
const reservationDocuments = productMongo.db.collection<{ _id: string }>('reservations')

const ids = Array.from({ length: PRODUCTS }, newId)
await productStore.fillIfEmpty(
  ids.map((_id, i) => ({
    _id,
    name: `Benchmark product ${i}`,
    description: null,
    price: 12.5,
    category: 'bench',
    stock: 1_000_000,
    image: null,
    revision: 1,
    archived: false,
    createdAt: now(),
    updatedAt: now(),
  })),
)

const markPublished = createBatcher(
  async (published: Order[]): Promise<undefined[]> => {
    await pendingPublications.markPublished(published)
    return published.map(() => undefined)
  },
  { maxSize: 512 },
)

async function createOrder(contention: Case): Promise<{ order: Order; record: IdempotencyRecord }> {
  const lines = createBasket(ids, contention)
  const id = newId()
  const order = createOrderDocument({
    _id: id,
    number: await takeNumber(),
    customer: { id: `customer-${id.slice(-2)}`, name: 'Camille', email: `${id}@halles.example`, locale: 'fr' },
    items: lines.map((line) => ({ ...line, name: 'Benchmark product', price: 12.5 })),
    at: now(),
    traceparent: '00-0123456789abcdef0123456789abcdef-0123456789abcdef-00',
  })
  const basketLines = lines.map((line, index) => ({ ...line, index }))
  return { order, record: { key: newId(), expiresAt: now(), fingerprint: toFingerprint(basketLines) } }
}

const itemsOf = ({ items }: Order) => items.map(({ productId, quantity }) => ({ productId, quantity }))

/** Places an order. Resolves when it is confirmed, with the promise of the write that follows. */
const placeOrder: Record<Writes['mode'], (contention: Case) => Promise<{ cleanUp: Promise<unknown> }>> = {
  batched: async (contention) => {
    const { order, record } = await createOrder(contention)
    await pendingOrders.create(order, record)
    await reservations.reserve({ orderId: order._id, items: itemsOf(order), deadline: Infinity })
    await pendingOrders.confirm(order._id)
    return { cleanUp: markPublished(order) }
  },

  'one-by-one': async (contention) => {
    const { order, record } = await createOrder(contention)
    const _id = order._id
    const pending: StoredOrder = {
      ...order,
      status: 'Pending',
      nextAttemptAt: new Date(Date.now() + WORKER_DELAY),
      idempotency: record,
    }
    await orders.insertOne(pending)
    await reservationDocuments.insertOne({ _id, state: 'held', items: itemsOf(order), at: now() } as { _id: string })
    await products.bulkWrite(
      itemsOf(order).map(({ productId, quantity }) => ({
        updateOne: {
          filter: { _id: productId, archived: false, stock: { $gte: quantity } },
          update: { $inc: { stock: -quantity } },
        },
      })),
    )
    await orders.updateOne({ _id, status: 'Pending' }, { $set: { status: 'Reçue' } })
    const update = { $unset: { unpublished: '', nextAttemptAt: '', leasedBy: '' } } as const
    return { cleanUp: orders.updateOne({ _id, seq: 1 }, update, { writeConcern: { w: 1 } }) }
  },
}

async function write({ mode, case: contention, buyers, for: limit }: Writes): Promise<WriteResult> {
  const latencies: number[] = []
  const cleanUps: Promise<unknown>[] = []
  let started = 0
  const startedAt = performance.now()
  const shouldContinue = (): boolean =>
    'ms' in limit ? performance.now() - startedAt < limit.ms : started < limit.orders
  await Promise.all(
    Array.from({ length: buyers }, async () => {
      while (shouldContinue()) {
        started++
        const start = performance.now()
        const { cleanUp } = await placeOrder[mode](contention)
        latencies.push(performance.now() - start)
        cleanUps.push(cleanUp)
      }
    }),
  )
  const ms = performance.now() - startedAt
  await Promise.all(cleanUps)
  return { ms, latencies }
}

serveParent(write)
