import httpProxy from '@fastify/http-proxy'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type UpstreamClient } from '../upstream/upstream-client.ts'
import { toUpstreamError } from '../upstream/upstream-response.ts'
import { createRequestHeaders, removeHopByHopHeaders } from './rest-proxy.ts'

/** Paths of the API, and of the storefront's endpoints for operators. */
const notPages = /^\/(api|graphql|healthz|readyz|metrics)(?![^/?])/

/**
 * Proxies the pages of the shop: every GET and HEAD for a path that the gateway does not serve itself. The storefront sets the
 * Content-Security-Policy of its pages.
 */
export async function registerStorefrontProxy(
  app: FastifyInstance,
  upstream: UpstreamClient,
  url: string,
  gatewaySecret: string | undefined,
): Promise<void> {
  await app.register(httpProxy, {
    // Only a base for paths: the dispatcher chooses the address.
    upstream: url,
    // The plugin calls no more than the methods of a Dispatcher.
    undici: upstream.dispatcher as never,
    prefix: '/',
    httpMethods: ['GET', 'HEAD'],
    disableRequestLogging: true,
    retryMethods: [],
    preHandler: (request, reply, done) => {
      if (notPages.test(decodeURI(request.url))) reply.callNotFound()
      else done()
    },
    replyOptions: {
      rewriteRequestHeaders: (request, headers) =>
        createRequestHeaders(request as FastifyRequest, 'storefront', headers, upstream.timeout(), gatewaySecret),
      rewriteHeaders: removeHopByHopHeaders,
      onError: (reply, { error }) => void reply.send(toUpstreamError(error.cause ?? error)),
    },
  })
}
