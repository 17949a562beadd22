import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { ORDER_EVENTS } from '@halles/contracts/order-events'
import { freePort } from '@halles/servers'
import type { startShop as StartShop } from '@halles/servers/shop'
import { eventually } from '@halles/testkit/wait'
import { Kafka, logLevel } from 'kafkajs'
import type { Bought, Load } from './buyers.ts'
import { child, type Child } from './child.ts'
import type { Arrivals } from './mail-sink.ts'
import { wallClock } from './measure.ts'
import type { Outcome, Pids, Variant } from './rounds.ts'

const PRODUCTS = 1000
const CUSTOMERS = 64

/** How long the last event and letter of a load may take, in milliseconds. */
const PATIENCE = 120_000

/** What is to be done at the end, last first. */
export type Closers = (() => Promise<unknown>)[]
export type Buyers = Child<Load, Bought>
export type Market = Awaited<ReturnType<typeof openMarket>>

/**
 * A shop as built from a checkout, with 1,000 products and 64 customers who are signed in. Its events are watched; its
 * letters go to a mail server that only notes them.
 */
export async function openMarket(checkout: string, buyers: Buyers, closers: Closers) {
  const { startShop } = (await import(path.join(checkout, 'packages/servers/src/shop.ts'))) as {
    startShop: typeof StartShop
  }
  const smtp = await freePort()
  const sink = await child<object, Arrivals>('mail-sink.ts', { args: [String(smtp)] })
  closers.push(sink.stop)
  const shop = await startShop({
    given: { smtp: `smtp://127.0.0.1:${smtp}`, mailbox: `http://127.0.0.1:${smtp}` },
    env: { auth: { ACCESS_TOKEN_SECONDS: '86400' } },
    onCrash: (message) => console.error(message),
  })
  closers.push(shop.stop)
  const { gateway, services, accounts } = shop.running

  const { accessToken: admin } = await ask(`${services.auth}/login`, accounts.admin)
  const products = await several(PRODUCTS, async (i) => {
    const product = { name: `A thing of the bench ${i}`, price: 1 + (i % 50), category: 'bench', stock: 1_000_000 }
    return (await ask(`${services.product}/products`, product, admin)).id as string
  })
  const tokens = await several(CUSTOMERS, async () => {
    const customer = { name: 'Camille', email: `${randomUUID()}@halles.example`, password: `bench ${randomUUID()}` }
    return (await ask(`${services.auth}/register`, customer)).accessToken as string
  })
  const events = await watchEvents(shop.running.kafka)
  closers.push(events.close)

  /** Buys at an address that is a gateway, and waits for the event of each order and, if there are to be any, its letter. */
  const buy = async (
    load: Parameters<Variant['run']>[0],
    { at: address = gateway, withLetters = false } = {},
  ): Promise<Outcome> => {
    const { ms, orders, failed, lastWords } = await buyers.ask({ gateway: address, tokens, products, ...load })
    if (failed > 0) console.error(`${failed} orders were not placed; the last one: ${lastWords}`)
    const arrived = new Map<string, number>()
    await eventually(
      `${orders.length} events and letters`,
      async () => {
        if (withLetters) for (const [id, at] of await sink.ask({})) arrived.set(id, at)
        return orders.every(({ id }) => events.seen.has(id) && (!withLetters || arrived.has(id)))
      },
      PATIENCE,
    )
    const outcome: Outcome = {
      ms,
      failed,
      each: orders.map((order) => order.ms),
      toEvent: orders.map(({ id, at }) => events.seen.get(id)! - at),
      toLetter: withLetters ? orders.map(({ id, at }) => arrived.get(id)! - at) : [],
    }
    events.seen.clear()
    return outcome
  }

  const pids = (): Pids => {
    const { gateway, order, product, auth, mongodb, kafka, notification } = shop.running.pids as Required<Pids>
    return { gateway, order, product, auth, mongodb, kafka, ...(notification && { notification }) }
  }
  const crew = (): number[] => [process.pid, buyers.pid, sink.pid]

  return {
    shop,
    buy,
    pids,
    crew,
    variant: (name: string): Variant => ({ name, pids, crew, run: (load) => buy(load) }),
    /** Stops notification-service until the end. */
    withoutLetters: async (): Promise<void> => {
      const { notification } = shop.processes
      await notification.kill('SIGTERM')
      await eventually('notification-service stops', () => notification.pid() === undefined, 15_000)
    },
  }
}

async function ask(url: string, body: object, token?: string): Promise<any> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  })
  if (!answer.ok) throw new Error(`${url} answered ${answer.status}: ${await answer.text()}`)
  return answer.json()
}

/** Does something so many times, eight at a time, and gives back what came of each. */
async function several<T>(times: number, make: (i: number) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < times) {
      const i = next++
      made[i] = await make(i)
    }
  }
  await Promise.all(Array.from({ length: 8 }, worker))
  return made
}

/** Notes when the event of each order comes, by the order's id. */
async function watchEvents(brokers: string) {
  const seen = new Map<string, number>()
  const kafka = new Kafka({ clientId: 'bench', brokers: brokers.split(','), logLevel: logLevel.ERROR })
  const consumer = kafka.consumer({ groupId: `bench-${randomUUID()}`, maxWaitTimeInMs: 500 })
  const joined = new Promise((resolve) => consumer.on('consumer.group_join', resolve))
  await consumer.connect()
  await consumer.subscribe({ topic: ORDER_EVENTS, fromBeginning: false })
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch: { messages } }) => {
      const at = wallClock()
      for (const { key } of messages) seen.set(String(key), at)
    },
  })
  await joined
  return { seen, close: () => consumer.disconnect() }
}
