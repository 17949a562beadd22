import { statuses } from '@halles/contracts/order-events'
import { newId } from '@halles/service/ids'
import { kafkaAt, type Publisher } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import { startServers } from '@halles/servers'
import { someAdmin, someone } from '@halles/testkit/people'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { listenTo } from '../test/listener.ts'
import { startOrderService } from '../test/running.ts'
import { startShelf } from '../test/shelf.ts'
import { openStores, type Stores } from '../test/stores.ts'
import { orderOf, type Order } from './order.ts'
import { SWEEP_AFTER } from './orders.ts'
import { outboxOf, type OutboxHelpers } from './outbox.ts'

const log = logger('test', 'silent')
const kafka = kafkaAt(inject('kafka'), 'order-service-test', log)
let stores: Stores
let listener: Awaited<ReturnType<typeof listenTo>>
beforeAll(async () => {
  stores = await openStores(inject('mongodb'))
  listener = await listenTo(inject('kafka'))
})
afterAll(async () => {
  stores.clock.ahead = 0
  await Promise.all([stores.close(), listener.close()])
})

/** A relay as an instance of its own has it. */
function relay(more: Partial<OutboxHelpers> = {}) {
  const publisher = kafka.publisher()
  const outbox = outboxOf({ ...stores, publisher, log, onTold: () => {}, pause: 50, ...more })
  onTestFinished(() => outbox.stop())
  return outbox
}

/** An order that is stored and confirmed, and has told nothing yet. */
async function untoldOrder(): Promise<Order> {
  const { id, name, email, locale } = someone()
  const items = [{ productId: newId(), name: 'Comté', quantity: 1, price: 10 }]
  const order = orderOf({
    _id: newId(),
    number: await stores.takeNumber(),
    customer: { id, name, email, locale },
    items,
    at: stores.now(),
  })
  await stores.intents.add(order, undefined)
  await stores.intents.confirm(order._id)
  return order
}

/** Moves an order on to its next status, telling no one. */
async function moveOn(order: Order): Promise<Order> {
  return (await stores.orders.move(order, statuses[order.seq]!, { at: stores.now() }))!
}

const allTold = (ids: string[]) =>
  eventually(
    'all is told',
    async () => (await stores.collection.countDocuments({ _id: { $in: ids }, unsent: { $exists: true } })) === 0,
  )

describe('what was never told', () => {
  it('by a process that died is told by a sweep, and an intent never is', async () => {
    const order = await moveOn(await untoldOrder())
    const intent = orderOf({ ...(await untoldOrder()), _id: newId(), at: stores.now() })
    await stores.intents.add(intent, undefined)
    stores.clock.ahead = SWEEP_AFTER + 1000
    onTestFinished(() => void (stores.clock.ahead = 0))
    relay().tell(intent._id)
    await allTold([order._id])
    await eventually('two events', () => listener.sequences(order._id).length === 2)
    expect(listener.sequences(order._id)).toEqual([1, 2])
    expect(await stores.collection.findOne({ _id: order._id })).not.toHaveProperty('sweepAt')
    expect(await stores.collection.findOne({ _id: intent._id })).toHaveProperty('unsent')
    expect(listener.about(intent._id)).toEqual([])
  })

  it('is taken by one sweep at a time', async () => {
    const ids = await Promise.all(Array.from({ length: 30 }, async () => (await untoldOrder())._id))
    stores.clock.ahead = SWEEP_AFTER + 1000
    onTestFinished(() => void (stores.clock.ahead = 0))
    const taken = await Promise.all(Array.from({ length: 4 }, () => stores.debts.takeUntold(1000)))
    const mine = taken.flat().filter(({ _id }) => ids.includes(_id))
    expect(mine).toHaveLength(30)
    expect(new Set(mine.map(({ _id }) => _id)).size).toBe(30)
  })
})

describe('an order’s events', () => {
  it('come in order and without a gap from two relays at once, while the order moves on', async () => {
    const relays = [relay(), relay()]
    const orders = await Promise.all(
      Array.from({ length: 30 }, async () => {
        let order = await untoldOrder()
        for (const each of relays) each.tell(order._id)
        for (let i = 0; i < 3; i++) {
          order = await moveOn(order)
          // Each instance hears of some of it; both may tell the same.
          for (const each of relays) if (Math.random() < 0.7) each.tell(order._id)
        }
        for (const each of relays) each.tell(order._id)
        return order._id
      }),
    )
    await allTold(orders)
    for (const id of orders) {
      await eventually('four events', () => listener.sequences(id).length === 4)
      expect(listener.sequences(id)).toEqual([1, 2, 3, 4])
    }
  })

  it('come in order from a relay that wakes late', async () => {
    const asleep = Promise.withResolvers<void>()
    const awake = Promise.withResolvers<void>()
    const late = kafka.publisher()
    const sleepy: Publisher = {
      ...late,
      send: async (topic, messages) => {
        asleep.resolve()
        await awake.promise
        return late.send(topic, messages)
      },
    }
    let woke = 0
    const { debts } = stores
    const told: typeof debts.told = async (orders) => {
      await debts.told(orders)
      woke++
    }
    let order = await untoldOrder()
    relay({ publisher: sleepy, debts: { ...debts, told, takeUntold: async () => [] } }).tell(order._id)
    await asleep.promise // it has read the first event, and sleeps

    const other = relay({ debts: { ...debts, takeUntold: async () => [] } }) // nor does a sweep of its own tell more
    for (let i = 0; i < 2; i++) {
      order = await moveOn(order)
      other.tell(order._id)
    }
    await allTold([order._id])
    order = await moveOn(order) // not told to anyone: the late one must not clear it
    awake.resolve()
    await eventually('the late one is done', () => woke > 0)
    expect((await stores.collection.findOne({ _id: order._id }))?.unsent?.map(({ seq }) => seq)).toEqual([4])
    other.tell(order._id)
    await eventually('four events', () => listener.sequences(order._id).length === 4)
    expect(listener.sequences(order._id)).toEqual([1, 2, 3, 4])
    expect(listener.about(order._id).length).toBeGreaterThan(4) // told twice, as may be
  })
})

it('orders are taken while Kafka is away, and told in order when it is back', { timeout: 240_000 }, async () => {
  const own = await startServers({ need: ['kafka'], ways: ['container', 'process'] })
  const shelf = await startShelf()
  const shop = await startOrderService({ mongodb: inject('mongodb'), kafka: own.kafka!, product: shelf.address })
  const heard = await listenTo(own.kafka!)
  onTestFinished(async () => {
    await Promise.all([shop.close(), heard.close()])
    shelf.stop()
    await own.stop()
  })
  const product = shelf.put({ stock: 1000 })
  const admin = someAdmin()
  const place = async (): Promise<string> => {
    const answer = await shop.order(someone(), [{ productId: product.id, quantity: 1 }])
    expect(answer.statusCode).toBe(201)
    return answer.json().id
  }
  const confirm = (id: string) => shop.request(admin, 'PUT', `/orders/${id}/status`, { status: 'Confirmée' })

  const before = await place()
  await eventually('the first is told', () => heard.sequences(before).length === 1)
  await own.kill('kafka', 'SIGKILL')
  const during = await Promise.all(Array.from({ length: 20 }, place))
  for (const id of [before, ...during]) expect((await confirm(id)).statusCode).toBe(200)
  await eventually('it misses Kafka alone', async () => {
    const { kafka: missed, ...others } = (await shop.app.inject('/readyz')).json().needs
    expect(missed).toBe('missing')
    return Object.values(others).every((need) => need === 'ok')
  })
  const metrics = (await shop.app.inject('/metrics')).body
  expect(Number(/order_events_unsent\{[^}]*\} (\d+)/.exec(metrics)?.[1])).toBeGreaterThanOrEqual(41)
  await own.restart('kafka')

  for (const id of [before, ...during]) {
    await eventually('both events', () => heard.sequences(id).length === 2)
    expect(heard.sequences(id)).toEqual([1, 2])
  }
  await eventually(
    'nothing is left to tell',
    async () => (await shop.stored.countDocuments({ sweepAt: { $exists: true } })) === 0,
  )
})
