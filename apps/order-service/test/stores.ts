import { connectMongo } from '@halles/mongo/mongo'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { createOrderStore, openOrdersCollection } from '../src/orders.ts'
import { createPendingPublications } from '../src/pending-publications.ts'
import { createOrderNumbers, createPendingOrders } from '../src/place-order/pending-orders.ts'
import { createPendingReleases } from '../src/place-order/pending-releases.ts'

/** Opens this service's stores, on a database of their own. `clock.offset` is added to their time, in milliseconds. */
export async function openStores(mongodb: string, database = uniqueDatabaseUrl(mongodb)) {
  const mongo = await connectMongo(database, 'order-service-test')
  const collection = await openOrdersCollection(mongo.db)
  const clock = { offset: 0 }
  const now = () => new Date(Date.now() + clock.offset)
  return {
    database,
    collection,
    clock,
    now,
    orders: createOrderStore(collection),
    pendingOrders: createPendingOrders(collection, now),
    pendingPublications: createPendingPublications(collection, now),
    pendingReleases: createPendingReleases(collection, now),
    takeNumber: createOrderNumbers(mongo.db),
    close: mongo.close,
  }
}

export type Stores = Awaited<ReturnType<typeof openStores>>
