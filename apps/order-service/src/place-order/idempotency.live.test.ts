import { randomUUID } from 'node:crypto'
import { someAdmin, someone } from '@halles/testkit/people'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startOrderService, type Running } from '../test/running.ts'
import { startShelf, type Shelf } from '../test/shelf.ts'

let shelf: Shelf
let shop: Running
beforeAll(async () => {
  shelf = await startShelf()
  shop = await startOrderService({ mongodb: inject('mongodb'), kafka: inject('kafka'), product: shelf.address })
})
afterAll(async () => {
  await shop.close()
  shelf.stop()
})

const PLACE = 'mutation ($input: PlaceOrderInput!) { placeOrder(input: $input) { id status } }'

describe('a key', () => {
  const line = (product: { id: string }, quantity = 1) => [{ productId: product.id, quantity }]

  it('places one order, however often and at once it comes', async () => {
    const camille = someone()
    const product = shelf.put({ stock: 50 })
    const key = randomUUID()
    const answers = await Promise.all(Array.from({ length: 20 }, () => shop.order(camille, line(product), { key })))
    const codes = new Set(answers.map((answer) => answer.json().code ?? answer.statusCode))
    expect([...codes].every((code) => code === 201 || code === 'IN_PROGRESS')).toBe(true)
    const placed = answers.filter(({ statusCode }) => statusCode === 201)
    expect(placed.filter(({ headers }) => headers['idempotent-replayed'] === undefined)).toHaveLength(1)
    expect(new Set(placed.map((answer) => answer.json().id)).size).toBe(1)
    expect(product.stock).toBe(49)
    expect(await shop.stored.countDocuments({ userId: camille.id })).toBe(1)
  })

  it('answers the order as it is now, by either door and in whatever order the lines are', async () => {
    const camille = someone()
    const [a, b] = [shelf.put({ stock: 3 }), shelf.put({ stock: 3 })]
    const key = `commande "1" ${randomUUID()}`
    const first = await shop.order(camille, [...line(a, 2), ...line(b)], { key })
    await shop.request(someAdmin(), 'PUT', `/orders/${first.json().id}/status`, { status: 'Confirmée' })
    const again = await shop.order(camille, [...line(b), ...line(a), ...line(a)], { key, expectedTotal: 1 })
    expect(again.statusCode).toBe(201)
    expect(again.headers['idempotent-replayed']).toBe('true')
    expect(again.json()).toMatchObject({ id: first.json().id, status: 'Confirmée' })
    const input = { items: [...line(a, 2), ...line(b)], idempotencyKey: key }
    expect((await shop.graphql(camille, PLACE, { input })).data.placeOrder.id).toBe(first.json().id)
    expect(a.stock).toBe(1)
  })

  it('answers with its order though the last one was sold, to this very order', async () => {
    const camille = someone()
    const product = shelf.put({ stock: 1 })
    const key = randomUUID()
    const first = await shop.order(camille, line(product), { key })
    const again = await shop.order(camille, line(product), { key })
    expect(again.json().id).toBe(first.json().id)
  })

  it('is one’s own', async () => {
    const product = shelf.put()
    const key = randomUUID()
    const ids = await Promise.all([someone(), someone()].map((person) => shop.order(person, line(product), { key })))
    expect(new Set(ids.map((answer) => answer.json().id)).size).toBe(2)
  })

  it('of another basket is IDEMPOTENCY_KEY_REUSED', async () => {
    const camille = someone()
    const product = shelf.put()
    const key = randomUUID()
    await shop.order(camille, line(product), { key })
    const other = await shop.order(camille, line(product, 2), { key })
    expect(other.statusCode).toBe(422)
    expect(other.json()).toMatchObject({ code: 'IDEMPOTENCY_KEY_REUSED' })
  })

  it('does not answer what does not fit, though it has its order', async () => {
    const camille = someone()
    const product = shelf.put()
    const key = randomUUID()
    await shop.order(camille, line(product), { key })
    const again = await shop.order(camille, line(product), { key, expectedTotal: 9.999 })
    expect(again.json()).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: '/expectedTotal' }] })
  })

  it('is free again after a refusal', async () => {
    const camille = someone()
    const product = shelf.put({ stock: 1 })
    const key = randomUUID()
    expect((await shop.order(camille, line(product, 2), { key })).json()).toMatchObject({ code: 'INSUFFICIENT_STOCK' })
    expect((await shop.order(camille, line(product, 1), { key })).statusCode).toBe(201)
  })

  it('is IN_PROGRESS while its order is on its way', async () => {
    const camille = someone()
    const product = shelf.put()
    const key = randomUUID()
    const { promise, resolve } = Promise.withResolvers<void>()
    shelf.trouble.before = (call) => (call === 'reserveStocks' ? promise : undefined)
    const first = shop.order(camille, line(product), { key })
    await eventually('the intent', () => shop.stored.findOne({ userId: camille.id, status: 'Intent' }))
    for (const quantity of [1, 2])
      expect((await shop.order(camille, line(product, quantity), { key })).json()).toMatchObject({
        code: 'IN_PROGRESS',
        status: 409,
      })
    delete shelf.trouble.before
    resolve()
    expect((await first).statusCode).toBe(201)
  })

  it('lasts 24 hours', async () => {
    const camille = someone()
    const product = shelf.put()
    const key = randomUUID()
    const first = await shop.order(camille, line(product), { key })
    await shop.stored.updateOne({ _id: first.json().id }, { $set: { 'idem.until': new Date(Date.now() - 1) } })
    const next = await shop.order(camille, line(product, 2), { key })
    expect(next.statusCode).toBe(201)
    expect(next.json().id).not.toBe(first.json().id)
  })

  it.each([
    ['empty', ''],
    ['of more than 255 characters', 'x'.repeat(256)],
    ['other than ASCII', 'clé'],
    ['on two lines', 'a\tb'],
  ])('may not be %s', async (_what, key) => {
    const product = shelf.put()
    expect((await shop.order(someone(), line(product), { key })).json()).toMatchObject({ code: 'VALIDATION_FAILED' })
    const input = { items: line(product), idempotencyKey: key }
    const { errors } = await shop.graphql(someone(), PLACE, { input })
    expect(errors[0].extensions.code).toBe('VALIDATION_FAILED')
  })

  it('has no space at either end in GraphQL, as a header would lose it', async () => {
    for (const idempotencyKey of [' a', 'a ', ' ']) {
      const { errors } = await shop.graphql(someone(), PLACE, { input: { items: line(shelf.put()), idempotencyKey } })
      expect(errors[0].extensions.code).toBe('VALIDATION_FAILED')
    }
  })

  it('that is null in GraphQL is none', async () => {
    const input = { items: line(shelf.put()), idempotencyKey: null, expectedTotal: null }
    expect((await shop.graphql(someone(), PLACE, { input })).data.placeOrder.status).toBe('RECUE')
  })
})
