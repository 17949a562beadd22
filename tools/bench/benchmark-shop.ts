import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { ORDER_EVENTS } from '@halles/contracts/order-events'
import { freePort } from '@halles/test-servers'
import type { startShop as StartShop } from '@halles/dev-shop'
import { eventually } from '@halles/test-fixtures/wait'
import { Kafka, logLevel } from 'kafkajs'
import { startChild, type Child } from './child-process.ts'
import type { Load, LoadResult } from './load-generator.ts'
import type { Arrivals } from './mail-sink.ts'
import { wallClock } from './measure.ts'
import type { Outcome, Pids, Variant } from './rounds.ts'

const PRODUCTS = 1000
const CUSTOMERS = 64

/** The timeout for the last event and e-mail of a load, in milliseconds. */
const DELIVERY_TIMEOUT = 120_000

/** Functions to call at the end, in reverse order. */
export type Closers = (() => Promise<unknown>)[]
export type LoadGenerator = Child<Load, LoadResult>
export type BenchmarkShop = Awaited<ReturnType<typeof startBenchmarkShop>>

/**
 * Starts the shop of a checkout, with 1,000 products and 64 signed-in customers. Its events are consumed, and its e-mails
 * go to a mail server that only records their arrival. `gatewayEnv` are further settings of the gateway.
 */
export async function startBenchmarkShop(
  checkout: string,
  loadGenerator: LoadGenerator,
  closers: Closers,
  gatewayEnv: Record<string, string> = {},
) {
  const { startShop } = (await import(path.join(checkout, 'packages/dev-shop/src/shop.ts'))) as {
    startShop: typeof StartShop
  }
  const smtp = await freePort()
  const sink = await startChild<object, Arrivals>('mail-sink.ts', { args: [String(smtp)] })
  closers.push(sink.stop)
  const shop = await startShop({
    existingServers: { smtp: `smtp://127.0.0.1:${smtp}`, mailbox: `http://127.0.0.1:${smtp}` },
    env: { auth: { ACCESS_TOKEN_SECONDS: '86400' }, gateway: gatewayEnv },
    onCrash: (message) => console.error(message),
  })
  closers.push(shop.stop)
  const { gateway, services, accounts } = shop.running

  const { accessToken: admin } = await post(`${services.auth}/login`, accounts.admin)
  const products = await createMany(PRODUCTS, async (i) => {
    const product = { name: `Benchmark product ${i}`, price: 1 + (i % 50), category: 'bench', stock: 1_000_000 }
    return (await post(`${services.product}/products`, product, admin)).id as string
  })
  const tokens = await createMany(CUSTOMERS, async () => {
    const customer = { name: 'Camille', email: `${randomUUID()}@halles.example`, password: `bench ${randomUUID()}` }
    return (await post(`${services.auth}/register`, customer)).accessToken as string
  })
  const events = await consumeEvents(shop.running.kafka)
  closers.push(events.close)

  /** Places orders through a gateway and waits for the event of each order and, with `withEmails`, for its e-mail. */
  const placeOrders = async (
    load: Parameters<Variant['run']>[0],
    { at: address = gateway, withEmails = false } = {},
  ): Promise<Outcome> => {
    const { ms, orders, failed, lastFailure } = await loadGenerator.request({
      gateway: address,
      tokens,
      products,
      ...load,
    })
    if (failed > 0) console.error(`${failed} orders were not placed; the last response: ${lastFailure}`)
    const arrived = new Map<string, number>()
    await eventually(
      `${orders.length} events and e-mails`,
      async () => {
        if (withEmails) for (const [id, at] of await sink.request({})) arrived.set(id, at)
        return orders.every(({ id }) => events.arrivals.has(id) && (!withEmails || arrived.has(id)))
      },
      DELIVERY_TIMEOUT,
    )
    const outcome: Outcome = {
      ms,
      failed,
      latencies: orders.map((order) => order.ms),
      toEvent: orders.map(({ id, at }) => events.arrivals.get(id)! - at),
      toEmail: withEmails ? orders.map(({ id, at }) => arrived.get(id)! - at) : [],
    }
    events.arrivals.clear()
    return outcome
  }

  const pids = (): Pids => {
    const { gateway, order, product, auth, mongodb, kafka, notification } = shop.running.pids as Required<Pids>
    return { gateway, order, product, auth, mongodb, kafka, ...(notification && { notification }) }
  }
  const harnessPids = (): number[] => [process.pid, loadGenerator.pid, sink.pid]

  return {
    shop,
    products,
    tokens,
    placeOrders,
    pids,
    harnessPids,
    variant: (name: string): Variant => ({
      name,
      pids,
      harnessPids,
      run: (load) => placeOrders(load),
    }),
    /** Stops notification-service for the rest of the run. */
    stopEmails: async (): Promise<void> => {
      const { notification } = shop.processes
      await notification.kill('SIGTERM')
      await eventually('notification-service stops', () => notification.pid() === undefined, 15_000)
    },
  }
}

async function post(url: string, body: object, token?: string): Promise<any> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${url} answered ${response.status}: ${await response.text()}`)
  return response.json()
}

/** Calls `create` for each index below `count`, eight at a time. @returns the results in order */
async function createMany<T>(count: number, create: (i: number) => Promise<T>): Promise<T[]> {
  const created: T[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) {
      const i = next++
      created[i] = await create(i)
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return created
}

/** Consumes order events. `arrivals` has the wall-clock time of arrival by order id. */
async function consumeEvents(brokers: string) {
  const arrivals = new Map<string, number>()
  const kafka = new Kafka({ clientId: 'bench', brokers: brokers.split(','), logLevel: logLevel.ERROR })
  const consumer = kafka.consumer({ groupId: `bench-${randomUUID()}`, maxWaitTimeInMs: 500 })
  const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve))
  await consumer.connect()
  await consumer.subscribe({ topic: ORDER_EVENTS, fromBeginning: false })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch: { messages } }) => {
      const at = wallClock()
      for (const { key } of messages) arrivals.set(String(key), at)
    },
  })
  await joined
  return { arrivals, close: () => consumer.disconnect() }
}
