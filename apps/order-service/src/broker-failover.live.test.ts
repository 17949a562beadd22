import { setTimeout as pause } from 'node:timers/promises'
import { ORDER_EVENTS, ORDER_EVENTS_PARTITIONS } from '@halles/contracts/order-events'
import { startServers, type KafkaBroker, type KafkaCluster, type Servers } from '@halles/test-servers'
import { createPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { startFakeProductService, type FakeProductService } from '../test/fake-product-service.ts'
import { consumeOrderEvents, type OrderEventsConsumer } from '../test/order-events.ts'
import { startOrderService, type OrderService } from '../test/start-order-service.ts'

// Order-service on three brokers, of which one or two are lost while buyers order.

const BUYERS = 8
/** How soon the events of all orders arrive after there is a new leader, in milliseconds: long, for a busy machine. */
const ARRIVAL_TIMEOUT = 60_000
/** The pause of a buyer between two orders, in milliseconds. */
const THINK_TIME = 100

let servers: Servers
let cluster: KafkaCluster
let service: OrderService
let productService: FakeProductService
let consumer: OrderEventsConsumer
const cleanups: (() => unknown)[] = []

beforeAll(async () => {
  servers = await startServers({ need: ['kafka'], kafkaBrokers: 3 })
  cleanups.push(servers.stop)
  cluster = servers.kafkaCluster!
  productService = await startFakeProductService()
  cleanups.push(productService.stop)
  service = await startOrderService({
    mongodb: inject('mongodb'),
    kafka: servers.kafka!,
    product: productService.address,
  })
  cleanups.push(() => service.close())
  consumer = await consumeOrderEvents(servers.kafka!)
  cleanups.push(consumer.close)
  await waitForReplicas()
})
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup()
})

/** Waits until every partition has three replicas in sync. */
const waitForReplicas = (): Promise<unknown> =>
  eventually('all replicas are in sync', async () => {
    const partitions = Array.from({ length: ORDER_EVENTS_PARTITIONS }, (_, i) =>
      cluster.inSyncReplicas(ORDER_EVENTS, i),
    )
    return (await Promise.all(partitions)).every(({ length }) => length === cluster.brokers.length)
  })

/** Lets buyers order until `stop` is called. Every answer but 201 is recorded. */
function startBuyers() {
  const product = productService.addProduct({ stock: 100_000 })
  const placed: string[] = []
  const refused: string[] = []
  let running = true
  const runs = Array.from({ length: BUYERS }, async () => {
    while (running) {
      const answer = await service.placeOrder(createPrincipal(), [{ productId: product.id, quantity: 1 }])
      if (answer.statusCode === 201) placed.push(answer.json().id)
      else refused.push(`${answer.statusCode} ${answer.body}`)
      await pause(THINK_TIME)
    }
  })
  return {
    placed,
    refused,
    makeProgress: (): Promise<unknown> => {
      const { length } = placed
      return eventually('orders are placed', () => placed.length > length + 3 * BUYERS)
    },
    stop: async (): Promise<void> => {
      running = false
      await Promise.all(runs)
    },
  }
}

/** Waits until the first event of every order has arrived; each has sequence 1, once for an idempotent consumer. */
async function expectEvents(placed: string[], within = ARRIVAL_TIMEOUT): Promise<void> {
  const missing = (): string[] => placed.filter((id) => consumer.distinct(id).length === 0)
  await eventually('the events of all orders have arrived', () => missing().length === 0, within)
  for (const id of placed) expect(consumer.sequences(id)).toEqual([1])
}

it.each<[string, (broker: KafkaBroker) => Promise<void>, (broker: KafkaBroker) => Promise<void>]>([
  ['is killed', (broker) => broker.kill('SIGKILL'), (broker) => broker.restart()],
  ['freezes', (broker) => broker.kill('SIGSTOP'), (broker) => broker.kill('SIGCONT')],
])(
  'every order is accepted, and its event arrives, while the leader of a partition %s',
  async (_how, fail, recover) => {
    const buyers = startBuyers()
    const leader = await cluster.leader(ORDER_EVENTS, 0)
    try {
      await buyers.makeProgress()
      await fail(leader)
      await buyers.makeProgress()
      await cluster.leader(ORDER_EVENTS, 0, leader)
      const ledAt = performance.now()
      await buyers.makeProgress()
      await expectEvents([...buyers.placed]) // while the broker is away
      console.log(`events of all orders ${Math.round(performance.now() - ledAt)} ms after the new leader`)
    } finally {
      await recover(leader)
      await buyers.stop()
    }
    expect(buyers.refused).toEqual([])
    await expectEvents(buyers.placed)
    await waitForReplicas()
  },
  300_000,
)

it('every order is accepted while two of three brokers are down, and its event arrives when they are back', async () => {
  const buyers = startBuyers()
  const down = cluster.brokers.slice(0, 2)
  try {
    await buyers.makeProgress()
    await Promise.all(down.map((broker) => broker.kill('SIGKILL')))
    await buyers.makeProgress()
    await buyers.makeProgress()
  } finally {
    await Promise.all(down.map((broker) => broker.restart()))
    await buyers.stop()
  }
  expect(buyers.refused).toEqual([])
  await expectEvents(buyers.placed, 2 * ARRIVAL_TIMEOUT)
}, 300_000)
