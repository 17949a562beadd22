import { randomUUID } from 'node:crypto'
import { someone } from '@halles/testkit/people'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { listenTo } from '../test/listener.ts'
import { startOrderService, type Running } from '../test/running.ts'
import { startShelf, type Shelf } from '../test/shelf.ts'

let shelf: Shelf
let shop: Running
let listener: Awaited<ReturnType<typeof listenTo>>
beforeAll(async () => {
  shelf = await startShelf()
  shop = await startOrderService({ mongodb: inject('mongodb'), kafka: inject('kafka'), product: shelf.address })
  listener = await listenTo(inject('kafka'))
})
afterAll(async () => {
  await Promise.all([shop.close(), listener.close()])
  shelf.stop()
})

const PLACE = `mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) {
  id number userId total status statusHistory { status timestamp } createdAt customer { id }
  items { productId product { id } name quantity price } } }`

describe('an order', () => {
  it('is taken at the price of the shelf, all of it, and told', async () => {
    const camille = someone()
    const comte = shelf.put({ name: 'Comté', price: 19.99, stock: 5 })
    const brie = shelf.put({ name: 'Brie', price: 4.5, stock: 5 })
    const answer = await shop.order(camille, [
      { productId: comte.id, quantity: 1 },
      { productId: brie.id, quantity: 3 },
      { productId: comte.id, quantity: 1 },
    ])
    expect(answer.statusCode).toBe(201)
    const order = answer.json()
    expect(order).toEqual({
      id: expect.any(String),
      number: expect.stringMatching(/^\d+$/),
      userId: camille.id,
      items: [
        { productId: comte.id, name: 'Comté', quantity: 2, price: 19.99 },
        { productId: brie.id, name: 'Brie', quantity: 3, price: 4.5 },
      ],
      total: 53.48,
      status: 'Reçue',
      statusHistory: [{ status: 'Reçue', timestamp: order.createdAt }],
      createdAt: expect.stringMatching(/Z$/),
    })
    expect(answer.headers['location']).toBe(`/orders/${camille.id}/${order.id}`)
    expect([comte.stock, brie.stock]).toEqual([3, 2])

    const [heard] = await eventually('its event', () => {
      const about = listener.about(order.id)
      return about.length > 0 && about
    })
    expect(heard!.event).toMatchObject({ type: 'order.created', data: { sequence: 1, order, previousStatus: null } })
    const { id, name, email, locale } = camille
    expect(heard!.event.data.customer).toEqual({ id, name, email, locale })
    expect(heard!.key).toBe(order.id)
    expect(heard!.headers['content-type']).toBe('application/cloudevents+json')
    expect(heard!.event.traceparent).toContain(String(answer.headers['x-trace-id']))
    await eventually('nothing is left to tell', () =>
      shop.stored.findOne({ _id: order.id, unsent: { $exists: false }, sweepAt: { $exists: false } }),
    )
  })

  it('is the same by GraphQL', async () => {
    const camille = someone()
    const { id } = shelf.put({ name: 'Tomme', price: 12.3 })
    const { data } = await shop.graphql(camille, PLACE, { input: { items: [{ productId: id, quantity: 2 }] } })
    const order = data.placeOrder
    expect(order).toMatchObject({
      userId: camille.id,
      customer: { id: camille.id },
      total: 24.6,
      status: 'RECUE',
      statusHistory: [{ status: 'RECUE' }],
      items: [{ productId: id, product: { id }, name: 'Tomme', quantity: 2, price: 12.3 }],
    })
    const rest = await shop.request(camille, 'GET', `/orders/${camille.id}/${order.id}`)
    expect(rest.json()).toMatchObject({
      id: order.id,
      number: order.number,
      status: 'Reçue',
      createdAt: order.createdAt,
    })
  })

  it('takes the last one once, whoever asks at the same time', async () => {
    const product = shelf.put({ stock: 3 })
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => shop.order(someone(), [{ productId: product.id, quantity: 1 }])),
    )
    const placed = answers.filter(({ statusCode }) => statusCode === 201)
    expect(placed).toHaveLength(3)
    expect(new Set(placed.map((answer) => answer.json().number)).size).toBe(3)
    expect(answers.filter((answer) => answer.json().code === 'INSUFFICIENT_STOCK')).toHaveLength(17)
    expect(product.stock).toBe(0)
    expect(await shop.stored.countDocuments({ 'items.productId': product.id })).toBe(3)
  })
})

describe('a refusal', () => {
  const items = (productId: string, quantity = 1) => [{ productId, quantity }]
  const wishes: [what: string, code: string, wish: () => { items: object[]; expectedTotal?: number }][] = [
    ['a product that does not exist', 'PRODUCT_UNAVAILABLE', () => ({ items: items(randomUUID()) })],
    ['an id that no product can have', 'PRODUCT_UNAVAILABLE', () => ({ items: items('💥 $where') })],
    ['an empty id', 'PRODUCT_UNAVAILABLE', () => ({ items: items('') })],
    ['too little in stock', 'INSUFFICIENT_STOCK', () => ({ items: items(shelf.put({ stock: 2 }).id, 3) })],
    ['another total', 'PRICE_CHANGED', () => ({ items: items(shelf.put({ price: 10 }).id, 2), expectedTotal: 19.99 })],
    ['no lines', 'VALIDATION_FAILED', () => ({ items: [] })],
    ['quantity 0', 'VALIDATION_FAILED', () => ({ items: items(shelf.put().id, 0) })],
    [
      'more than 999 in all',
      'VALIDATION_FAILED',
      () => {
        const { id } = shelf.put({ stock: 5000 })
        return { items: [...items(id, 999), ...items(id, 1)] }
      },
    ],
  ]

  it.each(wishes)('of %s is %s at both doors, and nothing is ordered', async (_what, code, wish) => {
    const camille = someone()
    const input = wish()
    const rest = await shop.request(camille, 'POST', '/orders', input)
    expect(rest.json()).toMatchObject({ code })
    expect(rest.headers['content-type']).toContain('application/problem+json')
    const { data, errors } = await shop.graphql(camille, PLACE, { input })
    expect(data).toBeNull()
    expect(errors[0].extensions).toMatchObject({ code })
    expect(errors[0].extensions.errors).toEqual(rest.json().errors)
    expect(rest.json().errors[0].path).toMatch(/^\/items/)
    expect(await shop.stored.countDocuments({ userId: camille.id })).toBe(0)
  })

  it('names what is left, and what it costs now', async () => {
    const few = shelf.put({ stock: 1, price: 5 })
    const short = await shop.order(someone(), [{ productId: few.id, quantity: 2 }])
    expect(short.statusCode).toBe(409)
    expect(short.json().errors).toMatchObject([{ path: '/items/0/productId', productId: few.id, available: 1 }])
    const dear = await shop.order(someone(), [{ productId: few.id, quantity: 1 }], { expectedTotal: 4.99 })
    expect(dear.json()).toMatchObject({ code: 'PRICE_CHANGED', errors: [{ productId: few.id, price: 5 }] })
    expect(few.stock).toBe(1)
  })

  it('of no one is UNAUTHENTICATED before anything else', async () => {
    expect((await shop.request(undefined, 'POST', '/orders', { items: 'nonsense' })).json()).toMatchObject({
      code: 'UNAUTHENTICATED',
    })
    const { errors } = await shop.graphql(undefined, PLACE, { input: { items: [] } })
    expect(errors[0].extensions.code).toBe('UNAUTHENTICATED')
  })

  it('between looking and holding names the product, and takes nothing of the rest', async () => {
    const camille = someone()
    const [gone, rest] = [shelf.put({ stock: 5 }), shelf.put({ stock: 5 })]
    shelf.trouble.before = (call) => {
      if (call === 'reserveStocks') gone.stock = 0
    }
    const answer = await shop.order(camille, [
      { productId: rest.id, quantity: 1 },
      { productId: gone.id, quantity: 1 },
    ])
    delete shelf.trouble.before
    expect(answer.json()).toMatchObject({
      code: 'INSUFFICIENT_STOCK',
      errors: [{ path: '/items/1/productId', productId: gone.id, available: 0 }],
    })
    expect(rest.stock).toBe(5)
    expect(await shop.stored.countDocuments({ userId: camille.id })).toBe(0)
  })

  it('for want of product-service is a 503 that says when to come back; the key stays free', async () => {
    const camille = someone()
    const product = shelf.put({ stock: 5 })
    const key = randomUUID()
    shelf.trouble.after = (call) => {
      if (call === 'reserveStocks') throw new Error('the answer is lost')
    }
    const lost = await shop.order(camille, [{ productId: product.id, quantity: 2 }], { key })
    delete shelf.trouble.after
    expect(lost.statusCode).toBe(503)
    expect(lost.json()).toMatchObject({ code: 'UNAVAILABLE' })
    expect(lost.headers['retry-after']).toBeDefined()
    // What was held without anyone's knowing is given back, and the same key orders anew.
    await eventually(
      'nothing is left of it',
      async () => product.stock === 5 && (await shop.stored.countDocuments({ userId: camille.id })) === 0,
    )
    const again = await shop.order(camille, [{ productId: product.id, quantity: 2 }], { key })
    expect(again.statusCode).toBe(201)
    expect(again.headers['idempotent-replayed']).toBeUndefined()
    expect(product.stock).toBe(3)
  })
})
