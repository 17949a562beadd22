import { as, someAdmin, someone } from '@halles/testkit/people'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { askOf, deep, deepAnswer, told, type Answer } from '../test/ask.ts'
import { gatewayTo, nowhere, smallShop, type Misbehave, type Shop } from '../test/small-services.ts'

let shop: Shop
let gateway: FastifyInstance
beforeAll(async () => {
  shop = await smallShop()
  gateway = await gatewayTo(shop.urls, { UPSTREAM_TIMEOUT_MS: '900' })
})
afterEach(() => shop.calm())
afterAll(async () => {
  await gateway.close()
  await shop.close()
})

const ask = (query: string, variables?: object, headers?: Record<string, string>, of = gateway): Promise<Answer> =>
  askOf(of, query, variables, headers)

const hangs: Misbehave = () => new Promise(() => {})

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
