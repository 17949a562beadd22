import type { IncomingHttpHeaders } from 'node:http'
import type { FastifyRequest } from 'fastify'
import ipaddr from 'ipaddr.js'
import { clientNetworks, type ClientNetwork } from './client-networks.ts'
import { createSecretComparer } from './secret-comparer.ts'

/** The client of a request as the network reports it. It proves no identity. */
export type Client = {
  /**
   * The client subnet: an IPv4 address, or the /64 of an IPv6 address (`2001:db8:1:2::/64`), because one customer holds
   * all 2^64 addresses of a /64.
   */
  subnet: string
  /** The networks of the client, from narrow to wide, by which those who share one are limited together. */
  networks: readonly ClientNetwork[]
  /** The `User-Agent` header, cut to 200 characters. */
  userAgent: string | undefined
  /** Whether the connection has ended, so that nobody waits for the response. */
  isGone: () => boolean
}

/** The header in which the gateway sends GATEWAY_SECRET, to prove that a request comes from it. */
export const GATEWAY_SECRET_HEADER = 'x-gateway-secret'

const MAX_USER_AGENT_LENGTH = 200

/**
 * Creates a function that reads a request's client. `X-Forwarded-For` is trusted only when the request carries the gateway
 * secret; otherwise the client is the peer of the connection.
 *
 * @param secret GATEWAY_SECRET; without one `X-Forwarded-For` is never trusted
 */
export function createClientReader(secret: string | undefined): (request: FastifyRequest) => Client {
  const isFromGateway = createGatewayCheck(secret)
  return ({ headers, ip, raw }) => {
    const forwarded = isFromGateway(headers) ? headers['x-forwarded-for'] : undefined
    const address = (typeof forwarded === 'string' ? forwarded : ip).trim()
    return {
      subnet: toClientSubnet(address),
      networks: clientNetworks(address),
      userAgent: headers['user-agent']?.slice(0, MAX_USER_AGENT_LENGTH),
      isGone: () => raw.socket.destroyed,
    }
  }
}

/** Creates a check whether request headers carry the gateway secret. Without a secret the check always fails. */
export function createGatewayCheck(secret: string | undefined): (headers: IncomingHttpHeaders) => boolean {
  if (secret === undefined) return () => false
  const isSecret = createSecretComparer(secret)
  return ({ [GATEWAY_SECRET_HEADER]: proof }) => typeof proof === 'string' && isSecret(proof)
}

/** Converts an IP address to its client subnet (see Client). A text that is not an address is returned unchanged. */
export function toClientSubnet(address: string): string {
  const trimmed = address.trim()
  if (!ipaddr.isValid(trimmed)) return trimmed
  // `process` maps an IPv4-mapped IPv6 address (::ffff:192.0.2.1) to the IPv4 address.
  const parsed = ipaddr.process(trimmed)
  if (parsed.kind() === 'ipv4') return parsed.toString()
  const network = ipaddr.IPv6.networkAddressFromCIDR(`${new ipaddr.IPv6(parsed.toByteArray()).toString()}/64`)
  return `${network.toString()}/64`
}
