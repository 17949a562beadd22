import { as, someAdmin, someone } from '@halles/testkit/people'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { gatewayTo, nowhere, smallShop, type Misbehave, type Shop } from '../test/small-services.ts'
import type { Service } from './config.ts'

let shop: Shop
let gateway: FastifyInstance
beforeAll(async () => {
  shop = await smallShop()
  gateway = await gatewayTo(shop.urls, { UPSTREAM_TIMEOUT_MS: '300' })
})
afterEach(() => shop.calm())
afterAll(async () => {
  await gateway.close()
  await shop.close()
})

type Answer = { data: any; errors?: { message: string; path?: unknown[]; extensions: Record<string, unknown> }[] }

async function ask(
  query: string,
  variables?: object,
  headers: Record<string, string> = {},
  of = gateway,
): Promise<Answer> {
  const answer = await of.inject({ method: 'POST', url: '/graphql', headers, payload: { query, variables } })
  expect(answer.body).not.toMatch(/127\.0\.0\.1|localhost|serviceName|stack|secret|valueCompletion/)
  return answer.json()
}

/** Each error as `path code`. */
const told = ({ errors = [] }: Answer): string[] =>
  errors.map(({ path = [], extensions }) => `${path.join('.')} ${String(extensions['code'])}`)

const deep = '{ order(id: "o1") { number items { name product { name } } customer { name } notifications { id } } }'
const deepAnswer = {
  order: {
    number: '1',
    items: [
      { name: 'p1', product: { name: 'Chaise' } },
      { name: 'p2', product: { name: 'Table' } },
    ],
    customer: { name: 'Someone u1' },
    notifications: [],
  },
}

const hangs: Misbehave = () => new Promise(() => {})
const says =
  (status: number, body: string, type = 'text/html'): Misbehave =>
  (_request, reply) =>
    reply.status(status).type(type).send(body)

describe('with every service there', () => {
  it('answers over all of them, without a token and with one', async () => {
    expect(await ask(deep)).toEqual({ data: deepAnswer })
    const person = someone()
    const mine = await ask('{ me { id orders { totalCount } } }', {}, await as(person))
    expect(mine).toEqual({ data: { me: { id: person.id, orders: { totalCount: 1 } } } })
  })

  it('asks each service once for all that it knows', async () => {
    await ask('{ orders { nodes { items { product { name } } customer { name } } } }')
    expect(shop.seen.map(({ service }) => service).toSorted()).toEqual(['auth', 'order', 'product'])
  })

  it('passes on who asks and in which trace, and nothing else', async () => {
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    const { authorization } = await as(someone())
    await ask(
      '{ me { id } }',
      {},
      { authorization, traceparent, cookie: 'a=b', 'x-forwarded-for': '6.6.6.6', 'x-a': 'b' },
    )
    const [{ headers }] = shop.seen as [Shop['seen'][number]]
    expect(headers).toMatchObject({ authorization, 'x-forwarded-for': '127.0.0.1' })
    expect(headers['traceparent']).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)/)
    expect(headers).not.toHaveProperty('cookie')
    expect(headers).not.toHaveProperty('x-a')
  })

  it('tells introspection, aliases and fragments', async () => {
    const answer = await ask(
      'query ($yes: Boolean!) { __schema { queryType { name } } a: product(id: "p1") { ...P } b: product(id: "p2") @include(if: $yes) { t: __typename } } fragment P on Product { n: name }',
      { yes: false },
    )
    expect(answer).toEqual({ data: { __schema: { queryType: { name: 'Query' } }, a: { n: 'Chaise' } } })
  })
})

describe('what a service refuses', () => {
  it('keeps its message, code, details and place', async () => {
    const answer = await ask('mutation { mine: placeOrder(input: { items: [] }) { id } }')
    expect(answer).toEqual({
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

  it('is told where the client sees it, in lists and below aliases', async () => {
    const answer = await ask('{ all: orders { nodes { items { p: product { name left: stock } } } } }')
    expect(told(answer)).toEqual([0, 1, 2].map((n) => `all.nodes.${n}.items.1.p.left FORBIDDEN`))
    expect(answer.data.all.nodes[2].items).toEqual([{ p: { name: 'Chaise', left: 3 } }, { p: null }])
  })

  it('is told at the entity that it refuses', async () => {
    const answer = await ask('{ order(id: "o404") { items { product { name } } } }')
    expect(told(answer)).toEqual(['order.items.1.product NOT_FOUND'])
    expect(answer.data.order.items).toEqual([{ product: { name: 'Chaise' } }, { product: null }])
  })

  it('is told at each of its fields when the rest of the entity is known', async () => {
    const answer = await ask('{ order(id: "o404") { items { product { id image description } } } }')
    expect(told(answer)).toEqual([
      'order.items.1.product.image NOT_FOUND',
      'order.items.1.product.description NOT_FOUND',
    ])
  })

  it('is not told when it is a bug: only that there was one', async () => {
    const { errors } = await ask('{ order(id: "crash") { id } }')
    expect(errors).toMatchObject([
      { message: 'Something went wrong here.', path: ['order'], extensions: { code: 'INTERNAL' } },
    ])
    expect(errors![0]!.extensions['traceId']).toMatch(/^[0-9a-f]{32}$/)
  })
})

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

describe('what a client asks wrongly', () => {
  it.each([
    ['what cannot be parsed', '{ orders(', undefined, 'GRAPHQL_PARSE_FAILED'],
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
  ])('%s is told by its code', async (_what, query, variables, code) => {
    const payload = { query, variables }
    const answer = await gateway.inject({ method: 'POST', url: '/graphql', payload })
    expect(answer.json().errors[0].extensions.code).toBe(code)
    expect(shop.seen).toHaveLength(0)
    const headers = { accept: 'application/graphql-response+json' }
    expect((await gateway.inject({ method: 'POST', url: '/graphql', headers, payload })).statusCode).toBe(400)
  })

  it('chooses the operation by its name', async () => {
    const query = 'query A { product(id: "p1") { name } } query B { product(id: "p2") { name } }'
    const payload = { query, operationName: 'B' }
    for (let i = 0; i < 2; i++)
      expect((await gateway.inject({ method: 'POST', url: '/graphql', payload })).json()).toEqual({
        data: { product: { name: 'Table' } },
      })
  })
})

describe('who asks', () => {
  it('is refused everywhere with a token that is not good', async () => {
    const headers = await as(someone(), { expiresAt: Date.now() - 1000 })
    for (const url of ['/graphql?query={__typename}', '/api/products', '/', '/healthz', '/docs/auth/']) {
      const answer = await gateway.inject({ url, headers })
      expect([url, answer.statusCode]).toEqual([url, 401])
    }
    expect(shop.seen).toHaveLength(0)
  })

  it('cannot be told before the keys were ever seen; once seen, they go on', async () => {
    const headers = await as(someAdmin())
    const lost = await gatewayTo({ ...shop.urls, auth: await nowhere() })
    const answer = await lost.inject({ method: 'POST', url: '/graphql', headers, payload: { query: '{ __typename }' } })
    expect(answer.statusCode).toBe(503)
    expect(answer.json().errors[0].extensions).toEqual({ code: 'UNAVAILABLE', retryAfter: 2 })
    await lost.close()

    await ask('{ __typename }', {}, headers)
    shop.misbehave.auth = hangs
    expect(await ask('{ product(id: "p1") { name } }', {}, await as(someone()))).toEqual({
      data: { product: { name: 'Chaise' } },
    })
  })
})
