import { ORDER_EVENTS, ORDER_EVENTS_DLQ, ORDER_EVENTS_PARTITIONS } from '@halles/contracts/order-events'
import { serveSubgraph, serviceApp, type App } from '@halles/service/app'
import { accessOf, doorsOf, trustOf } from '@halles/service/config'
import { kafkaAt, type Broker } from '@halles/service/kafka'
import { keysAt, type KeyOf } from '@halles/service/keys'
import { logger, type Logger } from '@halles/service/log'
import { openMongo } from '@halles/service/mongo'
import { revocationsAt } from '@halles/service/revocations'
import type { Settings } from './config.ts'
import { listenToDeletions, type Subscription } from './deletions.ts'
import { orderSubgraph } from './graphql.ts'
import { rest } from './rest.ts'
import { openShop } from './shop.ts'
import { stockAt } from './stock.ts'

/** What tests give in place of the real thing. */
export type Options = { keyOf?: KeyOf; now?: () => Date; deletions?: Subscription }

/**
 * Order-service, put together and at work (telling, recovering), but not listening. Orders are taken while Kafka is away:
 * what they have to tell waits in them.
 */
export async function createApp(
  settings: Settings,
  { keyOf = keysAt(settings.JWKS_URL), now = () => new Date(), deletions }: Options = {},
): Promise<App> {
  const log = logger('order-service', settings.LOG_LEVEL)
  const mongo = await openMongo(settings.MONGODB_URL, 'order-service')
  const kafka = kafkaAt(settings.KAFKA_BROKERS, 'order-service', log, accessOf(settings))
  const stock = stockAt(settings.PRODUCT_GRPC_URL, trustOf(settings))
  const app = await serviceApp({
    name: 'order-service',
    logLevel: settings.LOG_LEVEL,
    keyOf,
    revocations: revocationsAt(settings.JWKS_URL),
    issuer: settings.JWT_ISSUER,
    audience: settings.JWT_AUDIENCE,
    ...doorsOf(settings),
    needs: { mongodb: mongo.ping, product: stock.ping, kafka: kafka.ping },
  })
  const { shop, orders, stop } = await openShop({
    db: mongo.db,
    publisher: kafka.publisher(),
    stock,
    metrics: app.metrics,
    log,
    now,
  })
  rest(app, shop)
  serveSubgraph(app, orderSubgraph(shop))

  const stopWaiting = makeTopics(kafka, log)
  const deleted = listenToDeletions({ broker: kafka, orders, log }, deletions)
  app.addHook('onClose', async () => {
    stopWaiting()
    await Promise.all([stop(), deleted.close()])
    stock.close()
    await mongo.close()
  })
  return app
}

/** Makes the topics as soon as Kafka answers, without keeping anyone waiting; gives back how to give up. */
function makeTopics(kafka: Broker, log: Logger): () => void {
  const stopping = new AbortController()
  const make = async (): Promise<void> => {
    try {
      await kafka.ensureTopic(ORDER_EVENTS, ORDER_EVENTS_PARTITIONS, stopping.signal)
      await kafka.ensureTopic(ORDER_EVENTS_DLQ, 1, stopping.signal)
    } catch (error) {
      if (!stopping.signal.aborted) log.error({ err: error }, 'the topics of orders could not be made')
    }
  }
  void make() // in the background: sending waits for the topic by itself
  return () => stopping.abort()
}
