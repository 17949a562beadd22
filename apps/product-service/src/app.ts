import { createServiceApp } from '@halles/fastify-service/app'
import { serveSubgraph } from '@halles/subgraph/serve-subgraph'
import { accessOptions, peerCredentials } from '@halles/config/config'
import { pollEvery } from '@halles/concurrency/poll-every'
import { newId } from '@halles/mongo/ids'
import { createJwksClient } from '@halles/auth/jwks-client'
import { connectMongo } from '@halles/mongo/mongo'
import { retryWhileUnavailable } from '@halles/mongo/retry-while-unavailable'
import { createLogger } from '@halles/telemetry/log'
import { createRevocationClient } from '@halles/auth/revocations'
import { abortAbandonedTransactions } from './abandoned-transactions.ts'
import type { Settings } from './config.ts'
import { demoProducts } from './demo-catalogue/catalogue.ts'
import { createProductSubgraph } from './graphql.ts'
import { startGrpcServer } from './grpc.ts'
import { createPictureEncoder } from './pictures/encode-picture.ts'
import { createPictureStore } from './pictures/pictures.ts'
import { removeUnusedPictures } from './pictures/remove-unused-pictures.ts'
import { createProductStore } from './products/products.ts'
import { registerRestRoutes } from './rest.ts'
import { createStockMetrics } from './stock/metrics.ts'
import { createReservationStore } from './stock/reservations.ts'
import { createStockLedger } from './stock/stock-ledger.ts'
import { createStockReconciliation, startStockReconciliation } from './stock/stock-reconciliation.ts'
import { createTransactionRunner } from './transactions.ts'

const NAME = 'product-service'
/** In milliseconds. */
const PICTURE_CLEANUP_INTERVAL = 3_600_000

/**
 * Creates product-service: an HTTP app that does not listen yet, and a gRPC server that listens already, on the returned
 * `grpcPort`. `findPublicKey` returns the public key of a token's key id.
 */
export async function createApp(settings: Settings, findPublicKey = createJwksClient(settings.JWKS_URL)) {
  const log = createLogger(NAME, settings.LOG_LEVEL)
  const mongo = await connectMongo(settings.MONGODB_URL, NAME, log)
  const app = await createServiceApp({
    name: NAME,
    logLevel: settings.LOG_LEVEL,
    findPublicKey: findPublicKey,
    revocations: createRevocationClient(settings.JWKS_URL),
    issuer: settings.JWT_ISSUER,
    audience: settings.JWT_AUDIENCE,
    ...accessOptions(settings),
    readinessChecks: { mongodb: mongo.ping },
  })

  const now = () => new Date()
  const metrics = createStockMetrics(app.metrics)
  const transact = createTransactionRunner(mongo.client, app.log, metrics.retried)
  await abortAbandonedTransactions(mongo.client, app.log)
  const [products, reservations] = await retryWhileUnavailable(
    async () =>
      [
        await createProductStore(mongo.db, transact),
        await createReservationStore(mongo.db, transact, metrics, now),
      ] as const,
    log,
  )
  const fillCatalogue = (): Promise<boolean> =>
    retryWhileUnavailable(() => products.fillIfEmpty(demoProducts(now())), log)
  if (settings.DEMO_CATALOGUE && (await fillCatalogue()))
    app.log.info('filled the empty catalogue with the demo catalogue')

  const pictures = await createPictureStore(mongo.db, now)
  const deps = {
    products,
    pictures,
    encodePicture: createPictureEncoder(),
    stockLedger: await createStockLedger(mongo.db),
    newId,
    now,
  }
  registerRestRoutes(app, deps)
  serveSubgraph(app, createProductSubgraph(deps))
  const grpc = await startGrpcServer(
    { reservations, checkHealth: mongo.ping, log: app.log },
    { host: settings.GRPC_HOST, port: settings.GRPC_PORT, peerCredentials: peerCredentials(settings) },
  )
  const stopReconciliation = startStockReconciliation({
    reconciliation: await createStockReconciliation(mongo),
    onResult: metrics.reconciled,
    log: app.log,
  })
  const pictureCleanup = pollEvery(
    'removing unused pictures',
    PICTURE_CLEANUP_INTERVAL,
    () => removeUnusedPictures({ pictures, products, log: app.log, now }),
    app.log,
  )
  app.addHook('onClose', async () => {
    stopReconciliation()
    await pictureCleanup.stop()
    await grpc.close()
    await mongo.close()
  })
  return Object.assign(app, { grpcPort: grpc.port })
}
