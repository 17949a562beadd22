import { readdirSync, readFileSync } from 'node:fs'
import { parseOrderEvent, type OrderEvent } from '@halles/contracts/order-events'
import type { Outgoing } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import { eventually } from '@halles/testkit/wait'
import { describe, expect, it, onTestFinished } from 'vitest'
import { orderOf, type Order } from './order.ts'
import { orderEvent, outboxOf } from './outbox.ts'

const folder = new URL('../../../packages/contracts/examples/order-events/', import.meta.url)
const examples = readdirSync(folder)
  .filter((name) => name.endsWith('.json') && !name.startsWith('with-fields'))
  .map((name) => [name, readFileSync(new URL(name, folder), 'utf8')] as const)

/** The order that an example event is about, as it is stored. */
const storedOf = ({ data: { order, customer, sequence } }: OrderEvent): Order => ({
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

describe('an event', () => {
  it.each(examples)('is exactly the example %s', (_name, text) => {
    const example = parseOrderEvent(text)
    const { type, time, traceparent, data } = example
    const { previousStatus, sequence: seq } = data
    const event = { seq, type, at: new Date(time), previousStatus, ...(traceparent && { traceparent }) }
    expect(orderEvent(storedOf(example), event)).toEqual(example)
  })

  it('tells the order as it was then, however late it is told', () => {
    const [created, confirmed] = ['created-fr', 'confirmed-fr'].map((name) =>
      parseOrderEvent(readFileSync(new URL(`${name}.json`, folder), 'utf8')),
    )
    const { type, time, traceparent } = created!
    const event = { seq: 1, type, at: new Date(time), previousStatus: null, ...(traceparent && { traceparent }) }
    expect(orderEvent(storedOf(confirmed!), event)).toEqual(created)
  })
})

const customer = { id: 'u', name: 'Camille Martin', email: 'c@example.test', locale: 'fr' as const }
const someOrder = (_id: string, lines = 1): Order =>
  orderOf({
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

/** An outbox over a map of orders and a Kafka of our own type; `send` may be told to fail. */
function smallOutbox(orders: Map<string, Order>) {
  const sends: Outgoing[][] = []
  const state = { away: false, gate: Promise.resolve(), reads: [] as string[][], begun: 0 }
  const outbox = outboxOf({
    debts: {
      untold: async (ids) => {
        state.reads.push(ids)
        return ids.flatMap((id) => orders.get(id) ?? [])
      },
      takeUntold: async () => [],
      told: async (told) => {
        for (const { _id } of told) orders.delete(_id)
      },
    },
    publisher: {
      send: async (_topic, messages) => {
        state.begun++
        await state.gate
        if (state.away) throw new Error('away')
        sends.push(messages)
      },
      close: async () => {},
    },
    log: logger('test', 'silent'),
    onTold: () => {},
    now: () => new Date(),
    pause: 30,
  })
  onTestFinished(() => outbox.stop())
  const add = (order: Order) => {
    orders.set(order._id, order)
    outbox.tell(order._id)
  }
  const addNew = (order: Order) => {
    orders.set(order._id, order)
    outbox.tellNew(order)
  }
  return { add, addNew, outbox, sends, state }
}

describe('the outbox', () => {
  it('sends what comes during one send as the next one', async () => {
    const orders = new Map<string, Order>()
    const { add, sends, state } = smallOutbox(orders)
    const { promise, resolve } = Promise.withResolvers<void>()
    state.gate = promise
    add(someOrder('a'))
    await eventually('a is under way', () => state.reads.length === 1)
    for (const id of ['b', 'c', 'd']) add(someOrder(id))
    resolve()
    await eventually('all told', () => orders.size === 0)
    expect(sends.map((messages) => messages.map(({ key }) => key))).toEqual([['a'], ['b', 'c', 'd']])
  })

  it('never sends more at a time than a broker takes', async () => {
    const orders = new Map(Array.from({ length: 40 }, (_, i) => [`o${i}`, someOrder(`o${i}`, 100)]))
    const { outbox, sends } = smallOutbox(orders)
    for (const id of orders.keys()) outbox.tell(id)
    await eventually('all told', () => orders.size === 0)
    const sizes = sends.map((messages) => messages.reduce((sum, { value }) => sum + Buffer.byteLength(value!), 0))
    expect(Math.max(...sizes)).toBeLessThan(600_000)
    expect(sends.flat()).toHaveLength(40)
  })

  it('tells before it stops what it was told of', async () => {
    const orders = new Map<string, Order>()
    const { add, outbox, sends } = smallOutbox(orders)
    await new Promise(setImmediate) // its first round is over, and it naps
    add(someOrder('a'))
    await outbox.stop()
    expect(sends.flat().map(({ key }) => key)).toEqual(['a'])
  })

  it('sends again what Kafka did not take', async () => {
    const orders = new Map<string, Order>()
    const { add, sends, state } = smallOutbox(orders)
    state.away = true
    add(someOrder('a'))
    await eventually('two tries', () => state.reads.length >= 2)
    expect(sends).toEqual([])
    state.away = false
    await eventually('told', () => orders.size === 0)
    expect(sends).toHaveLength(1)
  })

  it('tells a new order without reading it', async () => {
    const orders = new Map<string, Order>()
    const { addNew, sends, state } = smallOutbox(orders)
    const order = someOrder('a')
    addNew(order)
    await eventually('told', () => orders.size === 0)
    expect(sends.flat().map(({ value }) => JSON.parse(String(value)) as unknown)).toEqual([
      JSON.parse(JSON.stringify(orderEvent(order, order.unsent![0]!))),
    ])
    expect(state.reads).toEqual([])
  })

  it('reads a new order that Kafka did not take at once', async () => {
    const orders = new Map<string, Order>()
    const { addNew, sends, state } = smallOutbox(orders)
    state.away = true
    addNew(someOrder('a'))
    await eventually('a second try', () => state.reads.length > 0)
    state.away = false
    await eventually('told', () => orders.size === 0)
    expect(sends).toHaveLength(1)
  })

  it('reads a new order that has moved on meanwhile', async () => {
    const orders = new Map<string, Order>()
    const { addNew, outbox, sends, state } = smallOutbox(orders)
    const { promise, resolve } = Promise.withResolvers<void>()
    state.gate = promise
    addNew(someOrder('first'))
    await eventually('the first is under way', () => state.begun === 1)
    const order = someOrder('a')
    addNew(order)
    const moved = {
      ...order.unsent![0]!,
      seq: 2,
      type: 'order.status-changed' as const,
      previousStatus: 'Reçue' as const,
    }
    orders.set('a', { ...order, seq: 2, unsent: [...order.unsent!, moved] })
    outbox.tell('a')
    resolve()
    await eventually('told', () => orders.size === 0)
    expect(
      sends.flat().map(({ key, value }) => [key, (JSON.parse(String(value)) as OrderEvent).data.sequence]),
    ).toEqual([
      ['first', 1],
      ['a', 1],
      ['a', 2],
    ])
  })

  it('remembers ids alone while Kafka is away, and not without end', async () => {
    const { outbox, state } = smallOutbox(new Map())
    state.gate = new Promise(() => {})
    for (let i = 0; i < 30_000; i++) outbox.tell(`o${i}`)
    state.gate = Promise.resolve()
    await eventually('the queue is empty', () => state.reads.flat().length >= 10_000)
    await new Promise((resolve) => setImmediate(resolve))
    expect(state.reads.flat()).toHaveLength(10_000)
    expect(Math.max(...state.reads.map((ids) => ids.length))).toBe(512)
  })
})
