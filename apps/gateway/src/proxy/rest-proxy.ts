import { Readable } from 'node:stream'
import httpProxy from '@fastify/http-proxy'
import { GATEWAY_SECRET_HEADER } from '@halles/auth/client-address'
import type { AppError } from '@halles/errors/app-error'
import { traceHeaders } from '@halles/telemetry/trace'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'
import { services, type Service } from '../config.ts'
import { isConnectionReset, toUpstreamError, type UpstreamClient } from '../upstream/upstream-client.ts'
import { createPayloadTooLargeError, limitBodySize } from './body-size-limit.ts'

/** The routes below /api, by the service that owns them. */
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

/** Request headers that only the gateway may set: where a request comes from, and that it comes through the gateway. */
const gatewayOnlyHeaders = new RegExp(`^(x-forwarded-|forwarded$|x-real-ip$|${GATEWAY_SECRET_HEADER}$)`)

/** Hop-by-hop headers (RFC 9110, 7.6.1), and `Expect`, which the gateway itself answers. */
const hopByHopHeaders = new Set([
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
 * Proxies the REST routes below /api to the services and product images at /images; with `apiDocs`, also the API
 * documentation of each service at `/docs/<service>/`. Bodies stream in both directions. Nothing is parsed or retried here,
 * except that a GET or HEAD whose connection broke before a response is sent once more.
 */
export async function registerRestProxy(
  app: FastifyInstance,
  upstreams: Record<Service, UpstreamClient>,
  urls: Record<Service, string[]>,
  { gatewaySecret, apiDocs }: { gatewaySecret: string | undefined; apiDocs: boolean },
) {
  const forward = (
    service: Service,
    prefix: string,
    rewritePrefix: string,
    routes: readonly string[],
    httpMethods?: string[],
  ) =>
    app.register(httpProxy, {
      // Only a base for paths: the dispatcher chooses the address.
      upstream: urls[service][0]!,
      // The plugin calls no more than the methods of a Dispatcher.
      undici: upstreams[service].dispatcher as never,
      prefix,
      rewritePrefix,
      routes: [...routes],
      ...(httpMethods && { httpMethods }),
      disableRequestLogging: true,
      preHandler: refuseLargeBody,
      // By default the plugin repeats a GET that is answered 503 up to ten times.
      retryMethods: [],
      replyOptions: {
        timeout: upstreams[service].timeout,
        retryDelay: ({ err, req, attempt }) =>
          attempt === 0 && isSafeMethod(req.method) && isConnectionReset(err) ? 1 : null,
        rewriteRequestHeaders: (request, headers) =>
          createRequestHeaders(request as FastifyRequest, headers, gatewaySecret),
        rewriteHeaders: removeHopByHopHeaders,
        onError: (reply, { error }) => {
          const answer = toUpstreamError(error.cause ?? error)
          // The rest of the request body is not read, so no other request can follow on this connection.
          if (!reply.request.raw.complete && answer.code !== 'PAYLOAD_TOO_LARGE') reply.header('connection', 'close')
          reply.send(answer)
        },
      },
    })

  for (const service of services) {
    await forward(service, '/api', '/', routes[service])
    if (!apiDocs) continue
    app.get(`/docs/${service}`, async (_request, reply) => reply.redirect(`/docs/${service}/`))
    await forward(service, `/docs/${service}/openapi.json`, '/openapi.json', [''], ['GET'])
    await forward(service, `/docs/${service}`, '/docs', ['/*'], ['GET', 'HEAD'])
  }
  await forward('product', '/images', '/images', ['/*'], ['GET', 'HEAD'])
}

/** The largest body that services accept, in bytes: packages/fastify-service/src/app.ts. */
const MAX_BODY_BYTES = 1_048_576

/**
 * Refuses bodies that the services would refuse. A service answers and closes the connection while the gateway still
 * sends; its answer may then be lost, and the service would look unavailable.
 */
function refuseLargeBody(request: FastifyRequest, _reply: unknown, done: (error?: AppError) => void): void {
  const length = request.headers['content-length']
  if (Number(length ?? 0) > MAX_BODY_BYTES) return done(createPayloadTooLargeError())
  // A chunked body has no declared length: it is counted as it streams.
  if (length === undefined && request.body instanceof Readable)
    request.body = limitBodySize(MAX_BODY_BYTES, request.body)
  done()
}

const isSafeMethod = (method: string | undefined): boolean => method === 'GET' || method === 'HEAD'

/** The client's headers without those that it may not set, and the gateway's own: trace, forwarded address, proof. */
function createRequestHeaders(
  request: FastifyRequest,
  headers: IncomingHttpHeaders,
  gatewaySecret: string | undefined,
): IncomingHttpHeaders {
  const allowed: IncomingHttpHeaders = {}
  for (const name of Object.keys(headers))
    if (!hopByHopHeaders.has(name) && !gatewayOnlyHeaders.test(name)) allowed[name] = headers[name]
  return {
    ...allowed,
    ...traceHeaders(request.trace),
    'x-forwarded-for': request.ip,
    'x-forwarded-host': request.host,
    'x-forwarded-proto': request.protocol,
    ...(gatewaySecret !== undefined && { [GATEWAY_SECRET_HEADER]: gatewaySecret }),
  }
}

const removeHopByHopHeaders = (headers: Record<string, string | string[] | undefined>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHopHeaders.has(name)))
