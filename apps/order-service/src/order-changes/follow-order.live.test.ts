import { authorizationHeader, createAdmin, createPrincipal, type TestPrincipal } from '@halles/test-fixtures/principals'
import { openEventStream, type EventStreamClient } from '@halles/test-fixtures/event-stream'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { startFakeProductService, type FakeProductService } from '../../test/fake-product-service.ts'
import { startOrderService, type OrderService } from '../../test/start-order-service.ts'

// Two instances of order-service on one database: what one of them changes, the other one tells.

let productService: FakeProductService
let instances: [OrderService, OrderService]
let urls: [string, string]
const admin = createAdmin()
const open: EventStreamClient[] = []

beforeAll(async () => {
  productService = await startFakeProductService()
  const servers = { mongodb: inject('mongodb'), kafka: inject('kafka'), product: productService.address }
  const database = uniqueDatabaseUrl(servers.mongodb, 'order')
  instances = [await startOrderService({ ...servers, database }), await startOrderService({ ...servers, database })]
  urls = [
    await instances[0].app.listen({ host: '127.0.0.1', port: 0 }),
    await instances[1].app.listen({ host: '127.0.0.1', port: 0 }),
  ]
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ close }) => close()))
})
afterAll(async () => {
  for (const instance of instances ?? []) {
    instance.app.server.closeAllConnections() // `fetch` may have opened one that it never used
    await instance.close()
  }
  productService?.stop()
})

type Order = { id: string; userId: string }

async function placeOrder(customer: TestPrincipal): Promise<Order> {
  const response = await instances[0].placeOrder(customer, [{ productId: productService.addProduct().id, quantity: 1 }])
  expect(response.statusCode).toBe(201)
  return response.json()
}

async function setStatus({ id }: Order, status: string, instance = instances[0]): Promise<void> {
  const { statusCode } = await instance.request(admin, 'PUT', `/orders/${id}/status`, { status })
  expect(statusCode).toBe(200)
}

type Options = { from?: 0 | 1; lastEventId?: string }

async function follow(principal: TestPrincipal, { id, userId }: Order, { from = 1, lastEventId }: Options = {}) {
  const stream = await openEventStream(`${urls[from]}/orders/${userId}/${id}/events`, {
    headers: { ...(await authorizationHeader(principal)), ...(lastEventId && { 'last-event-id': lastEventId }) },
  })
  open.push(stream)
  return stream
}

const subscription = 'subscription ($id: ID!) { orderChanged(id: $id) { id status statusHistory { status } } }'

async function subscribe(principal: TestPrincipal | undefined, id: string, { from = 1, lastEventId }: Options = {}) {
  const stream = await openEventStream(`${urls[from]}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(principal && (await authorizationHeader(principal))),
      ...(lastEventId && { 'last-event-id': lastEventId }),
    },
    body: JSON.stringify({ query: subscription, variables: { id } }),
  })
  open.push(stream)
  return stream
}

/** The events of a stream: id and status, or its name. */
const told = ({ events }: EventStreamClient): string[] =>
  events.map(({ id, event, data }) => (event === 'status' ? `${id} ${JSON.parse(data).status}` : event!))

const waitFor = (stream: EventStreamClient, expected: string[]): Promise<unknown> =>
  eventually(`the stream tells ${expected.join(', ')}`, () => told(stream).length >= expected.length).then(() =>
    expect(told(stream)).toEqual(expected),
  )

describe('GET /orders/:userId/:id/events', () => {
  it('tells the present state, then each change that another instance makes, and ends after the last status', async () => {
    const customer = createPrincipal()
    const order = await placeOrder(customer)
    const stream = await follow(customer, order)
    expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
    expect(stream.headers.get('cache-control')).toBe('no-cache, no-transform')
    expect(stream.headers.get('x-accel-buffering')).toBe('no')
    await waitFor(stream, ['1 Reçue'])
    for (const status of ['Confirmée', 'Préparée', 'Livrée']) await setStatus(order, status)
    await stream.ended
    expect(told(stream)).toEqual(['1 Reçue', '2 Confirmée', '3 Préparée', '4 Livrée', 'complete'])
    const { body } = await instances[1].request(customer, 'GET', `/orders/${order.userId}/${order.id}`)
    expect(stream.events.at(-2)!.data).toBe(body)
  })

  it('tells a client that resumes what it has missed, with the order as it was, and nothing twice', async () => {
    const customer = createPrincipal()
    const order = await placeOrder(customer)
    await setStatus(order, 'Confirmée')
    await setStatus(order, 'Préparée')
    const resumed = await follow(customer, order, { lastEventId: '1' })
    await waitFor(resumed, ['2 Confirmée', '3 Préparée'])
    expect(JSON.parse(resumed.events[0]!.data).statusHistory).toHaveLength(2)
    const upToDate = await follow(customer, order, { lastEventId: '3' })
    await setStatus(order, 'Livrée')
    await waitFor(resumed, ['2 Confirmée', '3 Préparée', '4 Livrée', 'complete'])
    await waitFor(upToDate, ['4 Livrée', 'complete'])
  })

  it('answers 204 to a client that knows the last status, so that an EventSource stops', async () => {
    const customer = createPrincipal()
    const order = await placeOrder(customer)
    await setStatus(order, 'Annulée')
    expect((await follow(customer, order, { lastEventId: '2' })).status).toBe(204)
    const stream = await follow(customer, order)
    await stream.ended
    expect(told(stream)).toEqual(['2 Annulée', 'complete'])
  })

  it('is for the customer and for admins, and NOT_FOUND for anyone else', async () => {
    const customer = createPrincipal()
    const order = await placeOrder(customer)
    await waitFor(await follow(admin, order), ['1 Reçue'])
    const refused = await follow(createPrincipal(), order)
    expect([refused.status, JSON.parse(refused.text).code]).toEqual([404, 'NOT_FOUND'])
    const anonymous = await openEventStream(`${urls[0]}/orders/${order.userId}/${order.id}/events`)
    expect([anonymous.status, JSON.parse(anonymous.text).code]).toEqual([401, 'UNAUTHENTICATED'])
  })

  it('ends with a problem when the access token expires', async () => {
    const customer = createPrincipal()
    const { id, userId } = await placeOrder(customer)
    const headers = await authorizationHeader(customer, { expiresAt: Date.now() + 3000 })
    const stream = await openEventStream(`${urls[0]}/orders/${userId}/${id}/events`, { headers })
    await stream.ended
    expect(told(stream)).toEqual(['1 Reçue', 'problem', 'complete'])
    expect(JSON.parse(stream.events[1]!.data)).toMatchObject({ code: 'UNAUTHENTICATED', status: 401 })
  })
})

describe('subscription orderChanged', () => {
  it('tells each change with its number as id, and completes after the last status', async () => {
    const customer = createPrincipal()
    const order = await placeOrder(customer)
    const stream = await subscribe(customer, order.id)
    await eventually('the present state is told', () => stream.events.length === 1)
    await setStatus(order, 'Confirmée')
    await setStatus(order, 'Annulée')
    await stream.ended
    expect(stream.events.map(({ id, event }) => [id, event])).toEqual([
      ['1', 'next'],
      ['2', 'next'],
      ['3', 'next'],
      [undefined, 'complete'],
    ])
    expect(stream.events.slice(0, 3).map(({ data }) => JSON.parse(data).data.orderChanged)).toEqual(
      ['RECUE', 'CONFIRMEE', 'ANNULEE'].map((status, n) => ({
        id: order.id,
        status,
        statusHistory: ['RECUE', 'CONFIRMEE', 'ANNULEE'].slice(0, n + 1).map((one) => ({ status: one })),
      })),
    )
  })

  it('resumes after Last-Event-ID', async () => {
    const customer = createPrincipal()
    const order = await placeOrder(customer)
    await setStatus(order, 'Annulée')
    const stream = await subscribe(customer, order.id, { lastEventId: '1' })
    await stream.ended
    expect(stream.events.map(({ id, event }) => [id, event])).toEqual([
      ['2', 'next'],
      [undefined, 'complete'],
    ])
  })

  it.each([
    ['another customer', createPrincipal(), 'NOT_FOUND'],
    ['an anonymous client', undefined, 'UNAUTHENTICATED'],
  ])('tells %s the error, and completes', async (_who, principal, code) => {
    const order = await placeOrder(createPrincipal())
    const stream = await subscribe(principal, order.id)
    await stream.ended
    expect(stream.events.map(({ event }) => event)).toEqual(['next', 'complete'])
    const { data, errors } = JSON.parse(stream.events[0]!.data)
    expect([data ?? null, errors[0].extensions.code]).toEqual([null, code])
  })
})

it('100 streams of both instances each tell every change once while orders are changed at the same time', async () => {
  const customers = Array.from({ length: 25 }, () => createPrincipal())
  const orders = await Promise.all(customers.map(placeOrder))
  const streams = orders.flatMap((order, n) =>
    ([0, 1, 0, 1] as const).map((from) => follow(customers[n]!, order, { from })),
  )
  const changes = Promise.all(
    orders.map(async (order, n) => {
      for (const status of ['Confirmée', 'Préparée', 'Livrée']) await setStatus(order, status, instances[n % 2])
    }),
  )
  const opened = await Promise.all(streams)
  await changes
  await Promise.all(opened.map(({ ended }) => ended))
  const all = ['1 Reçue', '2 Confirmée', '3 Préparée', '4 Livrée', 'complete']
  for (const stream of opened) {
    const list = told(stream)
    // A stream that was opened late begins with the state of then.
    expect(list).toEqual(all.slice(all.length - list.length))
    expect(list.length).toBeGreaterThan(1)
  }
})

it('order-service keeps one change stream an instance, and none while nobody follows an order', async () => {
  const changeStreams = async (): Promise<number> => {
    const admins = instances[0].stored.db.client.db('admin')
    const { databaseName } = instances[0].stored.db
    const operations = await admins
      .aggregate([{ $currentOp: { idleCursors: true } }, { $match: { ns: `${databaseName}.orders` } }])
      .toArray()
    return operations.filter((operation) => JSON.stringify(operation).includes('$changeStream')).length
  }
  const customer = createPrincipal()
  const orders = await Promise.all([placeOrder(customer), placeOrder(customer)])
  const streams = await Promise.all(orders.map((order) => follow(customer, order)))
  for (const stream of streams) await waitFor(stream, ['1 Reçue'])
  expect(await changeStreams()).toBe(1)
  await Promise.all(streams.map(({ close }) => close()))
  await eventually('the change stream is closed', async () => (await changeStreams()) === 0)
})
