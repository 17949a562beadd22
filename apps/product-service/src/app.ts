import { serveSubgraph, serviceApp } from '@halles/service/app'
import { doorsOf, trustOf } from '@halles/service/config'
import { newId } from '@halles/service/ids'
import { keysAt } from '@halles/service/keys'
import { openMongo } from '@halles/service/mongo'
import { revocationsAt } from '@halles/service/revocations'
import { balanceIn } from './balance.ts'
import { catalogueProducts } from './catalogue.ts'
import type { Settings } from './config.ts'
import { productSubgraph } from './graphql.ts'
import { serveGrpc } from './grpc.ts'
import { stockMetricsIn } from './metrics.ts'
import { productsIn } from './products.ts'
import { reservationsIn } from './reservations.ts'
import { rest } from './rest.ts'
import { transactionsOn } from './transactions.ts'
import { watchBalance } from './watch-balance.ts'

const NAME = 'product-service'

/**
 * Puts product-service together, not yet listening for HTTP; gRPC listens already, at the port that `grpcPort` tells.
 * `keyOf` finds the keys of tokens.
 */
export async function createApp(settings: Settings, keyOf = keysAt(settings.JWKS_URL)) {
  const mongo = await openMongo(settings.MONGODB_URL, NAME)
  const app = await serviceApp({
    name: NAME,
    logLevel: settings.LOG_LEVEL,
    keyOf,
    revocations: revocationsAt(settings.JWKS_URL),
    issuer: settings.JWT_ISSUER,
    audience: settings.JWT_AUDIENCE,
    ...doorsOf(settings),
    needs: { mongodb: mongo.ping },
  })

  const now = () => new Date()
  const metrics = stockMetricsIn(app.metrics)
  const { transact, sweep } = transactionsOn(mongo.client, app.log, metrics.retried)
  await sweep()
  const products = await productsIn(mongo.db, transact)
  const reservations = await reservationsIn(mongo.db, transact, metrics, now)
  const shop = { products, reservations, newId, now }
  if (settings.DEMO_CATALOGUE && (await products.fill(catalogueProducts(now()))))
    app.log.info('filled the catalogue with a demo')

  rest(app, shop)
  serveSubgraph(app, productSubgraph(shop))
  const grpc = await serveGrpc(shop, {
    host: settings.GRPC_HOST,
    port: settings.GRPC_PORT,
    trust: trustOf(settings),
    ready: mongo.ping,
    log: app.log,
  })
  const stopWatching = watchBalance({ balance: balanceIn(mongo.db), onBalance: metrics.balance, log: app.log })
  app.addHook('onClose', async () => {
    stopWatching()
    await grpc.close()
    await mongo.close()
  })
  return Object.assign(app, { grpcPort: grpc.port })
}
