import { authorizationHeader, createAdmin, createPrincipal } from '@halles/test-fixtures/principals'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createTestGateway, findUnusedAddress, startFakeServices, type FakeServices } from '../../test/fake-services.ts'
import {
  allServicesData,
  allServicesQuery,
  sendOperation,
  summarizeErrors,
  type GraphQLResponse,
} from '../../test/graphql-client.ts'

let fakeServices: FakeServices
let gateway: FastifyInstance
beforeAll(async () => {
  fakeServices = await startFakeServices()
  gateway = await createTestGateway(fakeServices.urls, { UPSTREAM_TIMEOUT_MS: '900' })
})
afterEach(() => fakeServices.reset())
afterAll(async () => {
  await gateway.close()
  await fakeServices.close()
})

const send = (query: string, variables?: object, headers?: Record<string, string>): Promise<GraphQLResponse> =>
  sendOperation(gateway, query, variables, headers)

describe('the supergraph', () => {
  it('joins data of all services, with and without an access token', async () => {
    expect(await send(allServicesQuery)).toEqual({ data: allServicesData })
    const customer = createPrincipal()
    const response = await send('{ me { id orders { totalCount } } }', {}, await authorizationHeader(customer))
    expect(response).toEqual({ data: { me: { id: customer.id, orders: { totalCount: 1 } } } })
  })

  it('fetches from each service once for all entities of a list', async () => {
    await send('{ orders { nodes { items { product { name } } customer { name } } } }')
    expect(fakeServices.requests.map(({ service }) => service).toSorted()).toEqual(['auth', 'order', 'product'])
  })

  it('forwards token, client address and trace to the subgraphs, and no other header', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const { authorization } = await authorizationHeader(createPrincipal())
    await send(
      '{ me { id } }',
      {},
      { authorization, traceparent, cookie: 'a=b', 'x-forwarded-for': '6.6.6.6', 'x-a': 'b' },
    )
    const [{ headers }] = fakeServices.requests as [FakeServices['requests'][number]]
    expect(headers).toMatchObject({ authorization, 'x-forwarded-for': '127.0.0.1' })
    expect(headers['traceparent']).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)/)
    expect(headers).not.toHaveProperty('cookie')
    expect(headers).not.toHaveProperty('x-a')
  })

  it('executes introspection, aliases and fragments', async () => {
    const response = await send(
      'query ($yes: Boolean!) { __schema { queryType { name } } a: product(id: "p1") { ...P } b: product(id: "p2") @include(if: $yes) { t: __typename } } fragment P on Product { n: name }',
      { yes: false },
    )
    expect(response).toEqual({ data: { __schema: { queryType: { name: 'Query' } }, a: { n: 'Chaise' } } })
  })

  it('executes the operation that operationName selects', async () => {
    const query = 'query A { product(id: "p1") { name } } query B { product(id: "p2") { name } }'
    const payload = { query, operationName: 'B' }
    for (let i = 0; i < 2; i++)
      expect((await gateway.inject({ method: 'POST', url: '/graphql', payload })).json()).toEqual({
        data: { product: { name: 'Table' } },
      })
  })
})

describe('an error of a subgraph', () => {
  it('keeps its message, code, details and path', async () => {
    const response = await send('mutation { mine: placeOrder(input: { items: [] }) { id } }')
    expect(response).toEqual({
      data: null,
      errors: [
        {
          message: 'Not enough left.',
          path: ['mine'],
          extensions: {
            code: 'INSUFFICIENT_STOCK',
            errors: [{ path: '/items/0', message: 'only 1 left', productId: 'p2', available: 1 }],
          },
        },
      ],
    })
  })

  it('has the path that the client sees, in lists and below aliases', async () => {
    const response = await send('{ all: orders { nodes { items { p: product { name left: stock } } } } }')
    expect(summarizeErrors(response)).toEqual([0, 1, 2].map((n) => `all.nodes.${n}.items.1.p.left FORBIDDEN`))
    expect(response.data.all.nodes[2].items).toEqual([{ p: { name: 'Chaise', left: 3 } }, { p: null }])
  })

  it('has the path of the entity that it is about', async () => {
    const response = await send('{ order(id: "o404") { items { product { name } } } }')
    expect(summarizeErrors(response)).toEqual(['order.items.1.product NOT_FOUND'])
    expect(response.data.order.items).toEqual([{ product: { name: 'Chaise' } }, { product: null }])
  })

  it('has the path of each selected field when other services know the rest of the entity', async () => {
    const response = await send('{ order(id: "o404") { items { product { id image description } } } }')
    expect(summarizeErrors(response)).toEqual([
      'order.items.1.product.image NOT_FOUND',
      'order.items.1.product.description NOT_FOUND',
    ])
  })

  it('is INTERNAL without details when it is a bug', async () => {
    const { errors } = await send('{ order(id: "crash") { id } }')
    expect(errors).toMatchObject([
      { message: 'Something went wrong here.', path: ['order'], extensions: { code: 'INTERNAL' } },
    ])
    expect(errors![0]!.extensions['traceId']).toMatch(/^[0-9a-f]{32}$/)
  })
})

describe('an invalid operation', () => {
  it.each([
    ['a syntax error', '{ orders(', undefined, 'GRAPHQL_PARSE_FAILED'],
    ['an unknown field', '{ nothing }', undefined, 'GRAPHQL_VALIDATION_FAILED'],
    ['a missing variable', 'query ($id: ID!) { order(id: $id) { id } }', {}, 'VALIDATION_FAILED'],
    [
      'a variable of another type',
      'query ($n: Int) { orders(first: $n) { totalCount } }',
      { n: 'x' },
      'VALIDATION_FAILED',
    ],
    [
      '20,000 nested lists',
      `{ orders(after: ${'['.repeat(20_000)}${']'.repeat(20_000)}) { totalCount } }`,
      undefined,
      'QUERY_TOO_COMPLEX',
    ],
  ])('has an error code and reaches no service: %s', async (_what, query, variables, code) => {
    const payload = { query, variables }
    const response = await gateway.inject({ method: 'POST', url: '/graphql', payload })
    expect(response.json().errors[0].extensions.code).toBe(code)
    expect(fakeServices.requests).toHaveLength(0)
    const headers = { accept: 'application/graphql-response+json' }
    expect((await gateway.inject({ method: 'POST', url: '/graphql', headers, payload })).statusCode).toBe(400)
  })
})

describe('an access token', () => {
  it('that has expired is UNAUTHENTICATED on every route', async () => {
    const headers = await authorizationHeader(createPrincipal(), { expiresAt: Date.now() - 1000 })
    for (const url of ['/graphql?query={__typename}', '/api/products', '/developers', '/healthz', '/docs/auth/']) {
      const response = await gateway.inject({ url, headers })
      expect([url, response.statusCode]).toEqual([url, 401])
    }
    expect(fakeServices.requests).toHaveLength(0)
  })

  it('is UNAVAILABLE until the public keys were loaded once; later it is verified without auth-service', async () => {
    const headers = await authorizationHeader(createAdmin())
    const gatewayWithoutAuth = await createTestGateway({ ...fakeServices.urls, auth: await findUnusedAddress() })
    const response = await gatewayWithoutAuth.inject({
      method: 'POST',
      url: '/graphql',
      headers,
      payload: { query: '{ __typename }' },
    })
    expect(response.statusCode).toBe(503)
    expect(response.json().errors[0].extensions).toEqual({ code: 'UNAVAILABLE', retryAfter: 2 })
    await gatewayWithoutAuth.close()

    await send('{ __typename }', {}, headers)
    fakeServices.faults.auth = () => new Promise(() => {})
    expect(await send('{ product(id: "p1") { name } }', {}, await authorizationHeader(createPrincipal()))).toEqual({
      data: { product: { name: 'Chaise' } },
    })
  })
})
