import { readFileSync } from 'node:fs'
import { createServiceApp } from '@halles/fastify-service/app'
import { isEventStream } from '@halles/fastify-service/event-streams'
import { registerGraphQLRoute } from '@halles/graphql-server/graphql-route'
import { createJwksClient } from '@halles/auth/jwks-client'
import { createLogger } from '@halles/telemetry/log'
import { createRevocationClient } from '@halles/auth/revocations'
import type { FastifyInstance } from 'fastify'
import { createAdmission, targetDurations } from './admission.ts'
import { clientNetworks } from '@halles/auth/client-networks'
import {
  areApiDocsEnabled,
  isIntrospectionEnabled,
  services,
  serviceUrls,
  type Service,
  type Settings,
} from './config.ts'
import { costFactors, MAX_GRAPHQL_BODY_BYTES, operationLimits } from './graphql/operation-limits.ts'
import { loadPersistedOperations } from './graphql/persisted-operations.ts'
import { createSubgraphDataSource } from './graphql/subgraph.ts'
import { createSupergraph } from './graphql/supergraph.ts'
import { createSecurityHeaders, registerCors } from './http-security.ts'
import { createGatewayMetrics } from './metrics.ts'
import { createOpenRequestLimit } from './open-requests.ts'
import { registerOpenApi } from './openapi.ts'
import { renderErrorPage } from './pages/error-page.ts'
import { registerGraphiql } from './pages/graphiql.ts'
import { registerDevelopersPage } from './pages/developers-page.ts'
import { registerProblemPages } from './pages/problem-pages.ts'
import { registerOrderEvents } from './proxy/order-events.ts'
import { registerRestProxy } from './proxy/rest-proxy.ts'
import { registerStorefrontProxy } from './proxy/storefront-proxy.ts'
import { createVisitorReader } from './proxy/visitor.ts'
import { createRateLimit } from './rate-limit.ts'
import { requireMinimumRate } from './slow-bodies.ts'
import { limitReadingTime } from './slow-readers.ts'
import { createUpstreamClient } from './upstream/upstream-client.ts'

/** How many event streams one user may have open: a tab has one. */
const STREAMS_PER_USER = 10

/** The median duration of a page, in milliseconds, above which fewer are rendered at a time. */
const PAGE_TARGET = 1000

/**
 * Creates the gateway, which does not listen yet. It starts while services are down, and answers what does not need them.
 */
export async function createApp(settings: Settings): Promise<FastifyInstance> {
  const urls = serviceUrls(settings)
  const log = createLogger('gateway', settings.LOG_LEVEL)
  const connect = (name: string, addresses: readonly string[], targetDuration: number) =>
    createUpstreamClient(
      addresses,
      settings.UPSTREAM_TIMEOUT_MS,
      settings.UPSTREAM_PATIENCE_MS,
      (available) => log.warn({ service: name }, available ? 'service reachable again' : 'service unreachable'),
      targetDuration,
    )
  const upstreams = forEachService((service) => connect(service, urls[service], targetDurations[service]))
  const storefrontUrls = settings.STOREFRONT_URL?.split(',') ?? []
  const storefront = storefrontUrls.length > 0 ? connect('storefront', storefrontUrls, PAGE_TARGET) : undefined
  const acceptVisitor = createVisitorReader(settings.GATEWAY_SECRET)
  const operationTimeout = settings.UPSTREAM_PATIENCE_MS + settings.UPSTREAM_TIMEOUT_MS
  const admission = createAdmission(upstreams)
  const rateLimit = createRateLimit(settings.RATE_LIMIT)
  const openRequests = createOpenRequestLimit(settings.MAX_OPEN_REQUESTS)
  const app: FastifyInstance = await createServiceApp({
    name: 'gateway',
    logLevel: settings.LOG_LEVEL,
    findPublicKey: createJwksClient(settings.JWKS_URL),
    revocations: createRevocationClient(settings.JWKS_URL),
    issuer: settings.JWT_ISSUER,
    audience: settings.JWT_AUDIENCE,
    readinessChecks: Object.fromEntries(
      services.map((service) => [`${service}-service`, () => upstreams[service].checkHealth()]),
    ),
    docs: false,
    trustedProxies: settings.TRUSTED_PROXIES?.split(',') ?? [],
    operatorPort: 'own', // the gateway's PORT is public
    bodyLimit: MAX_GRAPHQL_BODY_BYTES,
    idleTimeout: 60_000 + operationTimeout,
    ownLimits: true,
    networksOf: ({ ip }) => clientNetworks(ip),
    eventStreams: { perUser: STREAMS_PER_USER, total: settings.MAX_EVENT_STREAMS },
    headers: createSecurityHeaders(),
    renderErrorPage,
    admit: (request, reply) => {
      acceptVisitor(request)
      admission.refuseBeyondCapacity(request)
      openRequests.admit(request, reply)
      rateLimit.admit(request, reply)
      requireMinimumRate(app.server, request)
    },
  })
  limitReadingTime(app)
  app.addHook('onSend', async (_request, reply) => {
    if (isEventStream(reply)) openRequests.release(reply) // it counts against the limit of event streams instead
  })
  await registerCors(app, settings.CORS_ORIGINS?.split(',') ?? [])
  app.addHook('onRequest', async (request, reply) => rateLimit.charge(request, reply))

  const metrics = createGatewayMetrics(app.metrics, () => [
    ['graphql', admission.operationState()],
    ...services.map((service) => [service, upstreams[service].limitState()] as const),
  ])
  const sdl = readFileSync(new URL('../supergraph.graphql', import.meta.url), 'utf8')
  const subgraphs = forEachService((service) =>
    createSubgraphDataSource(upstreams[service], (outcome, seconds) => metrics.recordFetch(service, outcome, seconds)),
  )
  const supergraph = await createSupergraph(sdl, subgraphs, metrics.recordPlanLookup, {
    timeout: operationTimeout,
    gatewaySecret: settings.GATEWAY_SECRET,
  })
  const operations = loadPersistedOperations(settings.OPERATIONS_FILE)
  await supergraph.warmUp(operations.texts)
  const introspection = isIntrospectionEnabled(settings)
  const apiDocs = areApiDocsEnabled(settings)
  registerGraphQLRoute(app, () => supergraph.schema, admission.execute(supergraph.execute), {
    limits: operationLimits,
    costFactors: costFactors,
    persisted: { findText: operations.findText, only: settings.PERSISTED_ONLY },
    hideSchema: !introspection,
    onCost: ({ request, reply }, cost) => rateLimit.spend(request, reply, cost),
    subscribe: supergraph.subscribe,
  })

  registerOrderEvents(app, upstreams.order.openEvents, settings.GATEWAY_SECRET)
  await registerRestProxy(app, upstreams, urls, { gatewaySecret: settings.GATEWAY_SECRET, apiDocs })
  if (apiDocs) registerOpenApi(app, upstreams, settings.GATEWAY_SECRET)
  if (introspection) registerGraphiql(app)
  registerProblemPages(app)
  registerDevelopersPage(app, { graphiql: introspection, apiDocs, mailboxUrl: settings.MAILBOX_URL })
  if (storefront === undefined) app.get('/', async (_request, reply) => reply.redirect('/developers'))
  else await registerStorefrontProxy(app, storefront, storefrontUrls[0]!, settings.GATEWAY_SECRET)

  app.addHook('onClose', async () => {
    await supergraph.close()
    await Promise.all([...services.map((service) => upstreams[service].close()), storefront?.close()])
  })
  return app
}

const forEachService = <T>(create: (service: Service) => T): Record<Service, T> =>
  Object.fromEntries(services.map((service) => [service, create(service)])) as Record<Service, T>
