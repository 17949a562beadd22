import { Readable } from 'node:stream'
import httpProxy, { type FastifyHttpProxyOptions } from '@fastify/http-proxy'
import { GATEWAY_SECRET_HEADER } from '@halles/auth/client-address'
import { DEADLINE_HEADER } from '@halles/concurrency/caller'
import { refreshCookieNames } from '@halles/auth/refresh-cookie-name'
import { requireAdmin, requirePrincipal } from '@halles/auth/principal'
import { traceHeaders } from '@halles/telemetry/trace'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { IncomingHttpHeaders } from 'node:http'
import { services, type Service } from '../config.ts'
import { type UpstreamClient } from '../upstream/upstream-client.ts'
import { isConnectionReset, toUpstreamError } from '../upstream/upstream-response.ts'
import { hasBody } from '../slow-bodies.ts'
import { createBodyReader, MAX_BODY_BYTES, MAX_PICTURE_BYTES } from './body-reader.ts'
import { createBufferedSender } from './response-buffer.ts'

/** The service to which a route of the gateway is proxied; undefined for its own routes. */
export const findService = (route: string | undefined): Service | undefined => serviceByRoute.get(route ?? '')

/** Where an admin uploads the picture of a product: the only route that accepts a larger body. */
const PICTURE_UPLOAD = '/products/:id/picture'

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
  product: ['/products', PICTURE_UPLOAD, '/products/*', '/pictures/*', '/images/*'],
  order: ['/orders', '/orders/*'],
  notification: ['/notifications', '/notifications/*', '/dead-letters', '/dead-letters/*'],
}

const serviceByRoute = new Map<string, Service>([
  ...services.flatMap((service) => routes[service].map((route) => [`/api${route}`, service] as const)),
  ['/images/*', 'product'],
])

/** The routes that accept a body from anyone. A body for any other route is read only from signed-in users. */
const anonymousBodies: ReadonlySet<string> = new Set([
  '/api/register',
  '/api/login',
  '/api/refresh',
  '/api/logout',
  '/api/password/*',
  '/api/email/*',
])

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
 * documentation of each service at `/docs/<service>/`. A request is sent to a service once its body is complete; responses
 * are read ahead of their clients. Nothing is parsed or retried here, except that a GET or HEAD whose connection broke before a response is sent once
 * more.
 */
export async function registerRestProxy(
  app: FastifyInstance,
  upstreams: Record<Service, UpstreamClient>,
  urls: Record<Service, string[]>,
  { gatewaySecret, apiDocs }: { gatewaySecret: string | undefined; apiDocs: boolean },
) {
  const readBody = createBodyReader()
  const sendBuffered = createBufferedSender()
  const bufferBody = (request: FastifyRequest, reply: FastifyReply, done: (error?: Error) => void): void => {
    if (!(request.body instanceof Readable)) return done()
    const limit = isPictureUpload(request) ? MAX_PICTURE_BYTES : MAX_BODY_BYTES
    void readBody(request, reply, request.body, limit).then((body) => {
      request.body = body
      done()
    }, done)
  }
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
      preHandler: bufferBody,
      handler: (request, reply, destination, options) =>
        sendToService(request, reply, destination, { ...options, timeout: upstreams[service].timeout() }),
      // By default the plugin repeats a GET that is answered 503 up to ten times.
      retryMethods: [],
      replyOptions: {
        retryDelay: ({ err, req, attempt }) =>
          attempt === 0 && isSafeMethod(req.method) && isConnectionReset(err) ? 1 : null,
        rewriteRequestHeaders: (request, headers) =>
          createRequestHeaders(
            request as FastifyRequest,
            service,
            headers,
            upstreams[service].timeout(),
            gatewaySecret,
          ),
        rewriteHeaders: removeHopByHopHeaders,
        // The plugin passes a response of undici, whose stream is a Readable.
        onResponse: (request, reply, response) =>
          sendBuffered(
            request as FastifyRequest,
            reply as FastifyReply,
            (response as unknown as { stream: Readable }).stream,
          ),
        onError: (reply, { error }) => {
          const answer = toUpstreamError(error.cause ?? error)
          // The body of a GET is not read, so no other request can follow on this connection.
          if (!reply.request.raw.complete) reply.header('connection', 'close')
          reply.send(answer)
        },
      },
    })

  const userBodies = new Set(services.flatMap((service) => routes[service].map((route) => `/api${route}`)))
  for (const route of anonymousBodies) userBodies.delete(route)
  app.addHook('onRequest', async (request) => {
    if (isPictureUpload(request)) requireAdmin(request.principal)
    else if (hasBody(request) && userBodies.has(request.routeOptions.url ?? '')) requirePrincipal(request.principal)
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

const isPictureUpload = ({ method, routeOptions }: FastifyRequest): boolean =>
  method === 'PUT' && routeOptions.url === `/api${PICTURE_UPLOAD}`

/** Sends a request with the bytes of its body to a service. */
const sendToService: NonNullable<FastifyHttpProxyOptions['handler']> = (
  { body, headers },
  reply,
  destination,
  options,
) =>
  reply.from(
    destination,
    Buffer.isBuffer(body)
      ? { ...options, body, contentType: headers['content-type'] ?? 'application/octet-stream' } // RFC 9110, 8.3
      : options,
  )

const isSafeMethod = (method: string | undefined): boolean => method === 'GET' || method === 'HEAD'

/** The client's headers without those that it may not set, and the gateway's own: trace, address, deadline, proof. */
export function createRequestHeaders(
  request: FastifyRequest,
  service: Service | 'storefront',
  headers: IncomingHttpHeaders,
  timeout: number,
  gatewaySecret: string | undefined,
): IncomingHttpHeaders {
  const allowed: IncomingHttpHeaders = {}
  for (const name of Object.keys(headers))
    if (!hopByHopHeaders.has(name) && !gatewayOnlyHeaders.test(name)) allowed[name] = headers[name]
  if (service !== 'auth' && allowed.cookie !== undefined) {
    const cookie = removeRefreshCookies(allowed.cookie)
    if (cookie === '') delete allowed.cookie
    else allowed.cookie = cookie
  }
  return {
    ...allowed,
    ...traceHeaders(request.trace),
    'x-forwarded-for': request.ip,
    'x-forwarded-host': request.host,
    'x-forwarded-proto': request.protocol,
    [DEADLINE_HEADER]: String(timeout),
    ...(gatewaySecret !== undefined && { [GATEWAY_SECRET_HEADER]: gatewaySecret }),
  }
}

const refreshCookies = new Set<string>(Object.values(refreshCookieNames))

/** Removes the refresh token from a Cookie header: only auth-service may see it. */
const removeRefreshCookies = (cookies: string): string =>
  cookies
    .split(';')
    .map((cookie) => cookie.trim())
    .filter((cookie) => !refreshCookies.has(cookie.split('=', 1)[0]!.trim()))
    .join('; ')

export const removeHopByHopHeaders = (headers: Record<string, string | string[] | undefined>) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => !hopByHopHeaders.has(name)))
