import { newId } from '@halles/mongo/ids'
import { createLogger } from '@halles/telemetry/log'
import { createMetrics } from '@halles/telemetry/metrics'
import { connectMongo } from '@halles/mongo/mongo'
import type { Db, MongoClient } from 'mongodb'
import { abortAbandonedTransactions } from '../src/abandoned-transactions.ts'
import type { Product } from '../src/products/product.ts'
import { createProductStore } from '../src/products/products.ts'
import { createStockMetrics } from '../src/stock/metrics.ts'
import { createReservationStore } from '../src/stock/reservations.ts'
import { createTransactionRunner } from '../src/transactions.ts'

/** Builds a product that is not stored yet. */
export function buildProduct(overrides: Partial<Product> = {}): Product {
  const at = new Date()
  return {
    _id: newId(),
    name: 'Comté 18 mois',
    description: null,
    price: 12.9,
    category: 'Fromagerie',
    stock: 10,
    image: null,
    revision: 1,
    archived: false,
    createdAt: at,
    updatedAt: at,
    ...overrides,
  }
}

export type StockFixture = Awaited<ReturnType<typeof createStockFixture>>

/** Creates the stores of one instance of product-service, with a MongoDB client of their own and without its APIs. */
export async function createStockFixture(database: string, appName = 'product-service') {
  const mongo = await connectMongo(database, appName)
  const log = createLogger('test', 'silent')
  let retries = 0
  const transact = createTransactionRunner(mongo.client, log, () => retries++)
  const products = await createProductStore(mongo.db, transact)
  const metrics = createStockMetrics(createMetrics('test'))
  const reservations = await createReservationStore(mongo.db, transact, metrics, () => new Date())
  return {
    mongo,
    db: mongo.db,
    products,
    reservations,
    abortAbandonedTransactions: () => abortAbandonedTransactions(mongo.client, log),
    /** Returns how many transactions were retried. */
    retries: (): number => retries,
    addProduct: async (overrides: Partial<Product> = {}): Promise<string> => {
      const product = buildProduct(overrides)
      await products.add(product, 'test')
      return product._id
    },
    readStock: async (id: string): Promise<number | undefined> => (await products.find(id))?.stock,
    /** Reserves lines, given as pairs of product and quantity, for an order: a new one unless `orderId` is given. */
    reserve: (lines: [productId: string, quantity: number][], orderId = newId(), deadline = Infinity) =>
      reservations.reserve({
        orderId,
        items: lines.map(([productId, quantity]) => ({ productId, quantity })),
        deadline,
      }),
    release: (orderId: string, deadline = Infinity) => reservations.release(orderId, { deadline }),
    close: (): Promise<void> => mongo.close(),
  }
}

/** Sells one of a product in a transaction that nobody ends, as a process does that is killed in the middle of it. */
export async function abandonSale(client: MongoClient, productId: string): Promise<void> {
  const session = client.startSession()
  session.startTransaction()
  const products = client.db().collection<{ _id: string }>('products')
  await products.updateOne({ _id: productId }, { $inc: { stock: -1 } }, { session })
}

/** Finds the products whose stock + held differs from opening stock + adjustments, and returns both sums. */
export async function findLedgerMismatches(db: Db): Promise<{ id: string; actual: number; expected: number }[]> {
  const products = await db.collection<Product>('products').find().toArray()
  const held = await sumBy(
    db,
    'reservations',
    [{ $match: { state: 'held' } }, { $unwind: '$items' }],
    '$items.productId',
    '$items.quantity',
  )
  const expected = await sumBy(db, 'movements', [], '$productId', '$delta')
  return products
    .map(({ _id, stock }) => ({ id: _id, actual: stock + (held.get(_id) ?? 0), expected: expected.get(_id) ?? 0 }))
    .filter(({ actual, expected }) => actual !== expected)
}

async function sumBy(
  db: Db,
  collection: string,
  stages: object[],
  key: string,
  value: string,
): Promise<Map<string, number>> {
  const sums = await db
    .collection(collection)
    .aggregate<{ _id: string; sum: number }>([...stages, { $group: { _id: key, sum: { $sum: value } } }])
    .toArray()
  return new Map(sums.map(({ _id, sum }) => [_id, sum]))
}
