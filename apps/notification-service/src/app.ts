import { serveSubgraph, serviceApp, type App } from '@halles/service/app'
import { accessOf, doorsOf } from '@halles/service/config'
import { kafkaAt } from '@halles/service/kafka'
import { keysAt, type KeyOf } from '@halles/service/keys'
import { logger } from '@halles/service/log'
import { openMongo } from '@halles/service/mongo'
import { revocationsAt } from '@halles/service/revocations'
import { sealingUnder } from '@halles/service/sealed'
import type { Settings } from './config.ts'
import { listenToDlq } from './dead-events.ts'
import { deadLettersIn } from './dead-letters.ts'
import { deliveryOf } from './deliver.ts'
import {
  accountDeletions,
  accountEvents,
  listenToAccounts,
  listenToDeletions,
  listenToOrders,
  orderEvents,
  type Subscription,
} from './events.ts'
import { graphql } from './graphql.ts'
import { lettersIn } from './letters.ts'
import { mailerTo } from './mailer.ts'
import { letterMetrics } from './metrics.ts'
import { notify, notifyOfAccounts } from './notify.ts'
import { rest } from './rest.ts'

const NAME = 'notification-service'

/** What a test replaces. */
type Parts = { keyOf?: KeyOf; subscription?: Subscription; aboutAccounts?: Subscription; deletions?: Subscription }

/**
 * The service, connected and at work, not listening yet for requests. Kafka and the mail server may come later: letters
 * wait for them.
 *
 * @throws Error with a sentence when MongoDB does not answer.
 */
export async function createApp(settings: Settings, parts: Parts = {}): Promise<App> {
  const {
    keyOf = keysAt(settings.JWKS_URL),
    subscription = orderEvents,
    aboutAccounts = accountEvents,
    deletions = accountDeletions,
  } = parts
  const log = logger(NAME, settings.LOG_LEVEL)
  const mongo = await openMongo(settings.MONGODB_URL, NAME)
  const [letters, deadLetters] = await Promise.all([lettersIn(mongo.db), deadLettersIn(mongo.db)])
  const mailer = mailerTo(settings.SMTP_URL, settings.MAIL_FROM, settings.SMTP_TIMEOUT_MS)
  const broker = kafkaAt(settings.KAFKA_BROKERS, NAME, log, accessOf(settings))
  const publisher = broker.publisher()

  const app = await serviceApp({
    name: NAME,
    logLevel: settings.LOG_LEVEL,
    keyOf,
    revocations: revocationsAt(settings.JWKS_URL),
    issuer: settings.JWT_ISSUER,
    audience: settings.JWT_AUDIENCE,
    ...doorsOf(settings),
    needs: { mongodb: mongo.ping, kafka: broker.ping, smtp: mailer.verify },
  })
  const metrics = letterMetrics(app.metrics.registry, { letters, deadLetters })

  const secret = settings.ACCOUNT_LINK_SECRET
  const delivery = deliveryOf({
    letters,
    mailer,
    log,
    tried: metrics.tried,
    shopUrl: settings.SHOP_URL,
    scale: settings.RETRY_SCALE,
    ...(secret !== undefined && { openLink: sealingUnder(secret).open }),
  })
  const orders = listenToOrders(
    {
      broker,
      record: async (events) => {
        const noted = await notify({ letters }, events)
        delivery.wake()
        return noted
      },
      log,
      heard: metrics.heard,
    },
    subscription,
  )

  const accounts =
    secret === undefined
      ? undefined
      : listenToAccounts(
          {
            broker,
            record: async (events) => {
              const noted = await notifyOfAccounts({ letters }, events)
              delivery.wake()
              return noted
            },
            log,
            heard: metrics.heardOfAccount,
          },
          aboutAccounts,
        )

  const deleted = listenToDeletions(
    {
      broker,
      record: async (events) => {
        const ids = events.map(({ subject }) => subject)
        await letters.forget(ids, new Date())
        delivery.wake()
        return ids.map(() => 'recorded')
      },
      log,
      heard: metrics.heardOfAccount,
    },
    deletions,
  )

  const dead = listenToDlq({ broker, deadLetters, log }, subscription)

  rest(app, { letters, deadLetters, delivery, publisher })
  serveSubgraph(app, graphql({ letters, deadLetters, delivery, publisher }))

  app.addHook('onClose', async () => {
    // At once, so that a Kafka that is away does not keep letters in hand.
    await Promise.all([
      orders.close(),
      accounts?.close(),
      deleted.close(),
      dead.close(),
      delivery.close(),
      publisher.close(),
    ])
    await mongo.close()
  })
  delivery.wake() // what was left from before
  return app
}
