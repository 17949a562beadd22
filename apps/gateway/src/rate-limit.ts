import { AppError } from '@halles/errors/app-error'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'

/** What a request costs of a client's quota (RATE_LIMIT), in points. A GraphQL operation also pays its own cost. */
const requestCosts = { read: 1, write: 5 } as const

/** How many clients are tracked; the least recently seen is dropped, and starts with a full quota. */
const MAX_CLIENTS = 100_000

/** The window of a quota, in seconds. */
const WINDOW = 60

type Bucket = { remaining: number; updatedAt: number }

/** Spends `cost` points of the client's quota. Throws AppError `RATE_LIMITED` when not enough are left. */
export type SpendQuota = (request: FastifyRequest, reply: FastifyReply, cost: number) => void

/**
 * Limits each client to `quota` points a minute by a token bucket that refills evenly, and reports it in the fields of
 * draft-ietf-httpapi-ratelimit-headers-10. A client is the signed-in user, or else the client subnet. Buckets are kept in
 * this process: each gateway instance allows a full quota.
 *
 * @param quota points a minute; 0 turns the limit off
 * @param now the time in milliseconds
 * @returns spends more than the request itself costs
 */
export function registerRateLimit(app: FastifyInstance, quota: number, now: () => number = Date.now): SpendQuota {
  if (quota === 0) return () => {}
  const buckets = new LRUCache<string, Bucket>({ max: MAX_CLIENTS })
  const perSecond = quota / WINDOW
  const policy = `"default";q=${quota};w=${WINDOW}`

  const spendQuota: SpendQuota = (request, reply, cost) => {
    const key = request.principal ? `user ${request.principal.id}` : request.client.subnet
    const time = now()
    const bucket = buckets.get(key)
    const available = bucket
      ? Math.min(quota, bucket.remaining + ((time - bucket.updatedAt) / 1000) * perSecond)
      : quota
    const allowed = available >= cost
    const remaining = allowed ? available - cost : available
    buckets.set(key, { remaining, updatedAt: time })
    // The seconds until the quota is full again, or until a refused request would be allowed.
    const seconds = Math.ceil(((allowed ? quota : Math.min(cost, quota)) - remaining) / perSecond)
    reply.headers({ 'ratelimit-policy': policy, ratelimit: `"default";r=${Math.floor(remaining)};t=${seconds}` })
    if (allowed) return
    reply.header('retry-after', seconds)
    throw new AppError('RATE_LIMITED', `Too many requests: go on in ${seconds} s.`, { retryAfter: seconds })
  }

  // After the token was verified, and before a body is read or a service is called. The route decides the cost, since a
  // path can be written in many ways.
  app.addHook('onRequest', async (request, reply) => {
    const route = request.routeOptions.url
    if (route === undefined || !freeRoutes.has(route)) spendQuota(request, reply, requestCost(request.method, route))
  })
  return spendQuota
}

/** Routes that cost the gateway nearly nothing and call no service. */
const freeRoutes: ReadonlySet<string> = new Set([
  '/',
  '/healthz',
  '/graphiql',
  '/graphiql/:file',
  '/problems',
  '/problems/:type',
])

/**
 * A GraphQL request costs a read here, and its operation is charged later.
 * An unknown route costs a read, since it is only looked up.
 */
const requestCost = (method: string, route: string | undefined): number =>
  method === 'GET' || method === 'HEAD' || route === '/graphql' || route === undefined
    ? requestCosts.read
    : requestCosts.write
