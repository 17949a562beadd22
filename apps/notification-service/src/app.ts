import { createServiceApp, type App } from '@halles/fastify-service/app'
import { serveSubgraph } from '@halles/subgraph/serve-subgraph'
import { kafkaCredentials, topicReplication, accessOptions } from '@halles/config/config'
import { createKafka } from '@halles/kafka/kafka'
import { createJwksClient, type FindPublicKey } from '@halles/auth/jwks-client'
import { createLogger } from '@halles/telemetry/log'
import { connectMongo } from '@halles/mongo/mongo'
import { retryWhileUnavailable } from '@halles/mongo/retry-while-unavailable'
import { createRevocationClient } from '@halles/auth/revocations'
import { createEncryption } from '@halles/auth/encryption'
import type { Settings } from './config.ts'
import {
  consumeAccountDeletions,
  consumeAccountEvents,
  consumeOrderEvents,
  consumers as defaultConsumers,
  type Consumers,
} from './consumers.ts'
import { consumeDeadLetters } from './dead-letters/dead-letter-consumer.ts'
import { createDeadLetterStore } from './dead-letters/dead-letters.ts'
import { createDeliveryWorker } from './emails/delivery-worker.ts'
import { createEmailStore } from './emails/emails.ts'
import { createMailer } from './emails/mailer.ts'
import { recordAccountEmails, recordOrderEmails } from './emails/record-emails.ts'
import { graphql } from './graphql.ts'
import { createEmailMetrics } from './metrics.ts'
import { registerRestRoutes } from './rest.ts'

const NAME = 'notification-service'

/** What tests replace. */
type Overrides = { findPublicKey?: FindPublicKey; consumers?: Consumers }

/**
 * Creates the service: connected, with its consumers and its delivery worker running, but not listening for requests yet.
 * Kafka and the mail server may become available later: e-mails stay pending until then.
 *
 * @throws Error with a sentence for operators when MongoDB does not answer.
 */
export async function createApp(settings: Settings, overrides: Overrides = {}): Promise<App> {
  const { findPublicKey = createJwksClient(settings.JWKS_URL), consumers = defaultConsumers } = overrides
  const log = createLogger(NAME, settings.LOG_LEVEL)
  const mongo = await connectMongo(settings.MONGODB_URL, NAME, log)
  const [emails, deadLetters] = await retryWhileUnavailable(
    () => Promise.all([createEmailStore(mongo.db), createDeadLetterStore(mongo.db)]),
    log,
  )
  const mailer = createMailer(settings.SMTP_URL, settings.MAIL_FROM, settings.SMTP_TIMEOUT_MS)
  const kafka = createKafka(settings.KAFKA_BROKERS, NAME, log, kafkaCredentials(settings), topicReplication(settings))
  const publisher = kafka.publisher()

  const app = await createServiceApp({
    name: NAME,
    logLevel: settings.LOG_LEVEL,
    findPublicKey: findPublicKey,
    revocations: createRevocationClient(settings.JWKS_URL),
    issuer: settings.JWT_ISSUER,
    audience: settings.JWT_AUDIENCE,
    ...accessOptions(settings),
    readinessChecks: { mongodb: mongo.ping, kafka: kafka.ping, smtp: mailer.verify },
  })
  const metrics = createEmailMetrics(app.metrics.registry, { emails, deadLetters }, log)

  const linkSecret = settings.ACCOUNT_LINK_SECRET
  const worker = createDeliveryWorker({
    emails,
    mailer,
    log,
    onAttempt: metrics.observeAttempt,
    shopUrl: settings.SHOP_URL,
    scale: settings.RETRY_SCALE,
    ...(linkSecret !== undefined && { decryptLink: createEncryption(linkSecret).decrypt }),
  })

  const orderConsumer = consumeOrderEvents(
    {
      kafka,
      record: async (events) => {
        const outcomes = await recordOrderEmails({ emails }, events)
        worker.wake()
        return outcomes
      },
      log,
      onMessage: metrics.countOrderEvent,
    },
    consumers.orderEvents,
  )

  const accountConsumer =
    linkSecret === undefined
      ? undefined
      : consumeAccountEvents(
          {
            kafka,
            record: async (events) => {
              const outcomes = await recordAccountEmails({ emails }, events)
              worker.wake()
              return outcomes
            },
            log,
            onMessage: metrics.countAccountEvent,
          },
          consumers.accountEvents,
        )

  const deletionConsumer = consumeAccountDeletions(
    {
      kafka,
      record: async (events) => {
        const userIds = events.map(({ subject }) => subject)
        await emails.anonymize(userIds, new Date())
        worker.wake()
        return userIds.map(() => 'recorded')
      },
      log,
      onMessage: metrics.countAccountEvent,
    },
    consumers.accountDeletions,
  )

  const deadLetterConsumer = consumeDeadLetters({ kafka, deadLetters, log }, consumers.orderEvents)

  const deps = { emails, deadLetters, worker, publisher }
  registerRestRoutes(app, deps)
  serveSubgraph(app, graphql(deps))

  app.addHook('onClose', async () => {
    // All at once, so that the worker releases its e-mails even while Kafka is away.
    await Promise.all([
      orderConsumer.close(),
      accountConsumer?.close(),
      deletionConsumer.close(),
      deadLetterConsumer.close(),
      worker.close(),
      publisher.close(),
    ])
    await mongo.close()
  })
  worker.wake() // for e-mails that are due since before this start
  return app
}
