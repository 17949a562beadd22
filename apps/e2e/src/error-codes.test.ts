import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { shopAt, type Visitor } from './kit.ts'

const shop = shopAt(inject('shop'))
let admin: Visitor
let camille: Visitor
let stranger: Visitor
let productId: string
let orderId: string
beforeAll(async () => {
  ;[admin, camille, stranger] = await Promise.all([shop.admin(), shop.customer(), shop.customer()])
  productId = (await shop.product(admin, { stock: 3 })).id
  orderId = (await camille.rest('POST', '/orders', { items: [{ productId, quantity: 1 }] })).body.id
})

const placeOrder = 'mutation P($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }'
const changeStatus =
  'mutation C($id: ID!, $status: OrderStatus!) { changeOrderStatus(id: $id, status: $status) { id } }'
const createProduct = 'mutation N($input: ProductInput!) { createProduct(input: $input) { id } }'
const product = { name: 'Brie', price: 4.5, category: 'Fromagerie', stock: 1 }

/** One wish at two doors: who asks, and how at each. */
type Wish = { who: () => Visitor; rest: [string, () => string, (() => unknown)?]; graphql: [string, () => object] }
const order = (who: () => Visitor, items: () => unknown, more: object = {}): Wish => ({
  who,
  rest: ['POST', () => '/orders', () => ({ items: items(), ...more })],
  graphql: [placeOrder, () => ({ input: { items: items(), ...more } })],
})
const newProduct = (who: () => Visitor, more: object): Wish => ({
  who,
  rest: ['POST', () => '/products', () => ({ ...product, ...more })],
  graphql: [createProduct, () => ({ input: { ...product, ...more } })],
})
const line = (quantity: unknown, id = productId) => [{ productId: id, quantity }]

describe('the same refusal at both doors', () => {
  it.each<[string, string, number, Wish]>([
    [
      'more than there is',
      'INSUFFICIENT_STOCK',
      409,
      order(
        () => camille,
        () => line(4),
      ),
    ],
    [
      'a product that does not exist',
      'PRODUCT_UNAVAILABLE',
      409,
      order(
        () => camille,
        () => line(1, randomUUID()),
      ),
    ],
    [
      'a product id that is none',
      'PRODUCT_UNAVAILABLE',
      409,
      order(
        () => camille,
        () => line(1, '{"$ne":1}'),
      ),
    ],
    [
      'yesterday’s price',
      'PRICE_CHANGED',
      409,
      order(
        () => camille,
        () => line(1),
        { expectedTotal: 1 },
      ),
    ],
    [
      'no lines',
      'VALIDATION_FAILED',
      400,
      order(
        () => camille,
        () => [],
      ),
    ],
    [
      'a thousand lines',
      'VALIDATION_FAILED',
      400,
      order(
        () => camille,
        () => Array.from({ length: 1000 }, () => line(1)[0]),
      ),
    ],
    [
      'a negative quantity',
      'VALIDATION_FAILED',
      400,
      order(
        () => camille,
        () => line(-1),
      ),
    ],
    [
      'a quantity of zero',
      'VALIDATION_FAILED',
      400,
      order(
        () => camille,
        () => line(0),
      ),
    ],
    [
      'a thousand of one',
      'VALIDATION_FAILED',
      400,
      order(
        () => camille,
        () => line(1000),
      ),
    ],
    [
      'a thousand of one, in two lines',
      'VALIDATION_FAILED',
      400,
      order(
        () => camille,
        () => [...line(500), ...line(500)],
      ),
    ],
    [
      'a fraction of one',
      'VALIDATION_FAILED',
      400,
      order(
        () => camille,
        () => line(1.5),
      ),
    ],
    [
      'an unknown field',
      'VALIDATION_FAILED',
      400,
      order(
        () => camille,
        () => line(1),
        { price: 1 },
      ),
    ],
    [
      'a total with three decimals',
      'VALIDATION_FAILED',
      400,
      order(
        () => camille,
        () => line(1),
        { expectedTotal: 1.005 },
      ),
    ],
    [
      'no one signed in',
      'UNAUTHENTICATED',
      401,
      order(
        () => shop.nobody,
        () => line(1),
      ),
    ],
    ['a customer who adds a product', 'FORBIDDEN', 403, newProduct(() => camille, {})],
    ['a price with three decimals', 'VALIDATION_FAILED', 400, newProduct(() => admin, { price: 1.005 })],
    ['a negative price', 'VALIDATION_FAILED', 400, newProduct(() => admin, { price: -1 })],
    ['a script as image', 'VALIDATION_FAILED', 400, newProduct(() => admin, { image: 'javascript:alert(1)' })],
    [
      'a customer who confirms their own order',
      'FORBIDDEN',
      403,
      {
        who: () => camille,
        rest: ['PUT', () => `/orders/${orderId}/status`, () => ({ status: 'Confirmée' })],
        graphql: [changeStatus, () => ({ id: orderId, status: 'CONFIRMEE' })],
      },
    ],
    [
      'a stranger who cancels it',
      'NOT_FOUND',
      404,
      {
        who: () => stranger,
        rest: ['PUT', () => `/orders/${orderId}/status`, () => ({ status: 'Annulée' })],
        graphql: ['mutation C($id: ID!) { cancelOrder(id: $id) { id } }', () => ({ id: orderId })],
      },
    ],
    [
      'an admin who skips a status',
      'INVALID_TRANSITION',
      409,
      {
        who: () => admin,
        rest: ['PUT', () => `/orders/${orderId}/status`, () => ({ status: 'Livrée' })],
        graphql: [changeStatus, () => ({ id: orderId, status: 'LIVREE' })],
      },
    ],
    [
      "a stranger who reads someone's order",
      'NOT_FOUND',
      404,
      {
        who: () => stranger,
        rest: ['GET', () => `/orders/${stranger.id}/${orderId}`],
        graphql: ['query O($id: ID!) { order(id: $id) { id } }', () => ({ id: orderId })],
      },
    ],
    [
      "a stranger who lists someone's orders",
      'FORBIDDEN',
      403,
      {
        who: () => stranger,
        rest: ['GET', () => `/orders/${camille.id}`],
        graphql: ['query U($id: ID!) { user(id: $id) { orders { totalCount } } }', () => ({ id: camille.id })],
      },
    ],
    [
      'a customer who lists all orders',
      'FORBIDDEN',
      403,
      { who: () => camille, rest: ['GET', () => '/orders'], graphql: ['{ orders { totalCount } }', () => ({})] },
    ],
    [
      'a cursor of nothing',
      'VALIDATION_FAILED',
      400,
      {
        who: () => shop.nobody,
        rest: ['GET', () => '/products?after=nonsense'],
        graphql: ['{ products(after: "nonsense") { totalCount } }', () => ({})],
      },
    ],
    [
      'a page of a thousand',
      'VALIDATION_FAILED',
      400,
      {
        who: () => shop.nobody,
        rest: ['GET', () => '/products?first=1000'],
        graphql: ['{ products(first: 1000) { totalCount } }', () => ({})],
      },
    ],
    [
      'an unknown product',
      'NOT_FOUND',
      404,
      {
        who: () => shop.nobody,
        rest: ['GET', () => '/products/%7B%22%24ne%22%3A1%7D'],
        graphql: ['{ product(id: "{\\"$ne\\":1}") { id } }', () => ({})],
      },
    ],
  ])('%s: %s', async (_what, code, status, { who, rest: [method, path, body], graphql: [query, variables] }) => {
    const answer = await who().rest(method, path(), body?.())
    expect(answer.body).toMatchObject({ code, status })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    const { errors } = await who().graphql(query, variables())
    expect(errors).toHaveLength(1)
    expect(errors![0]!.extensions.code).toBe(code)
  })
})

describe('bad input is never a 500', () => {
  it.each([
    ['not JSON', '{"items":['],
    ['a list', '[]'],
    ['a number', '7'],
    ['null', 'null'],
    ['a prototype key', '{"__proto__":{"role":"admin"},"items":[]}'],
    ['an operator', '{"items":{"$gt":""}}'],
    ['deep nesting', `{"items":${'['.repeat(5000)}${']'.repeat(5000)}}`],
    ['wrong types', '{"items":[{"productId":7,"quantity":"two"}]}'],
  ])('%s', async (_what, body) => {
    const answer = await camille.rest('POST', '/orders', body)
    expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } })
  })

  it.each([
    ['expired', 'eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJleHAiOjF9.AAAA'],
    ['nonsense', 'nonsense'],
    ['empty', ''],
  ])('a token that is %s is 401 everywhere, public routes too', async (_what, token) => {
    const headers = { authorization: `Bearer ${token}` }
    for (const path of ['/products', '/me', '/orders', '/notifications', '/.well-known/jwks.json'])
      expect((await shop.nobody.rest('GET', path, undefined, headers)).body).toMatchObject({
        status: 401,
        code: 'UNAUTHENTICATED',
      })
    const { status, errors } = await shop.nobody.graphql('{ categories { name } }', {}, headers)
    expect(status).toBe(401)
    expect(errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
  })

  it('a variable of the wrong type', async () => {
    for (const input of [{ items: 'none' }, { items: [{ productId: 'a', quantity: 'b' }] }, null]) {
      const { errors } = await camille.graphql(placeOrder, { input })
      expect(errors![0]!.extensions.code).toBe('VALIDATION_FAILED')
    }
  })

  it('an address without anything', async () => {
    expect(await shop.nobody.rest('GET', '/nowhere')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
  })
})
