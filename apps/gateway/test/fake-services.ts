import { createPublicKey } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServiceApp, type App } from '@halles/fastify-service/app'
import { serveSubgraph } from '@halles/subgraph/serve-subgraph'
import { createSubgraphSchema, EVENT_ID, type EntityResolver } from '@halles/subgraph/subgraph-schema'
import { requireAdmin, requirePrincipal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { findTestPublicKey } from '@halles/test-fixtures/principals'
import { freePort } from '@halles/test-fixtures/port'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { createApp } from '../src/app.ts'
import { parseConfig, services, type Service } from '../src/config.ts'

/** Handles a request instead of the service. The service answers itself when this returns without sending a reply. */
export type FaultHandler = (request: FastifyRequest, reply: FastifyReply) => unknown

export type FakeServices = Awaited<ReturnType<typeof startFakeServices>>

const productDefaults = {
  category: 'Meubles',
  revision: 1,
  archived: false,
  createdAt: new Date(0),
  updatedAt: new Date(0),
}
const products: Record<string, object> = {
  p1: { ...productDefaults, id: 'p1', name: 'Chaise', price: 49.9, stock: 3, description: 'En bois' },
  p2: { ...productDefaults, id: 'p2', name: 'Table', price: 199, stock: 1, description: null },
}
const createUser = (id: string) => ({
  id,
  name: `Someone ${id}`,
  email: `${id}@example.test`,
  role: 'USER',
  locale: 'FR',
})
const createOrder = (n: number, productIds = ['p1', 'p2']) => ({
  id: `o${n}`,
  number: String(n),
  userId: `u${n}`,
  customer: { id: `u${n}` },
  total: 10,
  items: productIds.map((id) => ({ productId: id, product: { id }, name: id, quantity: 1, price: 5 })),
})
const toPage = (nodes: object[]) => ({
  nodes,
  edges: nodes.map((node, i) => ({ node, cursor: String(i) })),
  pageInfo: { hasNextPage: false, endCursor: null },
  totalCount: nodes.length,
  totalCountIsExact: true,
})

const statuses = ['RECUE', 'CONFIRMEE', 'PREPAREE', 'LIVREE']

/**
 * The changes of an order, whose id says what happens: `o404` does not exist, the connection of `o2` breaks after each change, the
 * stream of `o3` does not end.
 */
async function* changeOrder(
  id: string,
  { headers, raw }: FastifyRequest,
  signal: AbortSignal,
): AsyncGenerator<{ orderChanged: object }> {
  for (const [index, status] of statuses.entries()) {
    if (index < Number(headers['last-event-id'] ?? 0)) continue
    const event = { orderChanged: { ...createOrder(Number(id.slice(1))), status }, [EVENT_ID]: String(index + 1) }
    yield event
    if (id === 'o2') raw.socket.destroySoon()
    if (id === 'o3') await once(signal, 'abort')
    if (signal.aborted) return
  }
}

type Resolver = (parent: never, args: never, context: { principal: never; request: FastifyRequest }) => unknown
const subgraphs: Record<
  Service,
  { resolvers: Record<string, Record<string, Resolver | object>>; references: Record<string, EntityResolver> }
> = {
  auth: {
    resolvers: {
      Query: {
        me: (_parent, _args, { principal }) => createUser(requirePrincipal(principal).id),
        user: (_parent, { id }: { id: string }) => createUser(id),
        users: (_parent, _args, { principal }) => toPage([requireAdmin(principal)]),
      },
      Mutation: { logout: () => true },
    },
    references: { User: async (keys) => keys.map(({ id }) => (id === 'gone' ? null : createUser(id))) },
  },
  product: {
    resolvers: {
      Query: {
        product: (_parent, { id }: { id: string }) =>
          products[id] ?? Promise.reject(new AppError('NOT_FOUND', 'No such product.')),
        products: () => toPage(Object.values(products)),
        categories: () => [],
      },
      Product: {
        stock: ({ id, stock }: { id: string; stock: number }) => {
          if (id === 'p2') throw new AppError('FORBIDDEN', 'Not for you.')
          return stock
        },
      },
      Mutation: { deleteProduct: (_parent, { id }: { id: string }) => id },
    },
    references: {
      Product: async (keys) => keys.map(({ id }) => products[id] ?? new AppError('NOT_FOUND', 'No such product.')),
    },
  },
  order: {
    resolvers: {
      Query: {
        order: (_parent, { id }: { id: string }) => {
          if (id === 'crash') throw new TypeError('mongodb://secret-host:27017')
          return createOrder(Number(id.slice(1)), id === 'o404' ? ['p1', 'gone'] : undefined)
        },
        orders: () => toPage([createOrder(1), createOrder(2), createOrder(3)]),
      },
      User: { orders: () => toPage([createOrder(1)]) },
      Subscription: {
        orderChanged: {
          subscribe: (
            _parent: unknown,
            { id }: { id: string },
            { request, signal }: { request: FastifyRequest; signal: AbortSignal },
          ) =>
            id === 'o404' ? new AppError('NOT_FOUND', 'There is no such order.') : changeOrder(id, request, signal),
        },
      },
      Mutation: {
        placeOrder: () => {
          throw new AppError('INSUFFICIENT_STOCK', 'Not enough left.', {
            errors: [{ path: '/items/0', message: 'only 1 left', productId: 'p2', available: 1 }],
          })
        },
        cancelOrder: (_parent, { id }: { id: string }) => createOrder(Number(id.slice(1))),
      },
    },
    references: {
      User: async (keys) => keys.map(({ id }) => ({ id })),
      Order: async (keys) => keys.map(({ id }) => createOrder(Number(id.slice(1)))),
    },
  },
  notification: {
    resolvers: { Order: { notifications: () => [] }, Query: { notifications: () => toPage([]) } },
    references: { Order: async (keys) => keys.map(({ id }) => ({ id })), Notification: async (keys) => keys },
  },
}

/**
 * Starts the four services with their real schemas over constant data, each on its own port. Tests can read the requests
 * that they received, and make each of them fail.
 */
export async function startFakeServices() {
  const faults: Partial<Record<Service, FaultHandler>> = {}
  const requests: { service: Service; method: string; url: string; headers: FastifyRequest['headers'] }[] = []
  const urls = {} as Record<Service, string>
  const apps: App[] = []
  for (const service of services) {
    const app = await createFakeService(service)
    app.addHook('onRequest', async (request, reply) => {
      if (/^\/(\.well-known\/|healthz$|revocations)/.test(request.url)) return
      requests.push({ service, method: request.method, url: request.url, headers: request.headers })
      const handleFault = faults[service]
      if (handleFault) await handleFault(request, reply)
    })
    urls[service] = await app.listen({ host: '127.0.0.1', port: 0 })
    apps.push(app)
  }
  return {
    urls,
    /** What each service does instead of answering. */
    faults,
    /** The requests received, except those for health, keys and revocations. */
    requests,
    /** Removes all faults and forgets all requests. */
    reset: (): void => {
      for (const service of services) delete faults[service]
      requests.length = 0
    },
    close: async (): Promise<void> => {
      await Promise.all(apps.map((app) => app.close()))
    },
  }
}

async function createFakeService(service: Service): Promise<App> {
  const app = await createServiceApp({
    name: `${service}-service`,
    logLevel: 'silent',
    findPublicKey: findTestPublicKey,
    issuer: 'halles',
    audience: 'halles',
    readinessChecks: {},
  })
  const sdl = readFileSync(new URL(`../../${service}-service/schema.graphql`, import.meta.url), 'utf8')
  serveSubgraph(app, createSubgraphSchema({ sdl, ...subgraphs[service] }))
  if (service === 'product') app.get('/products/:id', async () => products['p1'])
  if (service === 'auth')
    app.get('/.well-known/jwks.json', async () => {
      const jwk = createPublicKey((await findTestPublicKey('test-key'))!).export({ format: 'jwk' })
      return { keys: [{ ...jwk, kid: 'test-key', alg: 'ES256', use: 'sig' }] }
    })
  return app
}

/** Creates a gateway for these services, which does not listen yet. */
export async function createTestGateway(
  urls: Record<Service, string>,
  env: Record<string, string> = {},
): Promise<FastifyInstance> {
  return createApp(
    parseConfig({
      PORT: '0',
      UPSTREAM_PATIENCE_MS: '200',
      LOG_LEVEL: 'silent',
      JWKS_URL: `${urls.auth}/.well-known/jwks.json`,
      AUTH_URL: urls.auth,
      PRODUCT_URL: urls.product,
      ORDER_URL: urls.order,
      NOTIFICATION_URL: urls.notification,
      ...env,
    }),
  )
}

/** The address of a free port: nothing listens there unless the test starts it. */
export const findUnusedAddress = async (): Promise<string> => `http://127.0.0.1:${await freePort()}`
