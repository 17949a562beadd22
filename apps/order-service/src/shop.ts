import type { Publisher } from '@halles/service/kafka'
import type { Logger } from '@halles/service/log'
import type { Metrics } from '@halles/service/metrics'
import type { Mongo } from '@halles/service/mongo'
import type { Person } from '@halles/service/person'
import { withTimeout } from '@halles/service/with-timeout'
import type { PlaceOrder } from './basket.ts'
import { cancelOrder, changeStatus, changeStatusAsAdmin } from './change-status.ts'
import { convoy } from './convoy.ts'
import { debtsIn } from './debts.ts'
import { intentsIn } from './intents.ts'
import { listOrders, listOrdersOf } from './list-orders.ts'
import { orderMetrics } from './metrics.ts'
import { numbersIn } from './numbers.ts'
import { ordersCollection, ordersIn } from './orders.ts'
import { outboxOf } from './outbox.ts'
import { placeOrder } from './place-order.ts'
import { readOrder, readOrders } from './read-order.ts'
import { recoveryOf } from './recover.ts'
import type { Stock } from './stock.ts'

/** The use cases with their helpers, as the faces call them. */
export type Shop = Awaited<ReturnType<typeof openShop>>['shop']

type Parts = {
  db: Mongo['db']
  publisher: Publisher
  stock: Pick<Stock, 'check' | 'hold' | 'release'>
  metrics: Metrics
  log: Logger
  now: () => Date
}

/** How long anyone waits for an answer, in milliseconds: less than the gateway does. What was begun goes on. */
const ANSWER_WITHIN = 8000

const inTime =
  <A extends unknown[], R>(work: (...given: A) => Promise<R>) =>
  (...given: A): Promise<R> =>
    withTimeout(work(...given), ANSWER_WITHIN)

/** Gives every use case what it needs, and starts what works in the background; `stop` ends that. */
export async function openShop({ db, publisher, stock, metrics: { registry }, log, now }: Parts) {
  const collection = await ordersCollection(db)
  const orders = ordersIn(collection)
  const intents = intentsIn(collection, now)
  const debts = debtsIn(collection, now)
  const metrics = orderMetrics(registry, debts, log)
  const outbox = outboxOf({ debts, publisher, log, onTold: metrics.told, now })
  const recovery = recoveryOf({ intents, debts, stock, log })
  const placing = {
    stock,
    takeNumber: numbersIn(db),
    intents,
    giveUp: recovery.giveUp,
    tell: outbox.tellNew,
    now,
  }
  const changing = { orders, tell: outbox.tell, owed: recovery.owed, now }
  const reading = { orders }
  const together = convoy()

  const shop = {
    placeOrder: inTime((person: Person, wish: PlaceOrder, key: string | undefined) =>
      metrics.placing(together(() => placeOrder(placing, person, wish, key))),
    ),
    changeStatus: inTime(changeStatus.bind(null, changing)),
    changeStatusAsAdmin: inTime(changeStatusAsAdmin.bind(null, changing)),
    cancelOrder: inTime(cancelOrder.bind(null, changing)),
    readOrder: inTime(readOrder.bind(null, reading)),
    readOrders: inTime(readOrders.bind(null, reading)),
    listOrders: inTime(listOrders.bind(null, reading)),
    listOrdersOf: inTime(listOrdersOf.bind(null, reading)),
  }
  const stop = async (): Promise<void> => {
    await Promise.all([outbox.stop(), recovery.stop()])
  }
  return { shop, orders, stop }
}
