import { randomBytes, randomUUID } from 'node:crypto'
import { ORDER_EVENTS, parseOrderEvent, type OrderEvent } from '@halles/contracts/order-events'
import { createKafka } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { eventually } from '@halles/test-fixtures/wait'
import { beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { createShopClient, type ApiClient } from './shop-client.ts'

const shop = createShopClient(inject('shop'))
let admin: ApiClient
beforeAll(async () => {
  admin = await shop.signInAdmin()
})

/** Parses an event; none when it is invalid: other stories publish invalid messages to the same topic. */
function parseEvents(value: string | null): OrderEvent[] {
  try {
    return [parseOrderEvent(value!)]
  } catch {
    return [] // notification-service dead-letters it
  }
}

/** Consumes the topic of order events; the returned array grows with each event. */
async function consumeOrderEvents(): Promise<OrderEvent[]> {
  const received: OrderEvent[] = []
  const kafka = createKafka(inject('kafka'), 'e2e', createLogger('e2e', 'silent'))
  const consumer = await kafka.consume({
    groupId: `e2e-${randomUUID()}`,
    topic: ORDER_EVENTS,
    onBatch: async (messages) => void received.push(...messages.flatMap(({ value }) => parseEvents(value))),
  })
  onTestFinished(() => consumer.close())
  return received
}

describe('placing an order', () => {
  it('reserves stock, creates the order, publishes its event and sends its e-mail, in one trace', async () => {
    const events = await consumeOrderEvents()
    const customer = await shop.createCustomer()
    const [comte, pain] = await Promise.all([
      shop.createProduct(admin, { price: 19.99 }),
      shop.createProduct(admin, { price: 0.1 }),
    ])
    const traceId = randomBytes(16).toString('hex')

    const { data, errors } = await customer.graphql(
      `mutation Buy($input: PlaceOrderInput!) { placeOrder(input: $input) {
         id number total status customer { name } items { name quantity price product { stock } } statusHistory { status } } }`,
      {
        input: {
          items: [
            { productId: comte.id, quantity: 3 },
            { productId: pain.id, quantity: 3 },
          ],
        },
      },
      { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` },
    )
    expect(errors).toBeUndefined()
    const order = data.placeOrder
    // 3 × 19.99 + 3 × 0.10: with binary fractions, 60.269999…
    expect(order).toMatchObject({ total: 60.27, status: 'RECUE', customer: { name: 'Camille Martin' } })
    expect(order.items).toMatchObject([
      { name: comte.name, quantity: 3, price: 19.99, product: { stock: 17 } },
      { name: pain.name, quantity: 3, price: 0.1, product: { stock: 17 } },
    ])

    const event = await eventually('the event of the order', () => events.find(({ subject }) => subject === order.id))
    expect(event).toMatchObject({ type: 'order.created', data: { sequence: 1, previousStatus: null } })
    expect(event.data.customer).toMatchObject({ id: customer.id, email: customer.email, locale: 'fr' })
    expect(event.traceparent).toContain(traceId)

    const [email] = await shop.waitForOrderEmails(1, order.id)
    expect(email).toMatchObject({ to: [{ address: customer.email }] })
    expect(email!.subject).toContain(`#${order.number}`)
    expect(email!.html).toContain('60,27')
    expect(JSON.stringify(email!.headers)).toContain(traceId)
  })

  it('by REST creates the same order as by GraphQL', async () => {
    const customer = await shop.createCustomer()
    const { id } = await shop.createProduct(admin)
    const placed = await customer.rest('POST', '/orders', {
      items: [
        { productId: id, quantity: 1 },
        { productId: id, quantity: 1 },
      ],
    })
    expect(placed.status).toBe(201)
    expect(placed.body).toMatchObject({ userId: customer.id, total: 25.8, status: 'Reçue', items: [{ quantity: 2 }] })
    expect(placed.headers.get('location')).toBe(`/api/orders/${customer.id}/${placed.body.id}`)
    const read = await customer.rest('GET', `/orders/${customer.id}/${placed.body.id}`)
    expect(read.body).toEqual(placed.body)
    const { data } = await customer.graphql(
      'query Q($id: ID!) { order(id: $id) { id number total status createdAt } }',
      {
        id: placed.body.id,
      },
    )
    const { number, total, createdAt } = placed.body
    expect(data.order).toEqual({ id: placed.body.id, number, total, status: 'RECUE', createdAt })
  })

  it('with one idempotency key creates one order, however often it is repeated', async () => {
    const customer = await shop.createCustomer()
    const { id } = await shop.createProduct(admin)
    const input = { items: [{ productId: id, quantity: 2 }] }
    const key = { 'idempotency-key': randomUUID() }
    const answers = await Promise.all(Array.from({ length: 6 }, () => customer.rest('POST', '/orders', input, key)))
    for (const { status, body } of answers)
      expect(status === 201 || (status === 409 && body.code === 'IN_PROGRESS')).toBe(true)
    const again = await customer.rest('POST', '/orders', input, key)
    expect(again.headers.get('idempotent-replayed')).toBe('true')
    const { data } = await customer.graphql(
      'mutation B($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }',
      {
        input: { ...input, idempotencyKey: key['idempotency-key'] },
      },
    )
    expect(data.placeOrder.id).toBe(again.body.id)
    expect((await customer.rest('GET', `/orders/${customer.id}`)).body.totalCount).toBe(1)
    expect((await shop.anonymous.rest('GET', `/products/${id}`)).body.stock).toBe(18)
    const other = await customer.rest('POST', '/orders', { items: [{ productId: id, quantity: 3 }] }, key)
    expect(other.body).toMatchObject({ status: 422, code: 'IDEMPOTENCY_KEY_REUSED' })
  })

  it('never sells more than the stock', async () => {
    const { id } = await shop.createProduct(admin, { stock: 5 })
    const buyers = await Promise.all(Array.from({ length: 12 }, () => shop.createCustomer()))
    const answers = await Promise.all(
      buyers.map((buyer) => buyer.rest('POST', '/orders', { items: [{ productId: id, quantity: 1 }] })),
    )
    expect(answers.filter(({ status }) => status === 201)).toHaveLength(5)
    expect(answers.filter(({ body }) => body.code === 'INSUFFICIENT_STOCK')).toHaveLength(7)
    expect((await shop.anonymous.rest('GET', `/products/${id}`)).body.stock).toBe(0)
  })
})

describe('a placed order', () => {
  it.each([
    ['fr', ['reçue', 'confirmée', 'préparée', 'livrée']],
    ['en', ['received', 'confirmed', 'prepared', 'delivered']],
  ] as const)(
    'reaches Livrée through every status, with one e-mail each, in the language %s',
    async (locale, words) => {
      const buyer = await shop.createCustomer(locale)
      const { id: productId } = await shop.createProduct(admin)
      const { body: order } = await buyer.rest('POST', '/orders', { items: [{ productId, quantity: 1 }] })
      for (const status of ['Confirmée', 'Préparée', 'Livrée']) {
        const moved = await admin.rest('PUT', `/orders/${order.id}/status`, { status })
        expect(moved.body).toMatchObject({ status })
        const again = await admin.rest('PUT', `/orders/${order.id}/status`, { status: status.normalize('NFD') })
        expect(again.body).toEqual(moved.body)
      }
      const emails = await shop.waitForOrderEmails(4, order.id)
      // E-mails are delivered independently, so those sent at about the same time may arrive in any order.
      for (const word of words) expect(emails.filter(({ subject }) => subject.includes(word))).toHaveLength(1)
      // An e-mail is in the mailbox a moment before its notification is SENT.
      const data = await eventually('every notification is SENT', async () => {
        const query =
          'query Q($id: ID!) { order(id: $id) { statusHistory { status } notifications { subject status } } }'
        const { data } = await buyer.graphql(query, { id: order.id })
        return (
          data.order.notifications.every((notification: { status: string }) => notification.status === 'SENT') && data
        )
      })
      expect(data.order.statusHistory.map(({ status }: { status: string }) => status)).toEqual([
        'RECUE',
        'CONFIRMEE',
        'PREPAREE',
        'LIVREE',
      ])
      expect(data.order.notifications).toMatchObject(words.map((word) => ({ subject: expect.stringContaining(word) })))
    },
  )

  it('returns its stock once when its customer cancels it', async () => {
    const buyer = await shop.createCustomer()
    const { id: productId } = await shop.createProduct(admin, { stock: 10 })
    const { body: order } = await buyer.rest('POST', '/orders', { items: [{ productId, quantity: 4 }] })
    const mutation = 'mutation C($id: ID!) { cancelOrder(id: $id) { status } }'
    for (let i = 0; i < 2; i++)
      expect((await buyer.graphql(mutation, { id: order.id })).data.cancelOrder.status).toBe('ANNULEE')
    await eventually(
      'its stock is returned',
      async () => (await shop.anonymous.rest('GET', `/products/${productId}`)).body.stock === 10,
    )
    expect((await admin.rest('PUT', `/orders/${order.id}/status`, { status: 'Confirmée' })).body.code).toBe(
      'INVALID_TRANSITION',
    )
    const emails = await shop.waitForOrderEmails(2, order.id)
    expect(emails).toHaveLength(2)
    expect((await shop.anonymous.rest('GET', `/products/${productId}`)).body.stock).toBe(10)
  })

  it('keeps a product that is no longer sold', async () => {
    const buyer = await shop.createCustomer()
    const { id: productId, name } = await shop.createProduct(admin)
    const { body: order } = await buyer.rest('POST', '/orders', { items: [{ productId, quantity: 1 }] })
    expect((await admin.rest('DELETE', `/products/${productId}`)).status).toBe(204)
    expect((await shop.anonymous.rest('GET', `/products/${productId}`)).body.code).toBe('NOT_FOUND')
    const { data } = await buyer.graphql(
      'query Q($id: ID!) { order(id: $id) { items { product { name archived } } } }',
      { id: order.id },
    )
    expect(data.order.items).toEqual([{ product: { name, archived: true } }])
  })
})
