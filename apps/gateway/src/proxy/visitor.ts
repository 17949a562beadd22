import { createGatewayCheck } from '@halles/auth/client-address'
import type { FastifyRequest } from 'fastify'
import { isIP } from 'node:net'

/**
 * Creates a function that sets `request.ip` of the storefront's requests to the address of the visitor for whom it renders a page,
 * so that limits apply to the visitor. The storefront proves itself by the gateway secret; other requests are left as they are.
 *
 * @param secret GATEWAY_SECRET; without one no request is changed
 */
export function createVisitorReader(secret: string | undefined): (request: FastifyRequest) => void {
  const isFromStorefront = createGatewayCheck(secret)
  return (request) => {
    const visitor = request.headers['x-forwarded-for']
    if (typeof visitor !== 'string' || isIP(visitor) === 0 || !isFromStorefront(request.headers)) return
    Object.defineProperty(request, 'ip', { value: visitor })
  }
}
