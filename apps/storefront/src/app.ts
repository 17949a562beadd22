import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { constants } from 'node:zlib'
import compress from '@fastify/compress'
import fastifyStatic from '@fastify/static'
import { createServiceApp } from '@halles/fastify-service/app'
import type { FastifyInstance } from 'fastify'
import type { Settings } from './config.ts'
import { createPageRenderer, type ServerBuild } from './page-renderer.ts'

const build = fileURLToPath(new URL('../build/', import.meta.url))

/** A year: the name of an asset changes with its content. */
const IMMUTABLE = 'public, max-age=31536000, immutable'

/** Paths of pages for one visitor, and of the API: search engines leave them out. */
const privatePaths = ['/orders', '/account', '/basket'].flatMap((path) => [path, `/en${path}`])

const robots = ['User-agent: *', ...[...privatePaths, '/graphql', '/api/'].map((path) => `Disallow: ${path}`), ''].join(
  '\n',
)

/**
 * Creates the storefront's server, which does not listen yet: pages, rendered with data from the gateway, and their assets.
 * It starts while the gateway is down; pages then say that the shop is unavailable.
 *
 * @throws Error when the pages have not been built
 */
export async function createApp(settings: Settings): Promise<FastifyInstance> {
  const { GRAPHQL_URL: graphqlUrl, SHOP_URL: shopUrl, GATEWAY_SECRET: gatewaySecret } = settings
  const server = `${build}server/index.js`
  if (!existsSync(server)) throw new Error('The pages are not built: run `npm run build -w apps/storefront` first.')
  const renderPage = createPageRenderer((await import(server)) as ServerBuild, { graphqlUrl, shopUrl, gatewaySecret })

  const app: FastifyInstance = await createServiceApp({
    name: 'storefront',
    logLevel: settings.LOG_LEVEL,
    // Pages are rendered for anonymous visitors: access tokens go from the browser to the gateway.
    findPublicKey: async () => undefined,
    issuer: settings.JWT_ISSUER,
    audience: settings.JWT_AUDIENCE,
    readinessChecks: {},
    docs: false,
    ...(gatewaySecret !== undefined && { gatewaySecret }),
  })
  // Pages have no secret that could be guessed by the length of a response (BREACH): their nonce is new each time.
  await app.register(compress, {
    encodings: ['br', 'gzip'],
    // The first part of a page, whose end waits for data, is sent at once.
    brotliOptions: { flush: constants.BROTLI_OPERATION_FLUSH, params: { [constants.BROTLI_PARAM_QUALITY]: 4 } },
    zlibOptions: { flush: constants.Z_SYNC_FLUSH },
  })
  await app.register(fastifyStatic, {
    root: `${build}client/assets`,
    prefix: '/assets/',
    preCompressed: true,
    cacheControl: false,
    setHeaders: (reply) => void reply.header('cache-control', IMMUTABLE),
  })
  await app.register(fastifyStatic, {
    root: `${build}client/static`,
    prefix: '/static/',
    decorateReply: false,
    maxAge: 3_600_000,
  })
  app.get('/robots.txt', async (_request, reply) => reply.type('text/plain; charset=utf-8').send(robots))
  app.get('/*', renderPage)
  return app
}
