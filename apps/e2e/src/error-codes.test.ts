import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { createShopClient, type ApiClient } from './shop-client.ts'

const shop = createShopClient(inject('shop'))
let admin: ApiClient
let customer: ApiClient
let otherCustomer: ApiClient
let productId: string
let orderId: string
beforeAll(async () => {
  ;[admin, customer, otherCustomer] = await Promise.all([
    shop.signInAdmin(),
    shop.createCustomer(),
    shop.createCustomer(),
  ])
  productId = (await shop.createProduct(admin, { stock: 3 })).id
  orderId = (await customer.rest('POST', '/orders', { items: [{ productId, quantity: 1 }] })).body.id
})

const placeOrder = 'mutation P($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }'
const changeStatus =
  'mutation C($id: ID!, $status: OrderStatus!) { changeOrderStatus(id: $id, status: $status) { id } }'
const createProduct = 'mutation N($input: ProductInput!) { createProduct(input: $input) { id } }'
const product = { name: 'Brie', price: 4.5, category: 'Fromagerie', stock: 1 }

/** The same input by REST and by GraphQL. Functions, because clients and ids exist only when the tests run. */
type Input = {
  client: () => ApiClient
  rest: [string, () => string, (() => unknown)?]
  graphql: [string, () => object]
}
const orderOf = (items: () => unknown, fields: object = {}, client: () => ApiClient = () => customer): Input => ({
  client,
  rest: ['POST', () => '/orders', () => ({ items: items(), ...fields })],
  graphql: [placeOrder, () => ({ input: { items: items(), ...fields } })],
})
const productWith = (fields: object, client: () => ApiClient = () => admin): Input => ({
  client,
  rest: ['POST', () => '/products', () => ({ ...product, ...fields })],
  graphql: [createProduct, () => ({ input: { ...product, ...fields } })],
})
const line = (quantity: unknown, id = productId) => [{ productId: id, quantity }]

describe('REST and GraphQL answer the same error code', () => {
  it.each<[string, string, number, Input]>([
    ['more than the stock', 'INSUFFICIENT_STOCK', 409, orderOf(() => line(4))],
    ['a product that does not exist', 'PRODUCT_UNAVAILABLE', 409, orderOf(() => line(1, randomUUID()))],
    ['a malformed product id', 'PRODUCT_UNAVAILABLE', 409, orderOf(() => line(1, '{"$ne":1}'))],
    ['an outdated price', 'PRICE_CHANGED', 409, orderOf(() => line(1), { expectedTotal: 1 })],
    ['an order without lines', 'VALIDATION_FAILED', 400, orderOf(() => [])],
    [
      'an order of a thousand lines',
      'VALIDATION_FAILED',
      400,
      orderOf(() => Array.from({ length: 1000 }, () => line(1)[0])),
    ],
    ['a negative quantity', 'VALIDATION_FAILED', 400, orderOf(() => line(-1))],
    ['a quantity of zero', 'VALIDATION_FAILED', 400, orderOf(() => line(0))],
    ['a quantity of a thousand', 'VALIDATION_FAILED', 400, orderOf(() => line(1000))],
    ['a quantity of a thousand, in two lines', 'VALIDATION_FAILED', 400, orderOf(() => [...line(500), ...line(500)])],
    ['a fractional quantity', 'VALIDATION_FAILED', 400, orderOf(() => line(1.5))],
    ['an unknown field', 'VALIDATION_FAILED', 400, orderOf(() => line(1), { price: 1 })],
    ['a total with three decimals', 'VALIDATION_FAILED', 400, orderOf(() => line(1), { expectedTotal: 1.005 })],
    [
      'an anonymous order',
      'UNAUTHENTICATED',
      401,
      orderOf(
        () => line(1),
        {},
        () => shop.anonymous,
      ),
    ],
    ['a customer who creates a product', 'FORBIDDEN', 403, productWith({}, () => customer)],
    ['a price with three decimals', 'VALIDATION_FAILED', 400, productWith({ price: 1.005 })],
    ['a negative price', 'VALIDATION_FAILED', 400, productWith({ price: -1 })],
    ['a script as image', 'VALIDATION_FAILED', 400, productWith({ image: 'javascript:alert(1)' })],
    [
      'a customer who confirms their own order',
      'FORBIDDEN',
      403,
      {
        client: () => customer,
        rest: ['PUT', () => `/orders/${orderId}/status`, () => ({ status: 'Confirmée' })],
        graphql: [changeStatus, () => ({ id: orderId, status: 'CONFIRMEE' })],
      },
    ],
    [
      'another customer who cancels it',
      'NOT_FOUND',
      404,
      {
        client: () => otherCustomer,
        rest: ['PUT', () => `/orders/${orderId}/status`, () => ({ status: 'Annulée' })],
        graphql: ['mutation C($id: ID!) { cancelOrder(id: $id) { id } }', () => ({ id: orderId })],
      },
    ],
    [
      'an admin who skips a status',
      'INVALID_TRANSITION',
      409,
      {
        client: () => admin,
        rest: ['PUT', () => `/orders/${orderId}/status`, () => ({ status: 'Livrée' })],
        graphql: [changeStatus, () => ({ id: orderId, status: 'LIVREE' })],
      },
    ],
    [
      'another customer who reads the order',
      'NOT_FOUND',
      404,
      {
        client: () => otherCustomer,
        rest: ['GET', () => `/orders/${otherCustomer.id}/${orderId}`],
        graphql: ['query O($id: ID!) { order(id: $id) { id } }', () => ({ id: orderId })],
      },
    ],
    [
      'another customer who lists the orders of a customer',
      'FORBIDDEN',
      403,
      {
        client: () => otherCustomer,
        rest: ['GET', () => `/orders/${customer.id}`],
        graphql: ['query U($id: ID!) { user(id: $id) { orders { totalCount } } }', () => ({ id: customer.id })],
      },
    ],
    [
      'a customer who lists all orders',
      'FORBIDDEN',
      403,
      { client: () => customer, rest: ['GET', () => '/orders'], graphql: ['{ orders { totalCount } }', () => ({})] },
    ],
    [
      'an invalid cursor',
      'VALIDATION_FAILED',
      400,
      {
        client: () => shop.anonymous,
        rest: ['GET', () => '/products?after=nonsense'],
        graphql: ['{ products(after: "nonsense") { totalCount } }', () => ({})],
      },
    ],
    [
      'a page of a thousand',
      'VALIDATION_FAILED',
      400,
      {
        client: () => shop.anonymous,
        rest: ['GET', () => '/products?first=1000'],
        graphql: ['{ products(first: 1000) { totalCount } }', () => ({})],
      },
    ],
    [
      'an unknown product',
      'NOT_FOUND',
      404,
      {
        client: () => shop.anonymous,
        rest: ['GET', () => '/products/%7B%22%24ne%22%3A1%7D'],
        graphql: ['{ product(id: "{\\"$ne\\":1}") { id } }', () => ({})],
      },
    ],
  ])('for %s: %s', async (_what, code, status, { client, rest: [method, path, body], graphql: [query, variables] }) => {
    const answer = await client().rest(method, path(), body?.())
    expect(answer.body).toMatchObject({ code, status })
    expect(answer.status).toBe(status)
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    const { errors } = await client().graphql(query, variables())
    expect(errors).toHaveLength(1)
    expect(errors![0]!.extensions.code).toBe(code)
  })
})

describe('invalid input is never a 500', () => {
  it.each([
    ['not JSON', '{"items":['],
    ['an array', '[]'],
    ['a number', '7'],
    ['null', 'null'],
    ['an object with the key __proto__', '{"__proto__":{"role":"admin"},"items":[]}'],
    ['an object with a MongoDB operator', '{"items":{"$gt":""}}'],
    ['nested too deeply', `{"items":${'['.repeat(5000)}${']'.repeat(5000)}}`],
    ['an object with wrong types', '{"items":[{"productId":7,"quantity":"two"}]}'],
  ])('REST answers VALIDATION_FAILED for a body that is %s', async (_what, body) => {
    const answer = await customer.rest('POST', '/orders', body)
    expect(answer).toMatchObject({ status: 400, body: { code: 'VALIDATION_FAILED' } })
  })

  it.each([
    ['expired', 'eyJhbGciOiJFUzI1NiIsImtpZCI6ImEifQ.eyJleHAiOjF9.AAAA'],
    ['nonsense', 'nonsense'],
    ['empty', ''],
  ])('an access token that is %s is 401 on every route, public ones too', async (_what, token) => {
    const headers = { authorization: `Bearer ${token}` }
    for (const path of ['/products', '/me', '/orders', '/notifications', '/.well-known/jwks.json'])
      expect((await shop.anonymous.rest('GET', path, undefined, headers)).body).toMatchObject({
        status: 401,
        code: 'UNAUTHENTICATED',
      })
    const { status, errors } = await shop.anonymous.graphql('{ categories { name } }', {}, headers)
    expect(status).toBe(401)
    expect(errors![0]!.extensions.code).toBe('UNAUTHENTICATED')
  })

  it('GraphQL answers VALIDATION_FAILED for a variable of the wrong type', async () => {
    for (const input of [{ items: 'none' }, { items: [{ productId: 'a', quantity: 'b' }] }, null]) {
      const { errors } = await customer.graphql(placeOrder, { input })
      expect(errors![0]!.extensions.code).toBe('VALIDATION_FAILED')
    }
  })

  it('an unknown route is NOT_FOUND', async () => {
    expect(await shop.anonymous.rest('GET', '/nowhere')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
  })
})
