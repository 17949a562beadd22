import { newId } from '@halles/service/ids'
import { logger } from '@halles/service/log'
import { metricsOf } from '@halles/service/metrics'
import { openMongo } from '@halles/service/mongo'
import type { Db } from 'mongodb'
import { stockMetricsIn } from '../src/metrics.ts'
import { productsIn } from '../src/products.ts'
import { reserveStock } from '../src/reserve-stock.ts'
import { reservationsIn } from '../src/reservations.ts'
import { transactionsOn } from '../src/transactions.ts'
import type { Product } from '../src/product.ts'

/** A product that is not on the shelf yet. */
export function aProduct(more: Partial<Product> = {}): Product {
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
    ...more,
  }
}

export type Ledger = Awaited<ReturnType<typeof ledgerOn>>

/** The stock of one instance of product-service, with a client of its own, without its doors. */
export async function ledgerOn(database: string, appName = 'product-service') {
  const mongo = await openMongo(database, appName)
  let retries = 0
  const { transact, sweep } = transactionsOn(mongo.client, logger('test', 'silent'), () => retries++)
  const products = await productsIn(mongo.db, transact)
  const metrics = stockMetricsIn(metricsOf('test'))
  const reservations = await reservationsIn(mongo.db, transact, metrics, () => new Date())
  return {
    mongo,
    db: mongo.db,
    products,
    reservations,
    sweep,
    /** How often a transaction was begun again. */
    retries: (): number => retries,
    put: async (more: Partial<Product> = {}): Promise<string> => {
      const product = aProduct(more)
      await products.add(product, 'test')
      return product._id
    },
    stockOf: async (id: string): Promise<number | undefined> => (await products.find(id))?.stock,
    /** Reserves for an order, a new one unless it is named: lines are pairs of product and quantity. */
    reserve: (lines: [productId: string, quantity: number][], orderId = newId(), deadline = Infinity) =>
      reserveStock(
        { reservations },
        { orderId, items: lines.map(([productId, quantity]) => ({ productId, quantity })) },
        deadline,
      ),
    release: (orderId: string) => reservations.release(orderId),
    close: (): Promise<void> => mongo.close(),
  }
}

/** The products of which stock + what is held is not opening stock + adjustments, with both sums. */
export async function misfitsIn(db: Db): Promise<{ id: string; there: number; due: number }[]> {
  const there = await db.collection<Product>('products').find().toArray()
  const held = await sumsOf(
    db,
    'reservations',
    [{ $match: { state: 'held' } }, { $unwind: '$items' }],
    '$items.productId',
    '$items.quantity',
  )
  const due = await sumsOf(db, 'movements', [], '$productId', '$delta')
  return there
    .map(({ _id, stock }) => ({ id: _id, there: stock + (held.get(_id) ?? 0), due: due.get(_id) ?? 0 }))
    .filter(({ there, due }) => there !== due)
}

async function sumsOf(db: Db, name: string, stages: object[], by: string, of: string): Promise<Map<string, number>> {
  const sums = await db
    .collection(name)
    .aggregate<{ _id: string; sum: number }>([...stages, { $group: { _id: by, sum: { $sum: of } } }])
    .toArray()
  return new Map(sums.map(({ _id, sum }) => [_id, sum]))
}
