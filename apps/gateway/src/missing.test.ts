import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { askOf, deep, deepAnswer, told, type Answer } from '../test/ask.ts'
import { gatewayTo, nowhere, smallShop, type Misbehave, type Shop } from '../test/small-services.ts'
import type { Service } from './config.ts'

let shop: Shop
let gateway: FastifyInstance
beforeAll(async () => {
  shop = await smallShop()
  gateway = await gatewayTo(shop.urls, { UPSTREAM_TIMEOUT_MS: '3000' })
})
afterEach(() => shop.calm())
afterAll(async () => {
  await gateway.close()
  await shop.close()
})

const ask = (query: string, variables?: object, headers?: Record<string, string>, of = gateway): Promise<Answer> =>
  askOf(of, query, variables, headers)

const hangs: Misbehave = () => new Promise(() => {})
const says =
  (status: number, body: string, type = 'text/html'): Misbehave =>
  (_request, reply) =>
    reply.status(status).type(type).send(body)

describe('one service away', () => {
  const gateways: Partial<Record<Service, FastifyInstance>> = {}
  const without = async (service: Service): Promise<FastifyInstance> =>
    (gateways[service] ??= await gatewayTo({ ...shop.urls, [service]: await nowhere() }))
  afterAll(async () => {
    for (const app of Object.values(gateways)) await app.close()
  })

  it.each<[Service, string[], object]>([
    ['auth', ['order.customer UNAVAILABLE'], { ...deepAnswer.order, customer: null }],
    ['notification', ['order.notifications UNAVAILABLE'], { ...deepAnswer.order, notifications: null }],
    [
      'product',
      ['order.items.0.product UNAVAILABLE', 'order.items.1.product UNAVAILABLE'],
      {
        ...deepAnswer.order,
        items: [
          { name: 'p1', product: null },
          { name: 'p2', product: null },
        ],
      },
    ],
    ['order', ['order UNAVAILABLE'], null as never],
  ])('%s: the others answer, and each missing part has one error', async (service, errors, order) => {
    const answer = await ask(deep, {}, {}, await without(service))
    expect(answer.data).toEqual({ order })
    expect(told(answer)).toEqual(errors)
    expect(answer.errors![0]!.extensions).toEqual({ code: 'UNAVAILABLE', retryAfter: 2 })
  })

  it('each row of a list has an error of its own, since each null needs one', async () => {
    const answer = await ask('{ orders { nodes { id who: customer { id name } } } }', {}, {}, await without('auth'))
    expect(told(answer)).toEqual([0, 1, 2].map((n) => `orders.nodes.${n}.who UNAVAILABLE`))
    expect(answer.data.orders.nodes[1]).toEqual({ id: 'o2', who: null })
  })

  it('fields that are known elsewhere stay', async () => {
    const answer = await ask(
      '{ order(id: "o1") { customer { id orders { totalCount } } items { product { id image } } } }',
      {},
      {},
      await without('product'),
    )
    expect(told(answer)).toEqual([0, 1].map((n) => `order.items.${n}.product.image UNAVAILABLE`))
    expect(answer.data.order.customer).toEqual({ id: 'u1', orders: { totalCount: 1 } })
  })

  it('parts that were not asked for are not missed', async () => {
    const answer = await ask(
      '{ order(id: "o1") { items { product { id } } customer { id } } }',
      {},
      {},
      await without('product'),
    )
    expect(answer.errors).toBeUndefined()
  })

  it('what may not be null takes all of the answer with it, and says so', async () => {
    const answer = await ask(
      '{ products { totalCount } categories { name } order(id: "o1") { id } }',
      {},
      {},
      await without('product'),
    )
    expect(answer.data).toBeNull()
    expect(told(answer)).toEqual(['products UNAVAILABLE', 'categories UNAVAILABLE'])
  })
})

describe('one service that does not answer well', () => {
  const part = '{ order(id: "o1") { number customer { name } } }'
  it.each<[string, Misbehave, string]>([
    ['hangs', hangs, 'TIMEOUT'],
    ['answers a page', says(500, '<h1>secret</h1>'), 'UNAVAILABLE'],
    ['answers a page with 200', says(200, '<h1>secret</h1>'), 'UNAVAILABLE'],
    ['is behind a proxy that gave up', says(504, 'secret'), 'TIMEOUT'],
    ['answers JSON that is no GraphQL', says(200, '{"secret":1}', 'application/json'), 'UNAVAILABLE'],
    ['answers nothing', says(200, '{"data":null}', 'application/json'), 'INTERNAL'],
    ['forgets entities', says(200, '{"data":{"_entities":[]}}', 'application/json'), 'INTERNAL'],
    [
      'tells errors of another kind',
      says(200, '{"errors":[{"message":"secret","extensions":{"code":"SECRET"}}]}', 'application/json'),
      'INTERNAL',
    ],
    [
      'finds the gateway wrong',
      says(
        400,
        '{"errors":[{"message":"secret","extensions":{"code":"GRAPHQL_VALIDATION_FAILED"}}]}',
        'application/json',
      ),
      'INTERNAL',
    ],
    [
      'refuses everything',
      says(401, '{"errors":[{"message":"No.","extensions":{"code":"UNAUTHENTICATED"}}]}', 'application/json'),
      'UNAUTHENTICATED',
    ],
    ['breaks off', (_request, reply) => reply.raw.destroy(), 'UNAVAILABLE'],
    [
      'gives null for what is never null',
      says(200, '{"data":{"_entities":[{"name":null}]}}', 'application/json'),
      'INTERNAL',
    ],
    ['gives another type', says(200, '{"data":{"_entities":[{"name":7}]}}', 'application/json'), 'INTERNAL'],
    [
      'does not know the entity, and does not say so',
      says(200, '{"data":{"_entities":[null]}}', 'application/json'),
      'INTERNAL',
    ],
  ])('%s', async (_what, misbehave, code) => {
    shop.misbehave.auth = misbehave
    const answer = await ask(part)
    expect(told(answer)).toEqual([`order.customer ${code}`])
    expect(answer.data).toEqual({ order: { number: '1', customer: null } })
  })

  it('never hides a null that nothing explains behind the error of another part', async () => {
    shop.misbehave.auth = says(200, '{"data":{"_entities":[{"name":null}]}}', 'application/json')
    shop.misbehave.product = says(503, '')
    const answer = await ask('{ order(id: "o1") { customer { name } items { product { name } } } }')
    expect(told(answer)).toEqual([
      'order.items.0.product UNAVAILABLE',
      'order.items.1.product UNAVAILABLE',
      'order.customer INTERNAL',
    ])
  })

  it('a broken root keeps the rest', async () => {
    shop.misbehave.auth = says(200, '{"data":{"me":{"name":null}}}', 'application/json')
    const answer = await ask('{ me { name } product(id: "p1") { name } }')
    expect(answer.data).toEqual({ me: null, product: { name: 'Chaise' } })
    expect(told(answer)).toEqual(['me INTERNAL'])
  })

  it('a query whose connection broke off is sent once more, a mutation never', async () => {
    let first = true
    const once: Misbehave = (_request, reply) => {
      if (first) reply.raw.destroy()
      first = false
    }
    shop.misbehave.order = once
    expect((await ask('{ order(id: "o1") { id } }')).errors).toBeUndefined()
    expect(shop.seen).toHaveLength(2)
    shop.calm()
    first = true
    shop.misbehave.order = once
    expect(told(await ask('mutation { cancelOrder(id: "o1") { id } }'))).toEqual(['cancelOrder UNAVAILABLE'])
    expect(shop.seen).toHaveLength(1)
  })

  it('mutations go on after one that failed, and each says what became of it', async () => {
    shop.misbehave.auth = hangs
    const answer = await ask('mutation { out: logout(refreshToken: "x") gone: deleteProduct(id: "p1") }')
    expect(answer.data).toBeNull()
    expect(told(answer)).toEqual(['out TIMEOUT'])
  })
})
