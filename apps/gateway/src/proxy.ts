import { Readable } from 'node:stream'
import httpProxy from '@fastify/http-proxy'
import { GATEWAY_PROOF } from '@halles/service/client'
import type { Refusal } from '@halles/service/refusal'
import { traceHeaders } from '@halles/service/trace'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'
import { atMost, tooLarge } from './at-most.ts'
import { services, type Service } from './config.ts'
import { brokenOff, upstreamRefusal, type Upstream } from './upstream.ts'

/** Which service answers which routes below /api. */
const routes: Record<Service, readonly string[]> = {
  auth: [
    '/register',
    '/login',
    '/refresh',
    '/logout',
    '/me',
    '/me/*',
    '/password/*',
    '/email/*',
    '/sessions',
    '/sessions/*',
    '/users',
    '/users/*',
    '/security-log',
    '/.well-known/jwks.json',
  ],
  product: ['/products', '/products/*', '/images/*'],
  order: ['/orders', '/orders/*'],
  notification: ['/notifications', '/notifications/*', '/dead-letters', '/dead-letters/*'],
}

/** What a client may not tell services: who was asked, by whom and how is for the gateway to say. */
const untrusted = new RegExp(`^(x-forwarded-|forwarded$|x-real-ip$|${GATEWAY_PROOF}$)`)

/** What belongs to the connection with one neighbour (RFC 9110, 7.6.1), or is dealt with here. */
const hopByHop = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
])

/**
 * Passes the REST routes below /api on to the services, product images at /images, and each service's API page at
 * `/docs/<service>/`. Bodies stream in both directions; nothing is read or repeated here, except that a GET whose
 * connection broke off before an answer is sent once more.
 */
export async function proxy(
  app: FastifyInstance,
  upstreams: Record<Service, Upstream>,
  urls: Record<Service, string[]>,
  secret: string | undefined,
) {
  const pass = (
    service: Service,
    prefix: string,
    rewritePrefix: string,
    routes: readonly string[],
    httpMethods?: string[],
  ) =>
    app.register(httpProxy, {
      // Where it goes is for the dispatcher to say.
      upstream: urls[service][0]!,
      // Asked like a Dispatcher, which is all that the proxy knows of it.
      undici: upstreams[service].dispatcher as never,
      prefix,
      rewritePrefix,
      routes: [...routes],
      ...(httpMethods && { httpMethods }),
      disableRequestLogging: true,
      preHandler: refuseLarge,
      // By default a GET that is answered 503 is repeated up to ten times.
      retryMethods: [],
      replyOptions: {
        timeout: upstreams[service].within,
        retryDelay: ({ err, req, attempt }) => (attempt === 0 && isRead(req.method) && brokenOff(err) ? 1 : null),
        rewriteRequestHeaders: (request, headers) => passedOn(request as FastifyRequest, headers, secret),
        rewriteHeaders: passedBack,
        onError: (reply, { error }) => {
          const refusal = upstreamRefusal(error.cause ?? error)
          // What is left of the body is not read any more, so nothing can follow on this connection.
          if (!reply.request.raw.complete && refusal.code !== 'PAYLOAD_TOO_LARGE') reply.header('connection', 'close')
          reply.send(refusal)
        },
      },
    })

  for (const service of services) {
    await pass(service, '/api', '/', routes[service])
    app.get(`/docs/${service}`, async (_request, reply) => reply.redirect(`/docs/${service}/`))
    await pass(service, `/docs/${service}/openapi.json`, '/openapi.json', [''], ['GET'])
    await pass(service, `/docs/${service}`, '/docs', ['/*'], ['GET', 'HEAD'])
  }
  await pass('product', '/images', '/images', ['/*'], ['GET', 'HEAD'])
}

/** The largest body that services take, in bytes: packages/service/src/app.ts. */
const LARGEST = 1_048_576

/**
 * A service would answer this, and hang up while the gateway still sends: then its answer may be lost on the way, and look
 * like a service that is away.
 */
function refuseLarge(request: FastifyRequest, _reply: unknown, done: (refusal?: Refusal) => void): void {
  const length = request.headers['content-length']
  if (Number(length ?? 0) > LARGEST) return done(tooLarge())
  // In chunks: only time tells.
  if (length === undefined && request.body instanceof Readable) request.body = atMost(LARGEST, request.body)
  done()
}

const isRead = (method: string | undefined): boolean => method === 'GET' || method === 'HEAD'

/** A request's headers for a service: the client's, without what it may not say, and what the gateway knows. */
function passedOn(
  request: FastifyRequest,
  headers: IncomingHttpHeaders,
  secret: string | undefined,
): IncomingHttpHeaders {
  const kept: IncomingHttpHeaders = {}
  for (const name of Object.keys(headers)) if (!hopByHop.has(name) && !untrusted.test(name)) kept[name] = headers[name]
  return {
    ...kept,
    ...traceHeaders(request.trace),
    'x-forwarded-for': request.ip,
    'x-forwarded-host': request.host,
    'x-forwarded-proto': request.protocol,
    ...(secret !== undefined && { [GATEWAY_PROOF]: secret }),
  }
}

const passedBack = (headers: Record<string, string | string[] | undefined>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHop.has(name)))
