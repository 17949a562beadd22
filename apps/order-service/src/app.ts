import { ORDER_EVENTS, ORDER_EVENTS_DLQ, ORDER_EVENTS_PARTITIONS } from '@halles/contracts/order-events'
import { createServiceApp, type App } from '@halles/fastify-service/app'
import { serveSubgraph } from '@halles/subgraph/serve-subgraph'
import { kafkaCredentials, topicReplication, accessOptions, peerCredentials } from '@halles/config/config'
import { createKafka, type KafkaClient } from '@halles/kafka/kafka'
import { createJwksClient, type FindPublicKey } from '@halles/auth/jwks-client'
import { createLogger, type Logger } from '@halles/telemetry/log'
import { connectMongo } from '@halles/mongo/mongo'
import { retryWhileUnavailable } from '@halles/mongo/retry-while-unavailable'
import { createRevocationClient } from '@halles/auth/revocations'
import { consumeAccountDeletions, type ConsumerGroup } from './account-deletions.ts'
import type { Settings } from './config.ts'
import { createOrderSubgraph, type GraphQLDeps } from './graphql.ts'
import { createOrderMetrics } from './metrics.ts'
import { createChangeFeed } from './order-changes/change-feed.ts'
import { createStatisticsReader } from './order-statistics.ts'
import { createOrderStore, openOrdersCollection } from './orders.ts'
import { createOutbox } from './outbox.ts'
import { createPendingPublications } from './pending-publications.ts'
import { admitInBatches } from './place-order/admission.ts'
import { createOrderNumbers, createPendingOrders } from './place-order/pending-orders.ts'
import { createPendingReleases } from './place-order/pending-releases.ts'
import { createRecovery } from './place-order/recovery.ts'
import { createStockClient } from './place-order/stock-client.ts'
import { registerRestRoutes, type RestDeps } from './rest.ts'
import { createShopDays } from './shop-days.ts'

/** What tests replace. */
export type Options = { findPublicKey?: FindPublicKey; now?: () => Date; deletions?: ConsumerGroup }

/**
 * Creates the service with its polling workers and its consumer running, but not listening. Orders are also placed
 * while Kafka is away: their events wait in the database.
 */
export async function createApp(
  settings: Settings,
  { findPublicKey = createJwksClient(settings.JWKS_URL), now = () => new Date(), deletions }: Options = {},
): Promise<App> {
  const log = createLogger('order-service', settings.LOG_LEVEL)
  const mongo = await connectMongo(settings.MONGODB_URL, 'order-service', log)
  const kafka = createKafka(
    settings.KAFKA_BROKERS,
    'order-service',
    log,
    kafkaCredentials(settings),
    topicReplication(settings),
  )
  const stock = createStockClient(settings.PRODUCT_GRPC_URL, peerCredentials(settings))
  const app = await createServiceApp({
    name: 'order-service',
    logLevel: settings.LOG_LEVEL,
    findPublicKey,
    revocations: createRevocationClient(settings.JWKS_URL),
    issuer: settings.JWT_ISSUER,
    audience: settings.JWT_AUDIENCE,
    ...accessOptions(settings),
    readinessChecks: { mongodb: mongo.ping, product: stock.ping, kafka: kafka.ping },
  })

  const collection = await retryWhileUnavailable(() => openOrdersCollection(mongo.db), log)
  const orders = createOrderStore(collection)
  const pendingOrders = createPendingOrders(collection, now)
  const pendingPublications = createPendingPublications(collection, now)
  const pendingReleases = createPendingReleases(collection, now)
  const changes = createChangeFeed(collection, log)
  const metrics = createOrderMetrics(app.metrics.registry, orders, log)
  const publisher = kafka.publisher()
  const outbox = createOutbox({ pendingPublications, publisher, log, onPublished: metrics.observePublished, now })
  const recovery = createRecovery({ pendingOrders, pendingReleases, stock, log })

  const days = createShopDays(settings.SHOP_TIME_ZONE)
  const overdueSince = (): Date => new Date(now().getTime() - settings.OVERDUE_HOURS * 3600_000)

  const deps: RestDeps & GraphQLDeps = {
    admit: admitInBatches(),
    metrics,
    stock,
    takeNumber: createOrderNumbers(mongo.db),
    pendingOrders,
    orders,
    changes,
    recovery,
    outbox,
    days,
    overdueSince,
    readStatistics: createStatisticsReader({ orders, days, overdueSince, now }),
    now,
  }
  registerRestRoutes(app, deps)
  serveSubgraph(app, createOrderSubgraph(deps))

  const stopCreatingTopics = createTopics(kafka, log)
  const deletionsConsumer = consumeAccountDeletions({ kafka, orders, log }, deletions)
  app.addHook('onClose', async () => {
    stopCreatingTopics()
    await Promise.all([changes.close(), outbox.stop(), recovery.stop(), deletionsConsumer.close()])
    stock.close()
    await mongo.close()
  })
  return app
}

/** Creates the topics in the background, as soon as Kafka answers; returns a function that gives up. */
function createTopics(kafka: KafkaClient, log: Logger): () => void {
  const stopping = new AbortController()
  const create = async (): Promise<void> => {
    try {
      await kafka.ensureTopic(ORDER_EVENTS, ORDER_EVENTS_PARTITIONS, stopping.signal)
      await kafka.ensureTopic(ORDER_EVENTS_DLQ, 1, stopping.signal)
    } catch (error) {
      if (!stopping.signal.aborted) log.error({ err: error }, 'the topics of order events could not be created')
    }
  }
  void create() // not awaited: the publisher waits for the topic by itself
  return () => stopping.abort()
}
