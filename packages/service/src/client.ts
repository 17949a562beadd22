import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import { sameAs } from './same.ts'

/** Who is at the other end of a request, as far as a network tells. */
export type Client = {
  /**
   * Where the request comes from: an IPv4 address, or the /64 of an IPv6 address (`2001:db8:1:2::/64`), of which one
   * customer has 2^64.
   */
  place: string
  /** What the browser or app calls itself; at most 200 characters. */
  agent: string | undefined
}

/** The header by which the gateway proves that it is the gateway, and not someone who found a service's port. */
export const GATEWAY_PROOF = 'x-gateway-secret'

const LONGEST_AGENT = 200

/**
 * Reads where requests come from. `X-Forwarded-For` is believed only beside the secret that this service shares with the
 * gateway; anyone else is where their connection comes from.
 *
 * @param secret GATEWAY_SECRET; without one no header is believed
 */
export function clientsBehind(secret: string | undefined): (request: FastifyRequest) => Client {
  const isGateway = gatewayKnownBy(secret)
  return ({ headers, ip }) => {
    const forwarded = isGateway(headers) ? headers['x-forwarded-for'] : undefined
    const agent = headers['user-agent']?.slice(0, LONGEST_AGENT)
    return { place: placeOf(typeof forwarded === 'string' ? forwarded : ip), agent }
  }
}

/** Tells by its headers whether a request comes from the gateway; without a secret none does. */
export function gatewayKnownBy(secret: string | undefined): (headers: IncomingHttpHeaders) => boolean {
  if (secret === undefined) return () => false
  const isSecret = sameAs(secret)
  return ({ [GATEWAY_PROOF]: proof }) => typeof proof === 'string' && isSecret(proof)
}

/** An address as Client tells it; what is no address stays as it is. */
export function placeOf(address: string): string {
  const bare = address.trim()
  if (!ipaddr.isValid(bare)) return bare
  // An IPv4 address that came over an IPv6 socket (::ffff:192.0.2.1) is the IPv4 address.
  const parsed = ipaddr.process(bare)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${new ipaddr.IPv6(parsed.toByteArray()).toString()}/64`)
  return `${network.toString()}/64`
}
