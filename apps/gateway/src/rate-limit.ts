import { Refusal } from '@halles/service/refusal'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { LRUCache } from 'lru-cache'
import { requestPrices } from './limits.ts'

/** How many clients are remembered; one that is forgotten starts anew. */
const CLIENTS = 100_000

/** The window that a quota is told for, in seconds. */
const WINDOW = 60

type Quota = { left: number; at: number }

export type Spend = (request: FastifyRequest, reply: FastifyReply, cost: number) => void

/**
 * Lets each client spend `quota` points a minute, and tells it in the fields of draft-ietf-httpapi-ratelimit-headers-10:
 * a quota that refills evenly, so that a client who has spent all of it may go on a little every moment. A client is who
 * is signed in, else where it comes from. Counted in this process: several gateways allow as many quotas.
 *
 * @param now in milliseconds
 * @returns how to spend more than a request costs by itself; it throws `RATE_LIMITED` when that is not there
 */
export function rateLimit(app: FastifyInstance, quota: number, now: () => number = Date.now): Spend {
  if (quota === 0) return () => {}
  const clients = new LRUCache<string, Quota>({ max: CLIENTS })
  const perSecond = quota / WINDOW
  const policy = `"default";q=${quota};w=${WINDOW}`

  const spend: Spend = (request, reply, cost) => {
    const key = request.person ? `person ${request.person.id}` : request.client.place
    const at = now()
    const before = clients.get(key)
    const left = before ? Math.min(quota, before.left + ((at - before.at) / 1000) * perSecond) : quota
    const enough = left >= cost
    const rest = enough ? left - cost : left
    clients.set(key, { left: rest, at })
    // When it is full again, or when what was asked for can be had.
    const until = Math.ceil(((enough ? quota : Math.min(cost, quota)) - rest) / perSecond)
    reply.headers({ 'ratelimit-policy': policy, ratelimit: `"default";r=${Math.floor(rest)};t=${until}` })
    if (enough) return
    reply.header('retry-after', until)
    throw new Refusal('RATE_LIMITED', `Too many requests: go on in ${until} s.`, { retryAfter: until })
  }

  // After the token was checked, and before anything is read or asked of a service. By the route, for an address can be
  // written in many ways.
  app.addHook('onRequest', async (request, reply) => {
    const route = request.routeOptions.url
    if (route === undefined || !free.has(route)) spend(request, reply, priceOf(request.method, route))
  })
  return spend
}

/** What costs the gateway nearly nothing, and no service anything. */
const free: ReadonlySet<string> = new Set(['/', '/healthz', '/graphiql', '/graphiql/:file'])

/** GraphQL operations pay by what they ask for, mutations too; what is not there is but looked for. */
const priceOf = (method: string, route: string | undefined): number =>
  method === 'GET' || method === 'HEAD' || route === '/graphql' || route === undefined
    ? requestPrices.read
    : requestPrices.write
