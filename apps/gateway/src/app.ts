import { readFileSync } from 'node:fs'
import { serviceApp } from '@halles/service/app'
import { graphqlRoute } from '@halles/service/graphql-http'
import { keysAt } from '@halles/service/keys'
import { logger } from '@halles/service/log'
import { revocationsAt } from '@halles/service/revocations'
import type { FastifyInstance } from 'fastify'
import { isGraphOpen, services, urlsOf, type Service, type Settings } from './config.ts'
import { guardingHeaders, openTo } from './doors.ts'
import { frontPage } from './front-page.ts'
import { graphiql } from './graphiql.ts'
import { BODY, limits, prices } from './limits.ts'
import { gatewayMetrics } from './metrics.ts'
import { openapi } from './openapi.ts'
import { knownOperations } from './operations.ts'
import { proxy } from './proxy.ts'
import { rateLimit } from './rate-limit.ts'
import { subgraphAt } from './subgraph.ts'
import { supergraphOf } from './supergraph.ts'
import { upstreamAt } from './upstream.ts'

/** The gateway, not listening yet. It starts, and answers what it can, whether or not the services are there. */
export async function createApp(settings: Settings): Promise<FastifyInstance> {
  const urls = urlsOf(settings)
  const log = logger('gateway', settings.LOG_LEVEL)
  const upstreams = forEach((service) =>
    upstreamAt(urls[service], settings.UPSTREAM_TIMEOUT_MS, settings.UPSTREAM_PATIENCE_MS, (away) =>
      log.warn({ service }, away ? 'a service cannot be reached' : 'a service is back'),
    ),
  )
  const app = (await serviceApp({
    name: 'gateway',
    logLevel: settings.LOG_LEVEL,
    keyOf: keysAt(settings.JWKS_URL),
    revocations: revocationsAt(settings.JWKS_URL),
    issuer: settings.JWT_ISSUER,
    audience: settings.JWT_AUDIENCE,
    needs: Object.fromEntries(services.map((service) => [`${service}-service`, () => upstreams[service].alive()])),
    docs: false,
    trustedProxies: settings.TRUSTED_PROXIES?.split(',') ?? [],
    operatorDoor: 'own', // this one is for the public
    bodyLimit: BODY,
    // An operation asks services one after the other, of four.
    silence: 60_000 + settings.UPSTREAM_PATIENCE_MS + services.length * settings.UPSTREAM_TIMEOUT_MS,
    headers: guardingHeaders(),
  })) as unknown as FastifyInstance
  await openTo(app, settings.CORS_ORIGINS?.split(',') ?? [])
  const spend = rateLimit(app, settings.RATE_LIMIT)

  const metrics = gatewayMetrics(app.metrics)
  const sdl = readFileSync(new URL('../supergraph.graphql', import.meta.url), 'utf8')
  const subgraphs = forEach((service) =>
    subgraphAt(upstreams[service], (outcome, seconds) => metrics.fetched(service, outcome, seconds)),
  )
  const supergraph = await supergraphOf(sdl, subgraphs, metrics.planned, settings.GATEWAY_SECRET)
  const operations = knownOperations(settings.OPERATIONS_FILE)
  await supergraph.warm(operations.texts)
  const open = isGraphOpen(settings)
  graphqlRoute(app, () => supergraph.schema, supergraph.execute, {
    limits,
    prices,
    persisted: { textOf: operations.textOf, only: settings.PERSISTED_ONLY },
    secretive: !open,
    spend: ({ request, reply }, cost) => spend(request, reply, cost),
  })

  await proxy(app, upstreams, urls, settings.GATEWAY_SECRET)
  openapi(app, upstreams, settings.GATEWAY_SECRET)
  if (open) graphiql(app)
  frontPage(app, { graphiql: open, mailbox: settings.MAILBOX_URL })

  app.addHook('onClose', async () => {
    await supergraph.close()
    await Promise.all(services.map((service) => upstreams[service].close()))
  })
  return app
}

const forEach = <T>(make: (service: Service) => T): Record<Service, T> =>
  Object.fromEntries(services.map((service) => [service, make(service)])) as Record<Service, T>
