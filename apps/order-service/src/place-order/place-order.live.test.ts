import { randomUUID } from 'node:crypto'
import { createPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { consumeOrderEvents, type OrderEventsConsumer } from '../../test/order-events.ts'
import { startOrderService, type OrderService } from '../../test/start-order-service.ts'
import { startFakeProductService, type FakeProductService } from '../../test/fake-product-service.ts'

let productService: FakeProductService
let service: OrderService
let consumer: OrderEventsConsumer
beforeAll(async () => {
  productService = await startFakeProductService()
  service = await startOrderService({
    mongodb: inject('mongodb'),
    kafka: inject('kafka'),
    product: productService.address,
  })
  consumer = await consumeOrderEvents(inject('kafka'))
})
afterAll(async () => {
  await Promise.all([service.close(), consumer.close()])
  productService.stop()
})

const PLACE = `mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) {
  id number userId total status statusHistory { status timestamp } createdAt customer { id }
  items { productId product { id } name quantity price } } }`

describe('placing an order', () => {
  it('answers the whole order at the prices of product-service, and publishes it', async () => {
    const customer = createPrincipal()
    const comte = productService.addProduct({ name: 'Comté', price: 19.99, stock: 5 })
    const brie = productService.addProduct({ name: 'Brie', price: 4.5, stock: 5 })
    const answer = await service.placeOrder(customer, [
      { productId: comte.id, quantity: 1 },
      { productId: brie.id, quantity: 3 },
      { productId: comte.id, quantity: 1 },
    ])
    expect(answer.statusCode).toBe(201)
    const order = answer.json()
    expect(order).toEqual({
      id: expect.any(String),
      number: expect.stringMatching(/^\d+$/),
      userId: customer.id,
      items: [
        { productId: comte.id, name: 'Comté', quantity: 2, price: 19.99 },
        { productId: brie.id, name: 'Brie', quantity: 3, price: 4.5 },
      ],
      total: 53.48,
      status: 'Reçue',
      statusHistory: [{ status: 'Reçue', timestamp: order.createdAt }],
      createdAt: expect.stringMatching(/Z$/),
    })
    expect(answer.headers['location']).toBe(`/orders/${customer.id}/${order.id}`)
    expect([comte.stock, brie.stock]).toEqual([3, 2])

    const [consumed] = await eventually('its event is consumed', () => {
      const received = consumer.received(order.id)
      return received.length > 0 && received
    })
    expect(consumed!.event).toMatchObject({ type: 'order.created', data: { sequence: 1, order, previousStatus: null } })
    const { id, name, email, locale } = customer
    expect(consumed!.event.data.customer).toEqual({ id, name, email, locale })
    expect(consumed!.key).toBe(order.id)
    expect(consumed!.headers['content-type']).toBe('application/cloudevents+json')
    expect(consumed!.event.traceparent).toContain(String(answer.headers['x-trace-id']))
    await eventually('no publication is pending', () =>
      service.stored.findOne({ _id: order.id, unpublished: { $exists: false }, nextAttemptAt: { $exists: false } }),
    )
  })

  it('gives the same order by GraphQL', async () => {
    const customer = createPrincipal()
    const { id } = productService.addProduct({ name: 'Tomme', price: 12.3 })
    const { data } = await service.graphql(customer, PLACE, { input: { items: [{ productId: id, quantity: 2 }] } })
    const order = data.placeOrder
    expect(order).toMatchObject({
      userId: customer.id,
      customer: { id: customer.id },
      total: 24.6,
      status: 'RECUE',
      statusHistory: [{ status: 'RECUE' }],
      items: [{ productId: id, product: { id }, name: 'Tomme', quantity: 2, price: 12.3 }],
    })
    const rest = await service.request(customer, 'GET', `/orders/${customer.id}/${order.id}`)
    expect(rest.json()).toMatchObject({
      id: order.id,
      number: order.number,
      status: 'Reçue',
      createdAt: order.createdAt,
    })
  })

  it('sells the last of the stock once, however many customers order at the same time', async () => {
    const product = productService.addProduct({ stock: 3 })
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => service.placeOrder(createPrincipal(), [{ productId: product.id, quantity: 1 }])),
    )
    const placed = answers.filter(({ statusCode }) => statusCode === 201)
    expect(placed).toHaveLength(3)
    expect(new Set(placed.map((answer) => answer.json().number)).size).toBe(3)
    expect(answers.filter((answer) => answer.json().code === 'INSUFFICIENT_STOCK')).toHaveLength(17)
    expect(product.stock).toBe(0)
    expect(await service.stored.countDocuments({ 'items.productId': product.id })).toBe(3)
  })
})

describe('placing an order that is rejected', () => {
  const toItems = (productId: string, quantity = 1) => [{ productId, quantity }]
  const rejected: [what: string, code: string, createInput: () => { items: object[]; expectedTotal?: number }][] = [
    ['a product that does not exist', 'PRODUCT_UNAVAILABLE', () => ({ items: toItems(randomUUID()) })],
    ['an id that no product can have', 'PRODUCT_UNAVAILABLE', () => ({ items: toItems('💥 $where') })],
    ['an empty id', 'PRODUCT_UNAVAILABLE', () => ({ items: toItems('') })],
    [
      'too little in stock',
      'INSUFFICIENT_STOCK',
      () => ({ items: toItems(productService.addProduct({ stock: 2 }).id, 3) }),
    ],
    [
      'another total',
      'PRICE_CHANGED',
      () => ({ items: toItems(productService.addProduct({ price: 10 }).id, 2), expectedTotal: 19.99 }),
    ],
    ['no lines', 'VALIDATION_FAILED', () => ({ items: [] })],
    ['quantity 0', 'VALIDATION_FAILED', () => ({ items: toItems(productService.addProduct().id, 0) })],
    [
      'more than 999 in all',
      'VALIDATION_FAILED',
      () => {
        const { id } = productService.addProduct({ stock: 5000 })
        return { items: [...toItems(id, 999), ...toItems(id, 1)] }
      },
    ],
  ]

  it.each(rejected)('for %s answers %s by REST and GraphQL, and stores nothing', async (_what, code, createInput) => {
    const customer = createPrincipal()
    const input = createInput()
    const rest = await service.request(customer, 'POST', '/orders', input)
    expect(rest.json()).toMatchObject({ code })
    expect(rest.headers['content-type']).toContain('application/problem+json')
    const { data, errors } = await service.graphql(customer, PLACE, { input })
    expect(data).toBeNull()
    expect(errors[0].extensions).toMatchObject({ code })
    expect(errors[0].extensions.errors).toEqual(rest.json().errors)
    expect(rest.json().errors[0].path).toMatch(/^\/items/)
    expect(await service.stored.countDocuments({ userId: customer.id })).toBe(0)
  })

  it('answers with the stock that is left, and with the current price', async () => {
    const product = productService.addProduct({ stock: 1, price: 5 })
    const short = await service.placeOrder(createPrincipal(), [{ productId: product.id, quantity: 2 }])
    expect(short.statusCode).toBe(409)
    expect(short.json().errors).toMatchObject([{ path: '/items/0/productId', productId: product.id, available: 1 }])
    const expensive = await service.placeOrder(createPrincipal(), [{ productId: product.id, quantity: 1 }], {
      expectedTotal: 4.99,
    })
    expect(expensive.json()).toMatchObject({ code: 'PRICE_CHANGED', errors: [{ productId: product.id, price: 5 }] })
    expect(product.stock).toBe(1)
  })

  it('answers UNAUTHENTICATED without an access token, before it validates anything', async () => {
    expect((await service.request(undefined, 'POST', '/orders', { items: 'nonsense' })).json()).toMatchObject({
      code: 'UNAUTHENTICATED',
    })
    const { errors } = await service.graphql(undefined, PLACE, { input: { items: [] } })
    expect(errors[0].extensions.code).toBe('UNAUTHENTICATED')
  })

  it('because stock is gone between check and reservation names the product, and reserves no other', async () => {
    const customer = createPrincipal()
    const [soldOut, other] = [productService.addProduct({ stock: 5 }), productService.addProduct({ stock: 5 })]
    productService.faults.before = (call) => {
      if (call === 'reserveStocks') soldOut.stock = 0
    }
    const answer = await service.placeOrder(customer, [
      { productId: other.id, quantity: 1 },
      { productId: soldOut.id, quantity: 1 },
    ])
    delete productService.faults.before
    expect(answer.json()).toMatchObject({
      code: 'INSUFFICIENT_STOCK',
      errors: [{ path: '/items/1/productId', productId: soldOut.id, available: 0 }],
    })
    expect(other.stock).toBe(5)
    expect(await service.stored.countDocuments({ userId: customer.id })).toBe(0)
  })

  it('because product-service does not answer is a 503 with Retry-After, and leaves the key free', async () => {
    const customer = createPrincipal()
    const product = productService.addProduct({ stock: 5 })
    const key = randomUUID()
    productService.faults.after = (call) => {
      if (call === 'reserveStocks') throw new Error('the answer is lost')
    }
    const lost = await service.placeOrder(customer, [{ productId: product.id, quantity: 2 }], { key })
    delete productService.faults.after
    expect(lost.statusCode).toBe(503)
    expect(lost.json()).toMatchObject({ code: 'UNAVAILABLE' })
    expect(lost.headers['retry-after']).toBeDefined()
    // The stock of the reservation whose response was lost is released, and the key can place an order again.
    await eventually(
      'the pending order is removed and its stock released',
      async () => product.stock === 5 && (await service.stored.countDocuments({ userId: customer.id })) === 0,
    )
    const again = await service.placeOrder(customer, [{ productId: product.id, quantity: 2 }], { key })
    expect(again.statusCode).toBe(201)
    expect(again.headers['idempotent-replayed']).toBeUndefined()
    expect(product.stock).toBe(3)
  })
})
