import { randomUUID } from 'node:crypto'
import { createAdmin, createPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startOrderService, type OrderService } from '../../test/start-order-service.ts'
import { startFakeProductService, type FakeProductService } from '../../test/fake-product-service.ts'

let productService: FakeProductService
let service: OrderService
beforeAll(async () => {
  productService = await startFakeProductService()
  service = await startOrderService({
    mongodb: inject('mongodb'),
    kafka: inject('kafka'),
    product: productService.address,
  })
})
afterAll(async () => {
  await service.close()
  productService.stop()
})

const PLACE = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id status } }'

describe('an idempotency key', () => {
  const toLines = (product: { id: string }, quantity = 1) => [{ productId: product.id, quantity }]

  it('places one order, however many concurrent requests have it', async () => {
    const customer = createPrincipal()
    const product = productService.addProduct({ stock: 50 })
    const key = randomUUID()
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => service.placeOrder(customer, toLines(product), { key })),
    )
    const codes = new Set(answers.map((answer) => answer.json().code ?? answer.statusCode))
    expect([...codes].every((code) => code === 201 || code === 'IN_PROGRESS')).toBe(true)
    const placed = answers.filter(({ statusCode }) => statusCode === 201)
    expect(placed.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1)
    expect(new Set(placed.map((answer) => answer.json().id)).size).toBe(1)
    expect(product.stock).toBe(49)
    expect(await service.stored.countDocuments({ userId: customer.id })).toBe(1)
  })

  it('is answered with the order as it is now, by REST and GraphQL, in whatever order the lines are', async () => {
    const customer = createPrincipal()
    const [a, b] = [productService.addProduct({ stock: 3 }), productService.addProduct({ stock: 3 })]
    const key = `commande "1" ${randomUUID()}`
    const first = await service.placeOrder(customer, [...toLines(a, 2), ...toLines(b)], { key })
    await service.request(createAdmin(), 'PUT', `/orders/${first.json().id}/status`, { status: 'Confirmée' })
    const again = await service.placeOrder(customer, [...toLines(b), ...toLines(a), ...toLines(a)], {
      key,
      expectedTotal: 1,
    })
    expect(again.statusCode).toBe(201)
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(again.json()).toMatchObject({ id: first.json().id, status: 'Confirmée' })
    const input = { items: [...toLines(a, 2), ...toLines(b)], idempotencyKey: key }
    expect((await service.graphql(customer, PLACE, { input })).data.placeOrder.id).toBe(first.json().id)
    expect(a.stock).toBe(1)
  })

  it('is answered with its order though that order took the last of the stock', async () => {
    const customer = createPrincipal()
    const product = productService.addProduct({ stock: 1 })
    const key = randomUUID()
    const first = await service.placeOrder(customer, toLines(product), { key })
    const again = await service.placeOrder(customer, toLines(product), { key })
    expect(again.json().id).toBe(first.json().id)
  })

  it('belongs to one customer: another customer’s same key places another order', async () => {
    const product = productService.addProduct()
    const key = randomUUID()
    const ids = await Promise.all(
      [createPrincipal(), createPrincipal()].map((customer) => service.placeOrder(customer, toLines(product), { key })),
    )
    expect(new Set(ids.map((answer) => answer.json().id)).size).toBe(2)
  })

  it('is answered IDEMPOTENCY_KEY_REUSED with another basket', async () => {
    const customer = createPrincipal()
    const product = productService.addProduct()
    const key = randomUUID()
    await service.placeOrder(customer, toLines(product), { key })
    const other = await service.placeOrder(customer, toLines(product, 2), { key })
    expect(other.statusCode).toBe(422)
    expect(other.json()).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
  })

  it('is answered VALIDATION_FAILED for an invalid request, though it has an order', async () => {
    const customer = createPrincipal()
    const product = productService.addProduct()
    const key = randomUUID()
    await service.placeOrder(customer, toLines(product), { key })
    const again = await service.placeOrder(customer, toLines(product), { key, expectedTotal: 9.999 })
    expect(again.json()).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: '/expectedTotal' }] })
  })

  it('is free again after a rejected order', async () => {
    const customer = createPrincipal()
    const product = productService.addProduct({ stock: 1 })
    const key = randomUUID()
    expect((await service.placeOrder(customer, toLines(product, 2), { key })).json()).toMatchObject({
      code: 'INSUFFICIENT_STOCK',
    })
    expect((await service.placeOrder(customer, toLines(product, 1), { key })).statusCode).toBe(201)
  })

  it('is answered IN_PROGRESS while its order is pending', async () => {
    const customer = createPrincipal()
    const product = productService.addProduct()
    const key = randomUUID()
    const { promise, resolve } = Promise.withResolvers<void>()
    productService.faults.before = (call) => (call === 'reserveStocks' ? promise : undefined)
    const first = service.placeOrder(customer, toLines(product), { key })
    await eventually('the order is pending', () => service.stored.findOne({ userId: customer.id, status: 'Pending' }))
    for (const quantity of [1, 2])
      expect((await service.placeOrder(customer, toLines(product, quantity), { key })).json()).toMatchObject({
        code: 'IN_PROGRESS',
        status: 409,
      })
    delete productService.faults.before
    resolve()
    expect((await first).statusCode).toBe(201)
  })

  it('expires after 24 hours', async () => {
    const customer = createPrincipal()
    const product = productService.addProduct()
    const key = randomUUID()
    const first = await service.placeOrder(customer, toLines(product), { key })
    await service.stored.updateOne(
      { _id: first.json().id },
      { $set: { 'idempotency.expiresAt': new Date(Date.now() - 1) } },
    )
    const next = await service.placeOrder(customer, toLines(product, 2), { key })
    expect(next.statusCode).toBe(201)
    expect(next.json().id).not.toBe(first.json().id)
  })

  it.each([
    ['empty', ''],
    ['longer than 255 characters', 'x'.repeat(256)],
    ['non-ASCII', 'clé'],
    ['with a control character', 'a\tb'],
  ])('must not be %s', async (_what, key) => {
    const product = productService.addProduct()
    expect((await service.placeOrder(createPrincipal(), toLines(product), { key })).json()).toMatchObject({
      code: 'VALIDATION_FAILED',
    })
    const input = { items: toLines(product), idempotencyKey: key }
    const { errors } = await service.graphql(createPrincipal(), PLACE, { input })
    expect(errors[0].extensions.code).toBe('VALIDATION_FAILED')
  })

  it('must not begin or end with a space in GraphQL, because a header would lose it', async () => {
    for (const idempotencyKey of [' a', 'a ', ' ']) {
      const { errors } = await service.graphql(createPrincipal(), PLACE, {
        input: { items: toLines(productService.addProduct()), idempotencyKey },
      })
      expect(errors[0].extensions.code).toBe('VALIDATION_FAILED')
    }
  })

  it('that is null in GraphQL is the same as none', async () => {
    const input = { items: toLines(productService.addProduct()), idempotencyKey: null, expectedTotal: null }
    expect((await service.graphql(createPrincipal(), PLACE, { input })).data.placeOrder.status).toBe('RECUE')
  })
})
