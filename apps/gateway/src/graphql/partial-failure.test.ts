import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  createTestGateway,
  findUnusedAddress,
  startFakeServices,
  type FakeServices,
  type FaultHandler,
} from '../../test/fake-services.ts'
import {
  allServicesData,
  allServicesQuery,
  sendOperation,
  summarizeErrors,
  type GraphQLResponse,
} from '../../test/graphql-client.ts'
import type { Service } from '../config.ts'

let fakeServices: FakeServices
let gateway: FastifyInstance
beforeAll(async () => {
  fakeServices = await startFakeServices()
  gateway = await createTestGateway(fakeServices.urls, { UPSTREAM_TIMEOUT_MS: '3000' })
})
afterEach(() => fakeServices.reset())
afterAll(async () => {
  await gateway.close()
  await fakeServices.close()
})

const send = (
  query: string,
  variables?: object,
  headers?: Record<string, string>,
  target = gateway,
): Promise<GraphQLResponse> => sendOperation(target, query, variables, headers)

const neverAnswer: FaultHandler = () => new Promise(() => {})
const answerWith =
  (status: number, body: string, type = 'text/html'): FaultHandler =>
  (_request, reply) =>
    reply.status(status).type(type).send(body)

describe('with one service down, the gateway', () => {
  const gateways: Partial<Record<Service, FastifyInstance>> = {}
  const startGatewayWithout = async (service: Service): Promise<FastifyInstance> =>
    (gateways[service] ??= await createTestGateway({ ...fakeServices.urls, [service]: await findUnusedAddress() }))
  afterAll(async () => {
    for (const app of Object.values(gateways)) await app.close()
  })

  it.each<[Service, string[], object]>([
    ['auth', ['order.customer UNAVAILABLE'], { ...allServicesData.order, customer: null }],
    ['notification', ['order.notifications UNAVAILABLE'], { ...allServicesData.order, notifications: null }],
    [
      'product',
      ['order.items.0.product UNAVAILABLE', 'order.items.1.product UNAVAILABLE'],
      {
        ...allServicesData.order,
        items: [
          { name: 'p1', product: null },
          { name: 'p2', product: null },
        ],
      },
    ],
    ['order', ['order UNAVAILABLE'], null as never],
  ])('answers from the others, with one error for each missing part: %s', async (service, errors, order) => {
    const response = await send(allServicesQuery, {}, {}, await startGatewayWithout(service))
    expect(response.data).toEqual({ order })
    expect(summarizeErrors(response)).toEqual(errors)
    expect(response.errors![0]!.extensions).toEqual({ code: 'UNAVAILABLE', retryAfter: 2 })
  })

  it('adds one error for each row of a list, since each null needs one', async () => {
    const response = await send(
      '{ orders { nodes { id who: customer { id name } } } }',
      {},
      {},
      await startGatewayWithout('auth'),
    )
    expect(summarizeErrors(response)).toEqual([0, 1, 2].map((n) => `orders.nodes.${n}.who UNAVAILABLE`))
    expect(response.data.orders.nodes[1]).toEqual({ id: 'o2', who: null })
  })

  it('keeps fields of an entity that other services know', async () => {
    const response = await send(
      '{ order(id: "o1") { customer { id orders { totalCount } } items { product { id image } } } }',
      {},
      {},
      await startGatewayWithout('product'),
    )
    expect(summarizeErrors(response)).toEqual([0, 1].map((n) => `order.items.${n}.product.image UNAVAILABLE`))
    expect(response.data.order.customer).toEqual({ id: 'u1', orders: { totalCount: 1 } })
  })

  it('adds no error for fields that were not selected', async () => {
    const response = await send(
      '{ order(id: "o1") { items { product { id } } customer { id } } }',
      {},
      {},
      await startGatewayWithout('product'),
    )
    expect(response.errors).toBeUndefined()
  })

  it('answers data: null for a non-null root field, with an error for each failed field', async () => {
    const response = await send(
      '{ products { totalCount } categories { name } order(id: "o1") { id } }',
      {},
      {},
      await startGatewayWithout('product'),
    )
    expect(response.data).toBeNull()
    expect(summarizeErrors(response)).toEqual(['products UNAVAILABLE', 'categories UNAVAILABLE'])
  })
})

describe('with one service misbehaving, the gateway', () => {
  const partQuery = '{ order(id: "o1") { number customer { name } } }'
  it.each<[string, FaultHandler, string]>([
    ['TIMEOUT when it never answers', neverAnswer, 'TIMEOUT'],
    ['UNAVAILABLE when it answers an error page', answerWith(500, '<h1>secret</h1>'), 'UNAVAILABLE'],
    ['UNAVAILABLE when it answers an HTML page with 200', answerWith(200, '<h1>secret</h1>'), 'UNAVAILABLE'],
    ['TIMEOUT when a proxy before it answers 504', answerWith(504, 'secret'), 'TIMEOUT'],
    [
      'UNAVAILABLE when it answers JSON that is no GraphQL response',
      answerWith(200, '{"secret":1}', 'application/json'),
      'UNAVAILABLE',
    ],
    [
      'INTERNAL when it answers neither data nor errors',
      answerWith(200, '{"data":null}', 'application/json'),
      'INTERNAL',
    ],
    [
      'INTERNAL when it answers too few entities',
      answerWith(200, '{"data":{"_entities":[]}}', 'application/json'),
      'INTERNAL',
    ],
    [
      'INTERNAL when it answers an unknown error code',
      answerWith(200, '{"errors":[{"message":"secret","extensions":{"code":"SECRET"}}]}', 'application/json'),
      'INTERNAL',
    ],
    [
      'INTERNAL when it finds the request of the gateway invalid',
      answerWith(
        400,
        '{"errors":[{"message":"secret","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}',
        'application/json',
      ),
      'INTERNAL',
    ],
    [
      'UNAUTHENTICATED when it refuses the whole request',
      answerWith(401, '{"errors":[{"message":"No.","extensions":{"code":"UNAUTHENTICATED"}}]}', 'application/json'),
      'UNAUTHENTICATED',
    ],
    ['UNAVAILABLE when it closes the connection', (_request, reply) => reply.raw.destroy(), 'UNAVAILABLE'],
    [
      'INTERNAL when it answers null for a non-null field',
      answerWith(200, '{"data":{"_entities":[{"name":null}]}}', 'application/json'),
      'INTERNAL',
    ],
    [
      'INTERNAL when it answers a value of another type',
      answerWith(200, '{"data":{"_entities":[{"name":7}]}}', 'application/json'),
      'INTERNAL',
    ],
    [
      'INTERNAL when it answers a null entity without an error',
      answerWith(200, '{"data":{"_entities":[null]}}', 'application/json'),
      'INTERNAL',
    ],
  ])('answers the rest, and %s', async (_what, handleFault, code) => {
    fakeServices.faults.auth = handleFault
    const response = await send(partQuery)
    expect(summarizeErrors(response)).toEqual([`order.customer ${code}`])
    expect(response.data).toEqual({ order: { number: '1', customer: null } })
  })

  it('reports an unexplained null even beside the error of another service', async () => {
    fakeServices.faults.auth = answerWith(200, '{"data":{"_entities":[{"name":null}]}}', 'application/json')
    fakeServices.faults.product = answerWith(503, '')
    const response = await send('{ order(id: "o1") { customer { name } items { product { name } } } }')
    expect(summarizeErrors(response)).toEqual([
      'order.items.0.product UNAVAILABLE',
      'order.items.1.product UNAVAILABLE',
      'order.customer INTERNAL',
    ])
  })

  it('keeps the other root fields when one root field is invalid', async () => {
    fakeServices.faults.auth = answerWith(200, '{"data":{"me":{"name":null}}}', 'application/json')
    const response = await send('{ me { name } product(id: "p1") { name } }')
    expect(response.data).toEqual({ me: null, product: { name: 'Chaise' } })
    expect(summarizeErrors(response)).toEqual(['me INTERNAL'])
  })

  it('retries a query once after its connection broke, a mutation never', async () => {
    let first = true
    const breakFirstConnection: FaultHandler = (_request, reply) => {
      if (first) reply.raw.destroy()
      first = false
    }
    fakeServices.faults.order = breakFirstConnection
    expect((await send('{ order(id: "o1") { id } }')).errors).toBeUndefined()
    expect(fakeServices.requests).toHaveLength(2)
    fakeServices.reset()
    first = true
    fakeServices.faults.order = breakFirstConnection
    expect(summarizeErrors(await send('mutation { cancelOrder(id: "o1") { id } }'))).toEqual([
      'cancelOrder UNAVAILABLE',
    ])
    expect(fakeServices.requests).toHaveLength(1)
  })

  it('executes the mutations after one that failed, with an error for that one', async () => {
    fakeServices.faults.auth = neverAnswer
    const response = await send('mutation { out: logout(refreshToken: "x") gone: deleteProduct(id: "p1") }')
    expect(response.data).toBeNull()
    expect(summarizeErrors(response)).toEqual(['out TIMEOUT'])
  })
})
