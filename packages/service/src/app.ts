import fastifyJwt, { type TokenOrHeader } from '@fastify/jwt'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type { Context } from '@opentelemetry/api'
import Fastify, { LogController, type FastifyReply, type FastifyRequest } from 'fastify'
import type { GraphQLSchema } from 'graphql'
import { LRUCache } from 'lru-cache'
import type { TSchema } from 'typebox'
import { answerError } from './answer-error.ts'
import { answerBrokenHttp } from './broken-http.ts'
import { clientsBehind, gatewayKnownBy, type Client } from './client.ts'
import type { Limits } from './document-limits.ts'
import { compiledExecute } from './graphql.ts'
import { graphqlRoute } from './graphql-http.ts'
import type { KeyOf } from './keys.ts'
import { loggerOptions } from './log.ts'
import { metricsOf, type Metrics } from './metrics.ts'
import { openapi } from './openapi.ts'
import { ACCESS_TOKEN, Claims, type Person } from './person.ts'
import { Refusal } from './refusal.ts'
import type { Revocations } from './revocations.ts'
import { reader, validatorOf } from './schema.ts'
import { isStraight } from './straight.ts'
import { inTrace, traceFrom, traceId } from './trace.ts'
import { waitAtMost } from './with-timeout.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The principal of the access token; undefined without a token. A request with an invalid token is answered 401. */
    person: Person | undefined
    /** The client as the network reports it, for rate limits and logs. It proves no identity. */
    readonly client: Client
    trace: Context
    /** The name of the executed GraphQL operation, for the log. */
    operation: string | undefined
  }
  interface FastifyInstance {
    metrics: Metrics
    /** The server of /healthz, /readyz and /metrics on the operator port; undefined where the service serves them itself. */
    operator: FastifyInstance | undefined
    /** Whether the subgraph discloses its schema. */
    openSchema: boolean
  }
}

/** A Fastify instance whose handlers are typed by their TypeBox schemas. */
export type App = ReturnType<typeof createServer>

export type ServiceOptions = {
  /** The service's name in logs, metrics, traces and MongoDB's connection list, such as `order-service`. */
  name: string
  logLevel: string
  /** Finds the public key that signed a token. */
  keyOf: KeyOf
  issuer: string
  audience: string
  /** Access tokens that were revoked before they expired. */
  revocations?: Revocations | undefined
  /** Readiness checks by dependency name, run by /readyz; each rejects while its dependency is unavailable. */
  needs: Record<string, () => Promise<unknown>>
  /** Whether to serve an OpenAPI document at /openapi.json and its page at /docs. */
  docs?: boolean
  /** `same`: the service serves /readyz and /metrics. `own`: `app.operator` does, on a port that `runService` opens. */
  operatorDoor?: 'same' | 'own'
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
  silence?: number
  /** Headers of every response, errors included. */
  headers?: Readonly<Record<string, string>>
}

/** How long /readyz waits for each check, in milliseconds. */
const READINESS_TIMEOUT = 2500

/**
 * Creates the Fastify app that every service builds on: logs, traces and metrics, verification of access tokens, schema
 * validation, error responses, /healthz, /readyz, /metrics, and OpenAPI at /openapi.json and /docs.
 */
export async function serviceApp(options: ServiceOptions): Promise<App> {
  const app = createServer(options)
  app.decorate('metrics', metricsOf(options.name))
  app.decorate('openSchema', options.openSchema ?? true)
  app.decorateRequest('person', undefined)
  const readClient = clientsBehind(options.gatewaySecret)
  app.decorateRequest('client', {
    getter() {
      return readClient(this)
    },
  })
  app.decorateRequest('operation', undefined)
  app.setValidatorCompiler(({ schema, httpPart }) => validatorOf(schema as TSchema, httpPart ?? 'body'))
  await verifyAccessTokens(app, options)
  if (options.gatewayOnly) requireGatewayOrToken(app, options.gatewaySecret)
  // A response to a signed-in user, or one that may hold tokens, must not be cached unless the route allows it.
  app.addHook('onSend', (request, reply, _payload, done) => {
    if ((request.person || request.routeOptions.url === '/graphql') && !reply.hasHeader('cache-control'))
      reply.header('cache-control', 'no-store')
    done()
  })
  // The last hook before the handler: reading the body leaves the async context of onRequest.
  app.addHook('preHandler', (request, _reply, done) => inTrace(request.trace, done))
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    app.metrics.request(request.method, route, reply.statusCode, reply.elapsedTime)
    if (route === '/healthz' || route === '/readyz' || route === '/metrics') return
    const { method, trace, operation } = request
    const outcome = { status: reply.statusCode, ms: Math.round(reply.elapsedTime) }
    const fields = { traceId: traceId(trace), method, route, ...(operation && { operation }), ...outcome }
    request.log.info(fields, 'request completed')
  })
  if (options.docs ?? true) await openapi(app, options.name)
  addLivenessRoute(app)
  app.decorate('operator', options.operatorDoor === 'own' ? createOperatorServer(app, options) : undefined)
  if (!app.operator) addOperatorRoutes(app, app.metrics, options.needs)
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
  const isFromGateway = gatewayKnownBy(secret)
  app.addHook('onRequest', async ({ routeOptions, person, headers }) => {
    if (!person && !isFromGateway(headers) && !publicRoutes.has(routeOptions.url ?? ''))
      throw new Refusal('UNAUTHENTICATED', 'Send requests through the gateway, or with an access token.')
  })
}

/**
 * Limits of an operation at a subgraph, for requests that bypass the gateway. The gateway's limits are narrower
 * (apps/gateway/src/limits.ts): an operation that it sends is longer than the one it received, because it expands fragments.
 */
const subgraphLimits = {
  tokens: 10_000,
  depth: 20,
  introspectionDepth: 20,
  fields: 2000,
  rootFields: 50,
  aliases: 500,
  cost: 20_000,
} as const satisfies Limits

/** Serves a subgraph at /graphql; operations are compiled by graphql-jit. */
export const serveSubgraph = (app: App, schema: GraphQLSchema): void =>
  graphqlRoute(app, () => schema, compiledExecute(), {
    limits: subgraphLimits,
    prices: { unpaged: 10, mutation: 10, planned: 0 },
    secretive: !app.openSchema,
  })

/**
 * How long a client may take to send a request, in milliseconds: its headers, and all of it. Node checks every second and
 * broken-http.ts answers 408. A body of 1 MB in 20 s needs 52 KB/s.
 */
const requestTimeouts = {
  requestTimeout: 20_000,
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 1000, requireHostHeader: false },
} as const

const notFound = (): Refusal => new Refusal('NOT_FOUND', 'There is no resource at this URL.')

/** Creates a server with what holds for every request, also on the operator port: limits, traces, error responses. */
function createServer({
  name,
  logLevel,
  trustedProxies = [],
  bodyLimit = 1_048_576,
  silence = 60_000,
  headers = {},
}: ServiceOptions) {
  const begin = (request: FastifyRequest, reply: FastifyReply): void => {
    request.trace = traceFrom(request.headers)
    reply.headers(headers).header('x-trace-id', traceId(request.trace))
  }
  const app = Fastify({
    ...requestTimeouts,
    connectionTimeout: silence,
    logger: loggerOptions(name, logLevel),
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
      answerError(error, request, reply)
      const id = traceId(request.trace)
      request.log.info({ traceId: id, route: 'none', status: reply.statusCode, cause: error.code }, 'request completed')
    },
    clientErrorHandler: () => {}, // answerBrokenHttp handles the event
  }).withTypeProvider<TypeBoxTypeProvider>()
  answerBrokenHttp(app.server, headers, app.log)
  // An unknown expectation may be ignored (RFC 9110, 10.1.1); Node by itself would answer it with an empty 417.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.decorateRequest('trace')
  app.addHook('onRequest', async (request, reply) => {
    begin(request, reply)
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
      throw new Refusal('VALIDATION_FAILED', 'An HTTP/1.1 request must have a Host header.')
    if (!isStraight(request.url)) throw notFound()
  })
  app.setErrorHandler(answerError)
  app.setNotFoundHandler(() => {
    throw notFound()
  })
  // Browsers send text/plain across origins without a CORS preflight (a simple request).
  app.removeContentTypeParser('text/plain')
  return app
}

/**
 * Verifies the bearer token of every request that has one, by @fastify/jwt, and sets the request's principal. A verified
 * token is cached until it expires: checking a signature takes about 0.1 ms.
 */
async function verifyAccessTokens(app: App, { keyOf, issuer, audience, revocations }: ServiceOptions): Promise<void> {
  const readClaims = reader(Claims)
  const verified = new LRUCache<string, { person: Person; version: number }>({ max: 5000 })

  await app.register(fastifyJwt, {
    secret: async (_request: FastifyRequest, token: TokenOrHeader) => {
      const kid = 'header' in token ? token.header['kid'] : undefined
      const key = typeof kid === 'string' ? await keyOf(kid) : undefined
      if (!key) throw new Refusal('UNAUTHENTICATED', 'This token was signed with an unknown key.')
      return key
    },
    decode: { complete: true },
    verify: {
      algorithms: ['ES256'],
      checkTyp: ACCESS_TOKEN,
      allowedIss: issuer,
      allowedAud: audience,
      requiredClaims: ['exp', 'iss', 'aud'],
    },
  })

  app.addHook('onRequest', async (request) => {
    const header = request.headers.authorization
    if (header === undefined) return
    const token = verified.get(header) ?? (await verify(request, header))
    const { id, sid } = token.person
    if (revocations?.isRevoked({ id, sid, version: token.version }))
      throw new Refusal('UNAUTHENTICATED', 'This access token was revoked: sign in again.')
    request.person = token.person
  })

  const parseClaims = (claims: unknown): Claims => {
    try {
      return readClaims(claims)
    } catch (error) {
      throw new Refusal('UNAUTHENTICATED', 'The claims of this access token are invalid.', { cause: error })
    }
  }

  const verify = async (request: FastifyRequest, header: string) => {
    const claims = await request.jwtVerify<Claims & { exp: number }>()
    const { sub, role, name, email, locale, sid, ver = 0 } = parseClaims(claims)
    const token = { person: { id: sub, role, name, email, locale, sid }, version: ver }
    const ttl = claims.exp * 1000 - Date.now()
    if (ttl > 0) verified.set(header, token, { ttl })
    return token
  }

  if (!revocations) return
  app.addHook('onReady', () => revocations.start(app.log))
  app.addHook('onClose', async () => revocations.stop())
}

const hidden = { schema: { hide: true } } as const

const addLivenessRoute = (app: App): void => void app.get('/healthz', hidden, async () => ({ status: 'ok' }))

/** Creates the server of the operator port. It checks no tokens. */
function createOperatorServer(app: App, options: ServiceOptions): App {
  const operator = createServer(options)
  addLivenessRoute(operator)
  addOperatorRoutes(operator, app.metrics, options.needs)
  app.addHook('onClose', () => operator.close())
  return operator
}

function addOperatorRoutes(app: App, { registry }: Metrics, needs: ServiceOptions['needs']): void {
  app.get('/readyz', hidden, async (_request, reply) => {
    const states = await Promise.all(
      Object.entries(needs).map(async ([name, check]) => [name, (await succeeds(check)) ? 'ok' : 'missing'] as const),
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
