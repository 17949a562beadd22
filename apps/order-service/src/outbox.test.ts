import { readdirSync, readFileSync } from 'node:fs'
import { parseOrderEvent, type OrderEvent } from '@halles/contracts/order-events'
import type { OutgoingMessage } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { eventually } from '@halles/test-fixtures/wait'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createOrder, type Order } from './order.ts'
import { toOrderEvent, createOutbox } from './outbox.ts'

const folder = new URL('../../../packages/contracts/examples/order-events/', import.meta.url)
const examples = readdirSync(folder)
  .filter((name) => name.endsWith('.json') && !name.startsWith('with-fields'))
  .map((name) => [name, readFileSync(new URL(name, folder), 'utf8')] as const)

/** The stored order of an example event. */
const toStoredOrder = ({ data: { order, customer, sequence } }: OrderEvent): Order => ({
  _id: order.id,
  number: order.number,
  userId: order.userId,
  customer,
  items: order.items,
  total: order.total,
  status: order.status,
  statusHistory: order.statusHistory.map(({ status, timestamp }) => ({ status, timestamp: new Date(timestamp) })),
  createdAt: new Date(order.createdAt),
  seq: sequence,
})

describe('toOrderEvent', () => {
  it.each(examples)('gives exactly the contract example %s', (_name, text) => {
    const example = parseOrderEvent(text)
    const { type, time, traceparent, data } = example
    const { previousStatus, sequence: seq } = data
    const event = { seq, type, at: new Date(time), previousStatus, ...(traceparent && { traceparent }) }
    expect(toOrderEvent(toStoredOrder(example), event)).toEqual(example)
  })

  it('gives the order as it was at the event, however late it is published', () => {
    const [created, confirmed] = ['created-fr', 'confirmed-fr'].map((name) =>
      parseOrderEvent(readFileSync(new URL(`${name}.json`, folder), 'utf8')),
    )
    const { type, time, traceparent } = created!
    const event = { seq: 1, type, at: new Date(time), previousStatus: null, ...(traceparent && { traceparent }) }
    expect(toOrderEvent(toStoredOrder(confirmed!), event)).toEqual(created)
  })
})

const customer = { id: 'u', name: 'Camille Martin', email: 'c@example.test', locale: 'fr' as const }
const newOrder = (_id: string, lines = 1): Order =>
  createOrder({
    _id,
    number: '1',
    customer,
    at: new Date(),
    items: Array.from({ length: lines }, (_, i) => ({
      productId: `${i}`,
      name: 'é'.repeat(200),
      quantity: 1,
      price: 1,
    })),
  })

/** Creates an outbox over a map of orders and a fake publisher, which fails while `state.isKafkaDown`. */
function createTestOutbox(orders: Map<string, Order>) {
  const sends: OutgoingMessage[][] = []
  const state = { isKafkaDown: false, gate: Promise.resolve(), reads: [] as string[][], sendsStarted: 0 }
  const outbox = createOutbox({
    pendingPublications: {
      find: async (ids) => {
        state.reads.push(ids)
        return ids.flatMap((id) => orders.get(id) ?? [])
      },
      lease: async () => [],
      markPublished: async (published) => {
        for (const { _id } of published) orders.delete(_id)
      },
    },
    publisher: {
      send: async (_topic, messages) => {
        state.sendsStarted++
        await state.gate
        if (state.isKafkaDown) throw new Error('down')
        sends.push(messages)
      },
      close: async () => {},
    },
    log: createLogger('test', 'silent'),
    onPublished: () => {},
    now: () => new Date(),
    pollInterval: 30,
  })
  onTestFinished(() => outbox.stop())
  const add = (order: Order) => {
    orders.set(order._id, order)
    outbox.enqueue(order._id)
  }
  const addCreated = (order: Order) => {
    orders.set(order._id, order)
    outbox.enqueueCreated(order)
  }
  return { add, addCreated, outbox, sends, state }
}

describe('createOutbox', () => {
  it('publishes what is enqueued during a send as the next batch', async () => {
    const orders = new Map<string, Order>()
    const { add, sends, state } = createTestOutbox(orders)
    const { promise, resolve } = Promise.withResolvers<void>()
    state.gate = promise
    add(newOrder('a'))
    await eventually('a is being sent', () => state.reads.length === 1)
    for (const id of ['b', 'c', 'd']) add(newOrder(id))
    resolve()
    await eventually('all orders are published', () => orders.size === 0)
    expect(sends.map((messages) => messages.map(({ key }) => key))).toEqual([['a'], ['b', 'c', 'd']])
  })

  it('never sends a batch larger than a broker takes', async () => {
    const orders = new Map(Array.from({ length: 40 }, (_, i) => [`o${i}`, newOrder(`o${i}`, 100)]))
    const { outbox, sends } = createTestOutbox(orders)
    for (const id of orders.keys()) outbox.enqueue(id)
    await eventually('all orders are published', () => orders.size === 0)
    const sizes = sends.map((messages) => messages.reduce((sum, { value }) => sum + Buffer.byteLength(value!), 0))
    expect(Math.max(...sizes)).toBeLessThan(600_000)
    expect(sends.flat()).toHaveLength(40)
  })

  it('publishes what was enqueued before it stops', async () => {
    const orders = new Map<string, Order>()
    const { add, outbox, sends } = createTestOutbox(orders)
    await new Promise(setImmediate) // its first poll is over, and it sleeps
    add(newOrder('a'))
    await outbox.stop()
    expect(sends.flat().map(({ key }) => key)).toEqual(['a'])
  })

  it('sends again what Kafka did not acknowledge', async () => {
    const orders = new Map<string, Order>()
    const { add, sends, state } = createTestOutbox(orders)
    state.isKafkaDown = true
    add(newOrder('a'))
    await eventually('two attempts were made', () => state.reads.length >= 2)
    expect(sends).toEqual([])
    state.isKafkaDown = false
    await eventually('the order is published', () => orders.size === 0)
    expect(sends).toHaveLength(1)
  })

  it('publishes a created order without reading it', async () => {
    const orders = new Map<string, Order>()
    const { addCreated, sends, state } = createTestOutbox(orders)
    const order = newOrder('a')
    addCreated(order)
    await eventually('the order is published', () => orders.size === 0)
    expect(sends.flat().map(({ value }) => JSON.parse(String(value)) as unknown)).toEqual([
      JSON.parse(JSON.stringify(toOrderEvent(order, order.unpublished![0]!))),
    ])
    expect(state.reads).toEqual([])
  })

  it('reads a created order that Kafka did not acknowledge at first', async () => {
    const orders = new Map<string, Order>()
    const { addCreated, sends, state } = createTestOutbox(orders)
    state.isKafkaDown = true
    addCreated(newOrder('a'))
    await eventually('a second attempt was made', () => state.reads.length > 0)
    state.isKafkaDown = false
    await eventually('the order is published', () => orders.size === 0)
    expect(sends).toHaveLength(1)
  })

  it('reads a created order that has changed meanwhile', async () => {
    const orders = new Map<string, Order>()
    const { addCreated, outbox, sends, state } = createTestOutbox(orders)
    const { promise, resolve } = Promise.withResolvers<void>()
    state.gate = promise
    addCreated(newOrder('first'))
    await eventually('the first is being sent', () => state.sendsStarted === 1)
    const order = newOrder('a')
    addCreated(order)
    const changed = {
      ...order.unpublished![0]!,
      seq: 2,
      type: 'order.status-changed' as const,
      previousStatus: 'Reçue' as const,
    }
    orders.set('a', { ...order, seq: 2, unpublished: [...order.unpublished!, changed] })
    outbox.enqueue('a')
    resolve()
    await eventually('the order is published', () => orders.size === 0)
    expect(
      sends.flat().map(({ key, value }) => [key, (JSON.parse(String(value)) as OrderEvent).data.sequence]),
    ).toEqual([
      ['first', 1],
      ['a', 1],
      ['a', 2],
    ])
  })

  it('queues a limited number of ids while Kafka is down', async () => {
    const { outbox, state } = createTestOutbox(new Map())
    state.gate = new Promise(() => {})
    for (let i = 0; i < 30_000; i++) outbox.enqueue(`o${i}`)
    state.gate = Promise.resolve()
    await eventually('the queue is published', () => state.reads.flat().length >= 10_000)
    await new Promise((resolve) => setImmediate(resolve))
    expect(state.reads.flat()).toHaveLength(10_000)
    expect(Math.max(...state.reads.map((ids) => ids.length))).toBe(512)
  })
})
