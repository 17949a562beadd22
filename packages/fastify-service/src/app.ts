// Adds `hide` to the type of a route's schema in every module that imports this one.
/// <reference types="@fastify/swagger" preserve="true" />
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { Context } from '@opentelemetry/api'
import Fastify, { LogController, type FastifyReply, type FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import { createCaller, createRefusalLog, limitConcurrency, requireWaiting } from './admission.ts'
import { handleError, type RenderErrorPage } from './error-response.ts'
import { isEventStream, registerEventStreams, type EventStreamLimits } from './event-streams.ts'
import { handleClientErrors } from './malformed-http.ts'
import { createClientReader, createGatewayCheck, type Client } from '@halles/auth/client-address'
import { toLoggerOptions } from '@halles/telemetry/log'
import { createMetrics, type Metrics } from '@halles/telemetry/metrics'
import { registerOpenApi } from './openapi.ts'
import { AppError } from '@halles/errors/app-error'
import { createValidator } from '@halles/validation/schema'
import { isNormalizedPath } from './normalized-path.ts'
import { verifyAccessTokens, type TokenVerification } from '@halles/auth/token-verification'
import { runInTrace, extractTrace, traceId } from '@halles/telemetry/trace'
import { readDeadline, withCaller } from '@halles/concurrency/caller'
import type { CallerNetwork } from '@halles/concurrency/adaptive-limit'
import { waitAtMost } from '@halles/concurrency/with-timeout'

declare module 'fastify' {
  interface FastifyRequest {
    /** The client as the network reports it, for rate limits and logs. It proves no identity. */
    readonly client: Client
    trace: Context
    /** When the caller stops waiting, in milliseconds since 1970: its DEADLINE_HEADER, else Infinity. */
    deadline: number
    /** The networks of the client, from narrow to wide, which share limits. */
    networks: readonly CallerNetwork[]
    /** Whether it was refused because of load, which is counted, but not logged. */
    refused: boolean
    /** The name of the executed GraphQL operation, for the log. */
    operation: string | undefined
  }
  interface FastifyInstance {
    metrics: Metrics
    /** The server of /healthz, /readyz and /metrics on the operator port; undefined where the service serves them itself. */
    operatorApp: FastifyInstance | undefined
    /** Whether the subgraph discloses its schema. */
    openSchema: boolean
  }
}

/** A Fastify instance whose handlers are typed by their TypeBox schemas. */
export type App = ReturnType<typeof createServer>

export type ServiceOptions = TokenVerification & {
  /** The service's name in logs, metrics, traces and MongoDB's connection list, such as `order-service`. */
  name: string
  logLevel: string
  /** Readiness checks by dependency name, run by /readyz; each rejects while its dependency is unavailable. */
  readinessChecks: Record<string, () => Promise<unknown>>
  /** Whether to serve an OpenAPI document at /openapi.json and its page at /docs. */
  docs?: boolean
  /** `same`: the service serves /readyz and /metrics. `own`: `app.operatorApp` does, on a port that `runService` opens. */
  operatorPort?: 'same' | 'own'
  /** The secret that the gateway sends; without it `X-Forwarded-For` is not trusted. */
  gatewaySecret?: string | undefined
  /** Whether to answer 401 to requests without gateway secret and access token, except to `publicRoutes`. */
  gatewayOnly?: boolean
  /** Whether a subgraph discloses its schema: by introspection, `_service` and suggestions in error messages. */
  openSchema?: boolean
  /** Addresses and CIDR blocks (10.0.0.0/8) of proxies whose `X-Forwarded-*` headers are trusted. */
  trustedProxies?: readonly string[]
  /** The largest request body, in bytes. */
  bodyLimit?: number
  /**
   * How long a connection may be idle before it is closed, in milliseconds. Must be longer than any response takes to begin.
   * It bounds the memory that a client holds which does not read its response.
   */
  idleTimeout?: number
  /** Called for each request before its access token is verified and its body is read. Throws an AppError to refuse it. */
  admit?: (request: FastifyRequest, reply: FastifyReply) => void
  /** The median duration above which fewer requests are taken at a time, in milliseconds; 1000 by default. */
  targetDuration?: number
  /** Whether the app limits concurrent requests by itself, instead of by the limit of every service. */
  ownLimits?: boolean
  /** The networks of a client, which share limits; by default its client subnet. */
  networksOf?: (request: FastifyRequest) => readonly CallerNetwork[]
  /** Renders errors as pages for browsers; without it they are problem documents for them too. */
  renderErrorPage?: RenderErrorPage
  /** How many event streams may be open; by default as many as several gateways let a user open. */
  eventStreams?: EventStreamLimits
  /** Headers of every response, errors included. */
  headers?: Readonly<Record<string, string>>
}

const defaultStreamLimits: EventStreamLimits = { perUser: 50, total: 2000 }

/** How long /readyz waits for each check, in milliseconds. */
const READINESS_TIMEOUT = 2500

/**
 * Creates the Fastify app that every service builds on: logs, traces and metrics, verification of access tokens, schema
 * validation, error responses, /healthz, /readyz, /metrics, and OpenAPI at /openapi.json and /docs.
 */
export async function createServiceApp(options: ServiceOptions): Promise<App> {
  const app = createServer(options)
  app.decorate('metrics', createMetrics(options.name))
  app.decorate('openSchema', options.openSchema ?? true)
  app.decorate(
    'eventStreams',
    registerEventStreams(app, app.metrics.registry, options.eventStreams ?? defaultStreamLimits),
  )
  const readClient = createClientReader(options.gatewaySecret)
  app.decorateRequest('client', {
    getter() {
      return readClient(this)
    },
  })
  app.decorateRequest('operation', undefined)
  app.setValidatorCompiler(({ schema, httpPart }) => createValidator(schema as TSchema, httpPart ?? 'body'))
  const { admit, networksOf = (request) => [{ cidr: request.client.subnet, share: 1 }] } = options
  const recordRefusal = createRefusalLog(app.log, app.metrics.recordRefusal)
  app.addHook('onError', (request, _reply, error, done) => {
    request.refused = recordRefusal(error)
    done()
  })
  app.decorateRequest('networks')
  app.addHook('onRequest', (request, _reply, done) => {
    request.networks = networksOf(request)
    done()
  })
  if (!options.ownLimits) limitConcurrency(app, (route) => publicRoutes.has(route ?? ''), options.targetDuration)
  if (admit) app.addHook('onRequest', async (request, reply) => admit(request, reply))
  await verifyAccessTokens(app, options)
  if (options.gatewayOnly) requireGatewayOrToken(app, options.gatewaySecret)
  // A response to a signed-in user, or one that may hold tokens, must not be cached unless the route allows it.
  app.addHook('onSend', (request, reply, _payload, done) => {
    if ((request.principal || request.routeOptions.url === '/graphql') && !reply.hasHeader('cache-control'))
      reply.header('cache-control', 'no-store')
    done()
  })
  // The last hook before the handler: reading the body leaves the async context of onRequest.
  app.addHook('preHandler', (request, reply, done) => {
    const caller = createCaller(request, reply)
    requireWaiting(caller)
    runInTrace(withCaller(request.trace, caller), done)
  })
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    // An event stream lasts as long as its client wants, which says nothing about the service.
    if (!isEventStream(reply)) app.metrics.recordRequest(request.method, route, reply.statusCode, reply.elapsedTime)
    if (request.refused || route === '/healthz' || route === '/readyz' || route === '/metrics') return
    const { method, trace, operation } = request
    const outcome = { status: reply.statusCode, ms: Math.round(reply.elapsedTime) }
    const fields = { traceId: traceId(trace), method, route, ...(operation && { operation }), ...outcome }
    request.log.info(fields, 'request completed')
  })
  if (options.docs ?? true) await registerOpenApi(app, options.name)
  addLivenessRoute(app)
  app.decorate('operatorApp', options.operatorPort === 'own' ? createOperatorServer(app, options) : undefined)
  if (!app.operatorApp) addOperatorRoutes(app, app.metrics, options.readinessChecks)
  return app
}

/** The routes for callers with neither gateway secret nor access token: probes, Prometheus and the other services. */
const publicRoutes: ReadonlySet<string> = new Set([
  '/healthz',
  '/readyz',
  '/metrics',
  '/.well-known/jwks.json',
  '/revocations',
])

/** Rejects requests that bypass the gateway and its rate limits, on every URL, unless they carry an access token. */
function requireGatewayOrToken(app: App, secret: string | undefined): void {
  const isFromGateway = createGatewayCheck(secret)
  app.addHook('onRequest', async ({ routeOptions, principal, headers }) => {
    if (!principal && !isFromGateway(headers) && !publicRoutes.has(routeOptions.url ?? ''))
      throw new AppError('UNAUTHENTICATED', 'Send requests through the gateway, or with an access token.')
  })
}

/**
 * How long a client may take to send a request, in milliseconds: its headers, and all of it. Node checks every second and
 * malformed-http.ts answers 408. A body of 1 MB in 20 s needs 52 KB/s.
 */
const requestTimeouts = {
  requestTimeout: 20_000,
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 1000, requireHostHeader: false },
} as const

const notFound = (): AppError => new AppError('NOT_FOUND', 'There is no resource at this URL.')

/** Creates a server with what holds for every request, also on the operator port: limits, traces, error responses. */
function createServer({
  name,
  logLevel,
  trustedProxies = [],
  bodyLimit = 1_048_576,
  idleTimeout = 60_000,
  headers = {},
  renderErrorPage,
}: ServiceOptions) {
  const begin = (request: FastifyRequest, reply: FastifyReply): void => {
    request.trace = extractTrace(request.headers)
    request.deadline = readDeadline(request.headers)
    reply.headers(headers).header('x-trace-id', traceId(request.trace))
  }
  const app = Fastify({
    ...requestTimeouts,
    connectionTimeout: idleTimeout,
    logger: toLoggerOptions(name, logLevel),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    ...(trustedProxies.length > 0 && { trustProxy: [...trustedProxies] }),
    routerOptions: { maxParamLength: 512 },
    rewriteUrl: ({ url = '/', headers: requestHeaders }) => {
      const absolute = /^https?:\/\/([^/?#]*)(.*)$/is.exec(url)
      if (!absolute) return url
      // A request target in absolute form: its host overrides the Host header (RFC 9112, 3.2.2).
      requestHeaders.host = absolute[1]!
      return absolute[2]!.startsWith('/') ? absolute[2]! : `/${absolute[2]}`
    },
    // A URL that the router cannot decode reaches no hook.
    frameworkErrors: (error, request, reply) => {
      begin(request, reply)
      handleError(error, request, reply, renderErrorPage)
      const id = traceId(request.trace)
      request.log.info({ traceId: id, route: 'none', status: reply.statusCode, cause: error.code }, 'request completed')
    },
    clientErrorHandler: () => {}, // handleClientErrors handles the event
  }).withTypeProvider<TypeBoxTypeProvider>()
  handleClientErrors(app.server, headers, app.log)
  // An unknown expectation may be ignored (RFC 9110, 10.1.1); Node by itself would answer it with an empty 417.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.decorateRequest('trace')
  app.decorateRequest('deadline', Infinity)
  app.decorateRequest('refused', false)
  app.addHook('onRequest', async (request, reply) => {
    begin(request, reply)
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
      throw new AppError('VALIDATION_FAILED', 'An HTTP/1.1 request must have a Host header.')
    if (!isNormalizedPath(request.url)) throw notFound()
  })
  app.setErrorHandler<Error>((error, request, reply) => handleError(error, request, reply, renderErrorPage))
  app.setNotFoundHandler(() => {
    throw notFound()
  })
  // Browsers send text/plain across origins without a CORS preflight (a simple request).
  app.removeContentTypeParser('text/plain')
  return app
}

const hidden = { schema: { hide: true } } as const

const addLivenessRoute = (app: App): void => void app.get('/healthz', hidden, async () => ({ status: 'ok' }))

/** Creates the server of the operator port. It checks no tokens. */
function createOperatorServer(app: App, options: ServiceOptions): App {
  const operator = createServer(options)
  addLivenessRoute(operator)
  addOperatorRoutes(operator, app.metrics, options.readinessChecks)
  app.addHook('onClose', () => operator.close())
  return operator
}

function addOperatorRoutes(app: App, { registry }: Metrics, checks: ServiceOptions['readinessChecks']): void {
  app.get('/readyz', hidden, async (_request, reply) => {
    const states = await Promise.all(
      Object.entries(checks).map(async ([name, check]) => [name, (await succeeds(check)) ? 'ok' : 'missing'] as const),
    )
    const ready = states.every(([, state]) => state === 'ok')
    return reply
      .status(ready ? 200 : 503)
      .send({ status: ready ? 'ok' : 'unavailable', needs: Object.fromEntries(states) })
  })

  app.get('/metrics', hidden, async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  )
}

async function succeeds(check: () => Promise<unknown>): Promise<boolean> {
  try {
    return await waitAtMost(check(), READINESS_TIMEOUT)
  } catch {
    return false // /readyz reports the dependency as missing
  }
}
