import { openMongo } from '@halles/service/mongo'
import { ownDatabase } from '@halles/testkit/database'
import { debtsIn } from '../src/debts.ts'
import { intentsIn } from '../src/intents.ts'
import { numbersIn } from '../src/numbers.ts'
import { ordersCollection, ordersIn } from '../src/orders.ts'

/** This service's stores on a database of their own; `clock.ahead` is how many milliseconds their time runs ahead. */
export async function openStores(mongodb: string, database = ownDatabase(mongodb)) {
  const mongo = await openMongo(database, 'order-service-test')
  const collection = await ordersCollection(mongo.db)
  const clock = { ahead: 0 }
  const now = () => new Date(Date.now() + clock.ahead)
  return {
    database,
    collection,
    clock,
    now,
    orders: ordersIn(collection),
    intents: intentsIn(collection, now),
    debts: debtsIn(collection, now),
    takeNumber: numbersIn(mongo.db),
    close: mongo.close,
  }
}

export type Stores = Awaited<ReturnType<typeof openStores>>
