import { clientNetworks } from '@halles/auth/client-networks'
import { AppError } from '@halles/errors/app-error'
import type { ServerResponse } from 'node:http'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** When a refused client may try again, in seconds. */
const RETRY_AFTER = 1

/**
 * Creates a bound on the requests that a client address may have open at once, from their headers until their response has
 * been read: slow bodies, slow responses and slow services. It is a bulkhead, so that one client does not use up the
 * connections to a service (256 for each address, upstream/load-balancer.ts). Wider networks have a larger bound.
 *
 * @param limit open requests of one client address; 0 turns the bound off
 * @returns `admit` throws AppError `RATE_LIMITED` beyond the bound. `release` stops counting a request before its response is read
 */
export function createOpenRequestLimit(limit: number): {
  admit: (request: FastifyRequest, reply: FastifyReply) => void
  release: (reply: FastifyReply) => void
} {
  if (limit === 0) return { admit: () => {}, release: () => {} }
  const open = new Map<string, number>()
  /** The networks by which each open request is counted. */
  const counted = new WeakMap<ServerResponse, readonly string[]>()
  const release = ({ raw }: Pick<FastifyReply, 'raw'>): void => {
    for (const cidr of counted.get(raw) ?? []) {
      const left = open.get(cidr)! - 1
      if (left > 0) open.set(cidr, left)
      else open.delete(cidr)
    }
    counted.delete(raw)
  }
  return {
    admit: ({ ip }, reply) => {
      const networks = clientNetworks(ip)
      if (networks.some(({ cidr, share }) => (open.get(cidr) ?? 0) >= limit * share))
        throw new AppError('RATE_LIMITED', 'This client has too many open requests: wait for their responses.', {
          retryAfter: RETRY_AFTER,
        })
      for (const { cidr } of networks) open.set(cidr, (open.get(cidr) ?? 0) + 1)
      counted.set(
        reply.raw,
        networks.map(({ cidr }) => cidr),
      )
      reply.raw.once('close', () => release(reply))
    },
    release,
  }
}
