import { setTimeout as pause } from 'node:timers/promises'
import { startShop, type ProcessName, type Shop as Started } from '@halles/dev-shop'
import { openEventStream, type EventStreamClient } from '@halles/test-fixtures/event-stream'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createShopClient, type ApiClient, type ShopClient } from './shop-client.ts'

// Customers follow orders while processes are killed and restarted, in a shop of its own with two gateways behind HAProxy and two
// order-services.

const FOLLOWERS = 8
const statuses = ['Confirmée', 'Préparée', 'Livrée']

let started: Started
let shop: ShopClient
let admin: ApiClient
let productId: string
const open: EventStreamClient[] = []
beforeAll(async () => {
  started = await startShop({ instances: { gateway: 2, order: 2 } })
  const { running } = started
  shop = createShopClient({ gateway: running.gateway, mailbox: running.mailbox, admin: running.accounts.admin })
  admin = await shop.signInAdmin()
  productId = (await shop.createProduct(admin, { stock: 1000 })).id
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(({ close }) => close()))
})
afterAll(() => started?.stop())

type Order = { id: string; userId: string; customer: ApiClient }

async function placeOrder(): Promise<Order> {
  const customer = await shop.createCustomer()
  const { status, body } = await customer.rest('POST', '/orders', { items: [{ productId, quantity: 1 }] })
  expect(status).toBe(201)
  return { id: body.id, userId: customer.id, customer }
}

/** Changes the status of an order as an admin, however often that has to be repeated while processes are down. */
const setStatus = async ({ id }: Order, status: string): Promise<unknown> =>
  eventually(`order ${id} is ${status}`, async () => {
    const response = await admin.rest('PUT', `/orders/${id}/status`, { status }).catch(() => undefined)
    return response?.status === 200
  })

const subscription = `subscription ($id: ID!) { orderChanged(id: $id) {
  status customer { email } items { product { name } } notifications { subject }
} }`

const subscribe = async ({ id }: Order, { authorization }: ApiClient, lastEventId?: string) => {
  const stream = await openEventStream(`${started.running.gateway}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization,
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    },
    body: JSON.stringify({ query: subscription, variables: { id } }),
  })
  open.push(stream)
  return stream
}

const followByRest = async ({ id, userId }: Order, { authorization }: ApiClient, lastEventId?: string) => {
  const stream = await openEventStream(`${started.running.gateway}/api/orders/${userId}/${id}/events`, {
    headers: { authorization, ...(lastEventId !== undefined && { 'last-event-id': lastEventId }) },
  })
  open.push(stream)
  return stream
}

/**
 * Follows an order as a client that connects again, with the id of its last event, until the stream is complete.
 *
 * @returns the ids of all events, in their order, and how often it connected
 */
function follow(order: Order, connect: typeof subscribe | typeof followByRest) {
  const ids: string[] = []
  let connections = 0
  const run = async (): Promise<void> => {
    for (let isComplete = false; !isComplete;) {
      const stream = await connect(order, order.customer, ids.at(-1)).catch(() => undefined)
      connections++
      const seen = { count: 0 }
      const take = (): void => {
        for (const { id } of stream?.events.slice(seen.count) ?? []) if (id !== undefined) ids.push(id)
        seen.count = stream?.events.length ?? 0
      }
      while (stream && !stream.hasEnded() && stream.status === 200) {
        take()
        await pause(20)
      }
      take()
      isComplete = stream?.events.at(-1)?.event === 'complete' || stream?.status === 204
      if (!isComplete) await pause(100)
    }
  }
  return { ids, connections: () => connections, ended: run() }
}

/** Changes orders of followers while `fault` happens, and returns what each follower was told, each different list once. */
async function followThrough(fault: () => Promise<unknown>): Promise<{ told: string[]; connections: number }> {
  const orders = await Promise.all(Array.from({ length: FOLLOWERS }, placeOrder))
  const followers = orders.map((order, n) => follow(order, n % 2 === 0 ? subscribe : followByRest))
  await eventually('all present states are told', () => followers.every(({ ids }) => ids.length === 1))
  const isChanging = Promise.all(
    orders.map(async (order, n) => {
      for (const status of statuses) {
        await pause(((n + 1) * 1500) / FOLLOWERS) // so that changes happen before, during and after the fault
        await setStatus(order, status)
      }
    }),
  )
  await pause(500)
  await fault()
  await isChanging
  await Promise.all(followers.map(({ ended }) => ended))
  const told = [...new Set(followers.map(({ ids }) => ids.join(' ')))]
  return { told, connections: followers.reduce((sum, { connections }) => sum + connections(), 0) }
}

const killAndRestart = async (name: ProcessName): Promise<void> => {
  await started.processes[name]!.kill('SIGKILL')
  await started.processes[name]!.restart()
}

describe('a customer who follows an order', () => {
  it('is told every change within 2 s, with fields of all services', async () => {
    const order = await placeOrder()
    const stream = await subscribe(order, order.customer)
    await eventually('the present state is told', () => stream.events.length === 1)
    const [first] = stream.events
    expect(JSON.parse(first!.data).data.orderChanged).toMatchObject({
      status: 'RECUE',
      customer: { email: order.customer.email },
      items: [{ product: { name: expect.stringContaining('Comté') } }],
      notifications: expect.any(Array),
    })
    for (const [n, status] of statuses.entries()) {
      await setStatus(order, status)
      const changedAt = performance.now()
      await eventually(`${status} is told`, () => stream.events.length >= n + 2)
      expect(performance.now() - changedAt).toBeLessThan(2000)
    }
    await stream.ended
    expect(stream.events.map(({ id, event }) => id ?? event)).toEqual(['1', '2', '3', '4', 'complete'])
  })

  it('is told every change once, unnoticed, while order-services are killed', async () => {
    const result = await followThrough(async () => {
      await killAndRestart('order')
      await killAndRestart('order-2')
    })
    expect(result).toEqual({ told: ['1 2 3 4'], connections: FOLLOWERS })
  })

  it('is told every change once by connecting again while gateways are killed', async () => {
    const { told, connections } = await followThrough(async () => {
      await killAndRestart('gateway')
      await killAndRestart('gateway-2')
    })
    expect(told).toEqual(['1 2 3 4'])
    expect(connections).toBeGreaterThan(FOLLOWERS)
  })

  it('is told every change once while a gateway and an order-service are restarted, each of which stops within 10 s', async () => {
    const { told } = await followThrough(async () => {
      for (const name of ['gateway', 'order'] as const) {
        const process = started.processes[name]!
        const stoppedAt = performance.now()
        await process.kill('SIGTERM')
        await eventually(`${name} has stopped`, () => process.pid() === undefined)
        expect(performance.now() - stoppedAt).toBeLessThan(10_000)
        await process.restart()
      }
    })
    expect(told).toEqual(['1 2 3 4'])
  })

  it('is no longer told anything when the session has ended, within 5 s', async () => {
    const order = await placeOrder()
    const streams = [await subscribe(order, order.customer), await followByRest(order, order.customer)]
    await eventually('the present state is told', () => streams.every(({ events }) => events.length === 1))
    expect((await order.customer.rest('DELETE', '/sessions')).status).toBe(204)
    const endedAt = performance.now()
    await Promise.all(streams.map(({ ended }) => ended))
    expect(performance.now() - endedAt).toBeLessThan(10_000) // 5 s, and what a busy machine adds
    expect(streams.map(({ events }) => events.map(({ event }) => event))).toEqual([
      ['next', 'next', 'complete'],
      ['status', 'problem', 'complete'],
    ])
    expect(JSON.parse(streams[0]!.events[1]!.data).errors[0].extensions.code).toBe('UNAUTHENTICATED')
    expect((await followByRest(order, order.customer, '1')).status).toBe(401)
  })

  it('is the customer or an admin: anyone else is answered NOT_FOUND', async () => {
    const order = await placeOrder()
    const stranger = await shop.createCustomer()
    const byGraphql = await subscribe(order, stranger)
    await byGraphql.ended
    expect(byGraphql.events.map(({ event }) => event)).toEqual(['next', 'complete'])
    expect(JSON.parse(byGraphql.events[0]!.data).errors[0].extensions.code).toBe('NOT_FOUND')
    const byRest = await followByRest(order, stranger)
    expect([byRest.status, JSON.parse(byRest.text).code]).toEqual([404, 'NOT_FOUND'])
    const byAdmin = await followByRest(order, admin)
    await eventually('the admin is told', () => byAdmin.events.length === 1)
  })
})
