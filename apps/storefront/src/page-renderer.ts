import { randomBytes } from 'node:crypto'
import { traceHeaders } from '@halles/telemetry/trace'
import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  createRequestHandler,
  RouterContextProvider,
  type RouterContext,
  type ServerBuild as ReactRouterBuild,
} from 'react-router'
import { createGatewayCheck, GATEWAY_SECRET_HEADER } from '@halles/auth/client-address'
import type { ServerContext } from './server-context.ts'

/** The built pages. */
export type ServerBuild = ReactRouterBuild & {
  entry: { module: { serverContext: RouterContext<ServerContext> } }
}

type Options = {
  /** The gateway's GraphQL endpoint. */
  graphqlUrl: string
  /** The origin of the shop as visitors see it. */
  shopUrl: string
  /** The secret by which gateway and storefront recognise each other. Without it the visitor's address is not passed on. */
  gatewaySecret: string | undefined
}

/** How long the gateway may take to answer for a page, in milliseconds. */
const RENDER_TIMEOUT = 8_000

const contentSecurityPolicy = (nonce: string): string =>
  [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}'`,
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data: https:",
    "connect-src 'self'",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ].join('; ')

/** Creates the handler of pages. */
export function createPageRenderer(build: ServerBuild, { graphqlUrl, shopUrl, gatewaySecret }: Options) {
  const isFromGateway = createGatewayCheck(gatewaySecret)
  const handle = createRequestHandler(build, 'production')
  /** The visitor's address, which the gateway's limits are for. */
  const visitorOf = ({ headers, ip }: FastifyRequest): string => {
    const forwarded = headers['x-forwarded-for']
    return isFromGateway(headers) && typeof forwarded === 'string' ? forwarded : ip
  }
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const gone = new AbortController()
    reply.raw.once('close', () => gone.abort())
    const nonce = randomBytes(16).toString('base64')
    const value: ServerContext = {
      graphqlUrl,
      origin: shopUrl,
      headers: {
        ...traceHeaders(request.trace),
        'x-forwarded-for': visitorOf(request),
        ...(gatewaySecret !== undefined && { [GATEWAY_SECRET_HEADER]: gatewaySecret }),
      },
      nonce,
      signal: AbortSignal.any([gone.signal, AbortSignal.timeout(RENDER_TIMEOUT)]),
    }
    const context = new RouterContextProvider()
    context.set(build.entry.module.serverContext, value)
    const response = await handle(toWebRequest(request, shopUrl, gone.signal), context)
    reply.header('content-security-policy', contentSecurityPolicy(nonce))
    // A page has a nonce of its own.
    if (!response.headers.has('cache-control')) reply.header('cache-control', 'private, no-cache')
    return reply.send(response)
  }
}

/** Converts a GET request. The host is the shop's, whatever the client sent. */
function toWebRequest(request: FastifyRequest, shopUrl: string, signal: AbortSignal): Request {
  const headers = new Headers()
  for (const [name, value] of Object.entries(request.headers))
    if (value !== undefined && !name.startsWith(':')) headers.set(name, Array.isArray(value) ? value.join(', ') : value)
  return new Request(new URL(request.url, shopUrl), { method: request.method, headers, signal })
}
