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

declare module 'fastify' {
  interface FastifyRequest {
    /** Who the token belongs to; undefined when there is none. A token that is not good never gets this far. */
    person: Person | undefined
    /** Where the request comes from, for counting and for logs: it proves nothing. */
    readonly client: Client
    trace: Context
    /** The name of the GraphQL operation that was executed, for the log. */
    operation: string | undefined
  }
  interface FastifyInstance {
    metrics: Metrics
    /** /healthz, /readyz and /metrics at a door of their own; undefined where they are at the service's. */
    operator: FastifyInstance | undefined
    /** Whether its subgraph tells its schema. */
    openSchema: boolean
  }
}

/** A Fastify whose handlers are typed by their TypeBox schemas. */
export type App = ReturnType<typeof shell>

export type ServiceOptions = {
  /** As in logs, metrics, traces and MongoDB's lists: `order-service`. */
  name: string
  logLevel: string
  /** Finds the key that signed a token. */
  keyOf: KeyOf
  issuer: string
  audience: string
  /** Knows which tokens were revoked before their end. */
  revocations?: Revocations | undefined
  /** What this service needs to do its work: each rejects when it is not there. Told by /readyz. */
  needs: Record<string, () => Promise<unknown>>
  /** Whether it describes REST routes of its own, at /openapi.json and /docs. */
  docs?: boolean
  /** Whether /readyz and /metrics are at the service's own door, or at `app.operator`, for `run` to open. */
  operatorDoor?: 'same' | 'own'
  /** What the gateway proves itself with: only then is it believed where a request comes from. */
  gatewaySecret?: string | undefined
  /** Whether only who proves to be the gateway, or is signed in, is answered: at all doors but those of `pastTheGateway`. */
  gatewayOnly?: boolean
  /** Whether a subgraph tells its schema: by introspection, `_service` and errors that suggest names. */
  openSchema?: boolean
  /** Addresses and networks (10.0.0.0/8) of proxies that are believed by whom, by what and at which host they were asked. */
  trustedProxies?: readonly string[]
  /** Largest body taken, in bytes. */
  bodyLimit?: number
  /**
   * How long nothing may move on a connection, in milliseconds, before it is closed: longer than any answer takes to begin.
   * A client that does not read what it asked for would make us keep it for ever.
   */
  silence?: number
  /** Headers of every answer, errors of any kind included. */
  headers?: Readonly<Record<string, string>>
}

/** How long /readyz waits for each need, in milliseconds. */
const READY_WITHIN = 2500

/**
 * What every service has before it does anything of its own: logs and traces, tokens checked, shapes validated, errors
 * told by the contract, /healthz, /readyz, /metrics, /openapi.json and its page at /docs. Operators' routes may have a door
 * of their own.
 */
export async function serviceApp(options: ServiceOptions): Promise<App> {
  const app = shell(options)
  app.decorate('metrics', metricsOf(options.name))
  app.decorate('openSchema', options.openSchema ?? true)
  app.decorateRequest('person', undefined)
  const clientOf = clientsBehind(options.gatewaySecret)
  app.decorateRequest('client', {
    getter() {
      return clientOf(this)
    },
  })
  app.decorateRequest('operation', undefined)
  app.setValidatorCompiler(({ schema, httpPart }) => validatorOf(schema as TSchema, httpPart ?? 'body'))
  await tokens(app, options)
  if (options.gatewayOnly) behindGateway(app, options.gatewaySecret)
  // What is told to one person, and tokens, are kept by no cache, unless a route says better.
  app.addHook('onSend', (request, reply, _payload, done) => {
    if ((request.person || request.routeOptions.url === '/graphql') && !reply.hasHeader('cache-control'))
      reply.header('cache-control', 'no-store')
    done()
  })
  // Last before the handler: reading the body leaves the context that onRequest ran in.
  app.addHook('preHandler', (request, _reply, done) => inTrace(request.trace, done))
  app.addHook('onResponse', async (request, reply) => {
    const route = request.routeOptions.url ?? 'none'
    app.metrics.request(request.method, route, reply.statusCode, reply.elapsedTime)
    if (route === '/healthz' || route === '/readyz' || route === '/metrics') return
    const { method, trace, operation } = request
    const answered = { status: reply.statusCode, ms: Math.round(reply.elapsedTime) }
    const seen = { traceId: traceId(trace), method, route, ...(operation && { operation }), ...answered }
    request.log.info(seen, 'answered')
  })
  if (options.docs ?? true) await openapi(app, options.name)
  aliveRoute(app)
  app.decorate('operator', options.operatorDoor === 'own' ? operatorDoor(app, options) : undefined)
  if (!app.operator) operatorRoutes(app, app.metrics, options.needs)
  return app
}

/** What probes, Prometheus and the other services ask a service for, who are neither the gateway nor signed in. */
const pastTheGateway: ReadonlySet<string> = new Set([
  '/healthz',
  '/readyz',
  '/metrics',
  '/.well-known/jwks.json',
  '/revocations',
])

/** Refuses who comes past the gateway, which counts and limits, unless they are signed in; whatever they ask for. */
function behindGateway(app: App, secret: string | undefined): void {
  const isGateway = gatewayKnownBy(secret)
  app.addHook('onRequest', async ({ routeOptions, person, headers }) => {
    if (!person && !isGateway(headers) && !pastTheGateway.has(routeOptions.url ?? ''))
      throw new Refusal('UNAUTHENTICATED', 'This address is for the gateway, and for who is signed in.')
  })
}

/**
 * What a subgraph answers at most. The gateway has the narrower limits (apps/gateway/src/limits.ts): what it sends is
 * longer than what it was sent, since fragments are spread out in it. These are for whoever comes past the gateway.
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

/** Serves a subgraph at /graphql, compiled. */
export const serveSubgraph = (app: App, schema: GraphQLSchema): void =>
  graphqlRoute(app, () => schema, compiledExecute(), {
    limits: subgraphLimits,
    prices: { unpaged: 10, mutation: 10, planned: 0 },
    secretive: !app.openSchema,
  })

/**
 * How long a client may take to send a request, in milliseconds: its headers, and all of it. Node looks every second, and
 * answers 408 (broken-http.ts). A megabyte in 20 s is 52 KB/s, which any telephone has.
 */
const slow = {
  requestTimeout: 20_000,
  http: { headersTimeout: 10_000, connectionsCheckingInterval: 1000, requireHostHeader: false },
} as const

const nothingHere = (): Refusal => new Refusal('NOT_FOUND', 'There is nothing at this address.')

function shell({
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
    ...slow,
    connectionTimeout: silence,
    logger: loggerOptions(name, logLevel),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit,
    ...(trustedProxies.length > 0 && { trustProxy: [...trustedProxies] }),
    routerOptions: { maxParamLength: 512 },
    rewriteUrl: ({ url = '/', headers: asked }) => {
      const whole = /^https?:\/\/([^/?#]*)(.*)$/is.exec(url)
      if (!whole) return url
      // RFC 9112, 3.2.2: as a proxy is asked; the host that is in it counts.
      asked.host = whole[1]!
      return whole[2]!.startsWith('/') ? whole[2]! : `/${whole[2]}`
    },
    // What the router cannot read meets no hook.
    frameworkErrors: (error, request, reply) => {
      begin(request, reply)
      answerError(error, request, reply)
      const id = traceId(request.trace)
      request.log.info({ traceId: id, route: 'none', status: reply.statusCode, cause: error.code }, 'answered')
    },
    clientErrorHandler: () => {}, // answerBrokenHttp listens
  }).withTypeProvider<TypeBoxTypeProvider>()
  answerBrokenHttp(app.server, headers, app.log)
  // An expectation that is not known may be passed over (RFC 9110, 10.1.1); Node’s own answer would be an empty one.
  app.server.on('checkExpectation', (request, response) => app.server.emit('request', request, response))
  app.decorateRequest('trace')
  app.addHook('onRequest', async (request, reply) => {
    begin(request, reply)
    if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
      throw new Refusal('VALIDATION_FAILED', 'A request says which host it is for.')
    if (!isStraight(request.url)) throw nothingHere()
  })
  app.setErrorHandler(answerError)
  app.setNotFoundHandler(() => {
    throw nothingHere()
  })
  // What a form of any site may send, without asking first.
  app.removeContentTypeParser('text/plain')
  return app
}

/**
 * Checks the bearer token of every request that has one, by @fastify/jwt. A token that was good a moment ago is not
 * checked again while it lasts: a signature costs about a tenth of a millisecond.
 */
async function tokens(app: App, { keyOf, issuer, audience, revocations }: ServiceOptions): Promise<void> {
  const readClaims = reader(Claims)
  const good = new LRUCache<string, { person: Person; version: number }>({ max: 5000 })

  await app.register(fastifyJwt, {
    secret: async (_request: FastifyRequest, token: TokenOrHeader) => {
      const kid = 'header' in token ? token.header['kid'] : undefined
      const key = typeof kid === 'string' ? await keyOf(kid) : undefined
      if (!key) throw new Refusal('UNAUTHENTICATED', 'This token was not signed here.')
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
    const token = good.get(header) ?? (await checked(request, header))
    const { id, sid } = token.person
    if (revocations?.isRevoked({ id, sid, version: token.version }))
      throw new Refusal('UNAUTHENTICATED', 'This access token is not good any more: sign in again.')
    request.person = token.person
  })

  /** What a token says, if it says what ours do. */
  const claimsIn = (claims: unknown): Claims => {
    try {
      return readClaims(claims)
    } catch (error) {
      throw new Refusal('UNAUTHENTICATED', 'This is no access token of this shop.', { cause: error })
    }
  }

  const checked = async (request: FastifyRequest, header: string) => {
    const claims = await request.jwtVerify<Claims & { exp: number }>()
    const { sub, role, name, email, locale, sid, ver = 0 } = claimsIn(claims)
    const token = { person: { id: sub, role, name, email, locale, sid }, version: ver }
    const ttl = claims.exp * 1000 - Date.now()
    if (ttl > 0) good.set(header, token, { ttl })
    return token
  }

  if (!revocations) return
  app.addHook('onReady', () => revocations.start(app.log))
  app.addHook('onClose', async () => revocations.stop())
}

const hidden = { schema: { hide: true } } as const

const aliveRoute = (app: App): void => void app.get('/healthz', hidden, async () => ({ status: 'ok' }))

/** The door for operators alone: it knows nothing of people. */
function operatorDoor(app: App, options: ServiceOptions): App {
  const door = shell(options)
  aliveRoute(door)
  operatorRoutes(door, app.metrics, options.needs)
  app.addHook('onClose', () => door.close())
  return door
}

function operatorRoutes(app: App, { registry }: Metrics, needs: ServiceOptions['needs']): void {
  app.get('/readyz', hidden, async (_request, reply) => {
    const checks = await Promise.all(
      Object.entries(needs).map(async ([name, check]) => [name, (await answers(check)) ? 'ok' : 'missing'] as const),
    )
    const ready = checks.every(([, state]) => state === 'ok')
    return reply
      .status(ready ? 200 : 503)
      .send({ status: ready ? 'ok' : 'unavailable', needs: Object.fromEntries(checks) })
  })

  app.get('/metrics', hidden, async (_request, reply) =>
    reply.type(registry.contentType).send(await registry.metrics()),
  )
}

async function answers(check: () => Promise<unknown>): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>()
  const timer = setTimeout(resolve, READY_WITHIN, false)
  try {
    return await Promise.race([check().then(() => true), late])
  } catch {
    return false // told as missing: that is this route's answer, not an error of it
  } finally {
    clearTimeout(timer)
  }
}
