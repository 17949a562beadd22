// The limit: nothing but the writes that an order needs in MongoDB, from one process, without HTTP, gRPC or Kafka.
// ARGV: MongoDB's URL, twice: with the database for orders and the one for products.
import { newId } from '@halles/service/ids'
import { metricsOf } from '@halles/service/metrics'
import { coalesce } from '@halles/service/coalesce'
import { logger } from '@halles/service/log'
import { openMongo } from '@halles/service/mongo'
import { digestOf } from '@halles/order-service/basket'
import { debtsIn } from '@halles/order-service/debts'
import { intentsIn } from '@halles/order-service/intents'
import { numbersIn } from '@halles/order-service/numbers'
import { orderOf, type Order } from '@halles/order-service/order'
import { ordersCollection, SWEEP_AFTER, type Mark, type Stored } from '@halles/order-service/orders'
import { stockMetricsIn } from '@halles/product-service/metrics'
import type { Product } from '@halles/product-service/product'
import { productsIn } from '@halles/product-service/products'
import { reservationsIn } from '@halles/product-service/reservations'
import { transactionsOn } from '@halles/product-service/transactions'
import { basket, type Case } from './baskets.ts'
import { answering } from './child.ts'

/**
 * `batched` writes by the very stores of order-service and product-service, which write together what waits;
 * `one-by-one` makes the same changes, each by a call of its own, and without a transaction.
 */
export type Writes = {
  manner: 'batched' | 'one-by-one'
  case: Case
  buyers: number
  for: { ms: number } | { orders: number }
}
/** `ms` is how long it took in all, `each` how long each order took until it was confirmed. */
export type Written = { ms: number; each: number[] }

const [orderUrl, productUrl] = process.argv.slice(2) as [string, string]
const PRODUCTS = 1000
const now = () => new Date()
const log = logger('bare-writes', 'warn')

const [orderMongo, productMongo] = await Promise.all([
  openMongo(orderUrl, 'bare-writes'),
  openMongo(productUrl, 'bare-writes'),
])
const orders = await ordersCollection(orderMongo.db)
const intents = intentsIn(orders, now)
const debts = debtsIn(orders, now)
const takeNumber = numbersIn(orderMongo.db)
const { transact } = transactionsOn(productMongo.client, log)
const reservations = await reservationsIn(productMongo.db, transact, stockMetricsIn(metricsOf('bare-writes')), now)
const shelf = await productsIn(productMongo.db, transact)
const products = productMongo.db.collection<Product>('products')
const ledger = productMongo.db.collection<{ _id: string }>('reservations')

const ids = Array.from({ length: PRODUCTS }, newId)
await shelf.fill(
  ids.map((_id, i) => ({
    _id,
    name: `A thing of the bench ${i}`,
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

const tell = coalesce(
  async (told: Order[]): Promise<undefined[]> => {
    await debts.told(told)
    return told.map(() => undefined)
  },
  { max: 512 },
)

async function newOrder(which: Case): Promise<{ order: Order; mark: Mark }> {
  const lines = basket(ids, which)
  const id = newId()
  const order = orderOf({
    _id: id,
    number: await takeNumber(),
    customer: { id: `customer-${id.slice(-2)}`, name: 'Camille', email: `${id}@halles.example`, locale: 'fr' },
    items: lines.map((line) => ({ ...line, name: 'A thing of the bench', price: 12.5 })),
    at: now(),
    traceparent: '00-0123456789abcdef0123456789abcdef-0123456789abcdef-00',
  })
  const wanted = lines.map((line, at) => ({ ...line, at }))
  return { order, mark: { key: newId(), until: now(), basket: digestOf(wanted) } }
}

const itemsOf = ({ items }: Order) => items.map(({ productId, quantity }) => ({ productId, quantity }))

/** Resolves when the order is confirmed, with the clearing that follows. */
const place: Record<Writes['manner'], (which: Case) => Promise<{ cleared: Promise<unknown> }>> = {
  batched: async (which) => {
    const { order, mark } = await newOrder(which)
    await intents.add(order, mark)
    await reservations.reserve({ orderId: order._id, items: itemsOf(order), deadline: Infinity })
    await intents.confirm(order._id)
    return { cleared: tell(order) }
  },

  'one-by-one': async (which) => {
    const { order, mark } = await newOrder(which)
    const _id = order._id
    const intent: Stored = { ...order, status: 'Intent', sweepAt: new Date(Date.now() + SWEEP_AFTER), idem: mark }
    await orders.insertOne(intent)
    await ledger.insertOne({ _id, state: 'held', items: itemsOf(order), at: now() } as { _id: string })
    await products.bulkWrite(
      itemsOf(order).map(({ productId, quantity }) => ({
        updateOne: {
          filter: { _id: productId, archived: false, stock: { $gte: quantity } },
          update: { $inc: { stock: -quantity } },
        },
      })),
    )
    await orders.updateOne({ _id, status: 'Intent' }, { $set: { status: 'Reçue' } })
    const clearing = { $unset: { unsent: '', sweepAt: '', sweptBy: '' } } as const
    return { cleared: orders.updateOne({ _id, seq: 1 }, clearing, { writeConcern: { w: 1 } }) }
  },
}

async function write({ manner, case: which, buyers, for: until }: Writes): Promise<Written> {
  const each: number[] = []
  const clearings: Promise<unknown>[] = []
  let begun = 0
  const began = performance.now()
  const goesOn = (): boolean => ('ms' in until ? performance.now() - began < until.ms : begun < until.orders)
  await Promise.all(
    Array.from({ length: buyers }, async () => {
      while (goesOn()) {
        begun++
        const start = performance.now()
        const { cleared } = await place[manner](which)
        each.push(performance.now() - start)
        clearings.push(cleared)
      }
    }),
  )
  const ms = performance.now() - began
  await Promise.all(clearings)
  return { ms, each }
}

answering(write)
