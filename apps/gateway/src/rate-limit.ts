import { clientNetworks } from '@halles/auth/client-networks'
import { AppError } from '@halles/errors/app-error'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'

/** What a request costs of a client's quota (RATE_LIMIT), in points. A GraphQL operation also pays its own cost. */
const requestCosts = { read: 1, write: 5 } as const

/** How many times the quota of one client all clients of one address may spend together; wider networks have a larger share. */
const NETWORK_FACTOR = 2

/**
 * How many clients, and how many networks of each width, are tracked. The least recently seen is dropped, and starts with a full
 * quota; networks of one width never displace wider ones.
 */
const MAX_TRACKED = 100_000

/** The window of a quota, in seconds. */
const WINDOW = 60

type Bucket = { remaining: number; updatedAt: number }
type Buckets = LRUCache<string, Bucket>

/** A quota that a request is counted against, by its bucket. */
type Quota = { policy: 'default' | 'network'; buckets: Buckets; key: string; points: number }

export type RateLimit = ReturnType<typeof createRateLimit>

/**
 * Limits clients by token buckets that refill evenly, and reports them in the fields of
 * draft-ietf-httpapi-ratelimit-headers-10. A client is the signed-in user, or else the client address (an IPv6 /64), and may
 * spend `quota` points a minute. All clients of an address together may spend twice as many, those of wider networks more
 * (packages/auth/src/client-networks.ts): so accounts do not multiply the quota of an address, nor addresses that of a network. Buckets are kept in
 * this process: each gateway instance allows a full quota.
 *
 * @param quota points a minute; 0 turns the limit off
 * @param now the time in milliseconds
 */
export function createRateLimit(quota: number, now: () => number = Date.now) {
  const users: Buckets = new LRUCache({ max: MAX_TRACKED })
  const addresses: Buckets = new LRUCache({ max: MAX_TRACKED })
  const networks: readonly Buckets[] = [0, 1, 2].map(() => new LRUCache({ max: MAX_TRACKED }))

  const clientQuota = ({ principal, ip }: FastifyRequest): Quota => ({
    policy: 'default',
    buckets: principal ? users : addresses,
    key: principal ? principal.id : clientNetworks(ip)[0]!.cidr,
    points: quota,
  })
  const networkQuotas = ({ ip }: FastifyRequest): Quota[] =>
    clientNetworks(ip).map(({ cidr, level, share }) => ({
      policy: 'network',
      buckets: networks[level]!,
      key: cidr,
      points: quota * NETWORK_FACTOR * share,
    }))

  const available = ({ buckets, key, points }: Quota): number => {
    const bucket = buckets.get(key)
    if (!bucket) return points
    return Math.min(points, bucket.remaining + ((now() - bucket.updatedAt) / 1000) * (points / WINDOW))
  }
  const setRemaining = ({ buckets, key }: Quota, remaining: number): void =>
    void buckets.set(key, { remaining, updatedAt: now() })

  /** Reports a quota. `missing`: how many points it still has to be refilled. */
  const report = (reply: FastifyReply, { policy, points }: Quota, remaining: number, missing: number): number => {
    const seconds = Math.ceil(missing / (points / WINDOW))
    reply.headers({
      'ratelimit-policy': `"${policy}";q=${points};w=${WINDOW}`,
      ratelimit: `"${policy}";r=${Math.floor(remaining)};t=${seconds}`,
    })
    return seconds
  }

  /** Spends points of all these quotas, or of none. @throws AppError `RATE_LIMITED` when one of them has not enough left */
  const spendAll = (reply: FastifyReply, quotas: readonly Quota[], cost: number): void => {
    for (const one of quotas) {
      const left = available(one)
      if (left >= cost) continue
      const seconds = report(reply, one, left, Math.min(cost, one.points) - left)
      reply.header('retry-after', seconds)
      throw new AppError('RATE_LIMITED', `Too many requests: go on in ${seconds} s.`, { retryAfter: seconds })
    }
    for (const one of quotas) {
      const remaining = available(one) - cost
      setRemaining(one, remaining)
      if (one.policy === 'default') report(reply, one, remaining, one.points - remaining)
    }
  }

  return {
    /**
     * Counts a request against the networks of its client, before its access token is verified: a forged token costs as much as
     * any request.
     */
    admit: (request: FastifyRequest, reply: FastifyReply): void => {
      const cost = requestCost(request)
      if (quota > 0 && cost > 0) spendAll(reply, networkQuotas(request), cost)
    },

    /** Counts an admitted request against its client, before its body is read. The networks of a refused one pay nothing. */
    charge: (request: FastifyRequest, reply: FastifyReply): void => {
      const cost = requestCost(request)
      if (quota === 0 || cost === 0) return
      try {
        spendAll(reply, [clientQuota(request)], cost)
      } catch (error) {
        for (const network of networkQuotas(request)) setRemaining(network, available(network) + cost)
        throw error
      }
    },

    /** Spends what an operation costs beyond its request. @throws AppError `RATE_LIMITED` */
    spend: (request: FastifyRequest, reply: FastifyReply, cost: number): void => {
      if (quota > 0) spendAll(reply, [clientQuota(request), ...networkQuotas(request)], cost)
    },
  }
}

/** Routes that cost the gateway nearly nothing and call no service. */
const freeRoutes: ReadonlySet<string> = new Set([
  '/',
  '/developers',
  '/healthz',
  '/graphiql',
  '/graphiql/:file',
  '/problems',
  '/problems/:type',
])

const readMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])

/**
 * The points that a request costs. The route decides, since a path can be written in many ways. A GraphQL request costs a read,
 * and its operation is charged later. An unknown route costs a read, since it is only looked up.
 */
function requestCost({ method, routeOptions: { url } }: FastifyRequest): number {
  if (url !== undefined && freeRoutes.has(url)) return 0
  return readMethods.has(method) || url === '/graphql' || url === undefined ? requestCosts.read : requestCosts.write
}
