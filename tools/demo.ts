// npm run demo: buys something as a customer would, walks the order to Livrée, and shows every hop and every letter.
//   npm run demo                                    on the shop of npm start, or on one that it starts and stops again
//   npm run demo -- --gateway http://127.0.0.1:4000 [--mailbox http://127.0.0.1:1080] [--kafka HOST:PORT]     on any other
// HALLES_ADMIN_EMAIL and HALLES_ADMIN_PASSWORD say who its admin is; Kafka wants KAFKA_SASL_… and KAFKA_TLS… as for services.
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { credentials } from '@grpc/grpc-js'
import { ORDER_EVENTS, parseOrderEvent, type OrderEvent } from '@halles/contracts/order-events'
import { ProductServiceClient, type CheckStockRequest, type CheckStockResponse } from '@halles/contracts/product-grpc'
import { accessOf, dependencies, KafkaAccess, readConfig } from '@halles/service/config'
import { ask } from '@halles/service/grpc'
import { kafkaAt } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import { Type } from 'typebox'
import { root } from './workspace.ts'
import { demoAccounts, startShop, type Running } from '@halles/servers/shop'

type Where = Pick<Running, 'gateway' | 'accounts'> & Partial<Pick<Running, 'productGrpc' | 'kafka' | 'mailbox'>>
type Letter = { subject: string; headers: Record<string, string>; to: { address: string }[] }
type Order = { id: string; number: string; status: string; total: number }

/** How long an effect may take before it counts as missing, in milliseconds. */
const PATIENCE = 15_000
/** Orders placed one after another for the time from 201 to the letter. */
const TIMED_ORDERS = 15

const euros = (amount: number): string => `${amount.toFixed(2)} €`

/** Prints one hop: by which door, what, how long it took, and what came of it. */
function hop(door: string, what: string, ms: number, result: string): void {
  console.log(`  ${door.padEnd(8)} ${what.padEnd(34)} ${`${Math.round(ms)} ms`.padStart(8)}   ${result}`)
}

async function main(): Promise<void> {
  const text = { type: 'string' } as const
  const { gateway, mailbox, kafka } = parseArgs({ options: { gateway: text, mailbox: text, kafka: text } }).values
  const file = path.join(root, '.data/running.json')
  if (gateway) {
    const { HALLES_ADMIN_EMAIL: email, HALLES_ADMIN_PASSWORD: password } = process.env
    const admin = email && password ? { email, password } : demoAccounts.admin
    const accounts = { ...demoAccounts, admin }
    await demo({ gateway, mailbox: mailbox ?? 'http://127.0.0.1:1080', accounts, ...(kafka && { kafka }) })
  } else if (existsSync(file)) {
    await demo(JSON.parse(readFileSync(file, 'utf8')) as Running)
  } else {
    console.log('No shop is running here: starting one for the demo.')
    const shop = await startShop({ onProgress: (line) => console.log(`  ${line}`) })
    try {
      await demo(shop.running)
    } finally {
      await shop.stop()
    }
  }
}

async function demo(where: Where): Promise<void> {
  const shop = clientOf(where.gateway)
  const mailbox = await mailboxAt(where.mailbox)
  const events = where.kafka ? await listenTo(where.kafka) : undefined
  try {
    console.log(`\nA purchase at ${where.gateway}`)
    const email = `camille.${randomBytes(4).toString('hex')}@example.test`
    const customer = await signUp(shop, email)
    const basket = await choose(shop)
    if (where.productGrpc) await checkStock(where.productGrpc, basket)
    const traceId = randomBytes(16).toString('hex')
    const order = await buy(shop, customer, basket, traceId)
    await seen(order, 1, traceId, events, mailbox, shop, customer)

    console.log('\nThe shop at work')
    const { data, ms } = await shop.rest('POST', '/login', where.accounts.admin)
    const admin = data.accessToken as string
    hop('REST', 'POST /api/login', ms, 'as an admin')
    for (const [i, [status, name]] of Object.entries({
      CONFIRMEE: 'Confirmée',
      PREPAREE: 'Préparée',
      LIVREE: 'Livrée',
    }).entries()) {
      await move(shop, admin, order, status, name, i % 2 === 0)
      await seen(order, i + 2, undefined, events, mailbox, shop, customer)
    }

    console.log('\nWhat the customer sees, from four services in one query')
    await look(shop, customer, order)
    await time(shop, customer, basket, mailbox)
    console.log('\nAll hops and all letters are there.')
  } finally {
    await events?.close()
  }
}

/** Calls through the gateway; an answer that is not a success ends the demo with what it said. */
function clientOf(gateway: string) {
  const call = async (
    method: string,
    url: string,
    body?: unknown,
    token?: string,
    headers: Record<string, string> = {},
  ) => {
    const start = performance.now()
    const answer = await fetch(`${gateway}${url}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    // Each caller knows what it asked for.
    const data = (await answer.json()) as any
    const ms = performance.now() - start
    if (!answer.ok || data.errors)
      throw new Error(`${method} ${url} answered ${answer.status}: ${JSON.stringify(data)}`)
    return { data, ms, status: answer.status }
  }
  return {
    rest: (method: string, url: string, body?: unknown, token?: string, headers?: Record<string, string>) =>
      call(method, `/api${url}`, body, token, headers),
    graphql: async (query: string, variables: object, token?: string, headers?: Record<string, string>) => {
      const { data, ms } = await call('POST', '/graphql', { query, variables }, token, headers)
      return { data: data.data, ms }
    },
  }
}
type Shop = ReturnType<typeof clientOf>
type Basket = { productId: string; quantity: number; name: string; price: number }[]

async function signUp(shop: Shop, email: string): Promise<string> {
  const password = randomUUID()
  const { data, ms } = await shop.rest('POST', '/register', { name: 'Camille Martin', email, password })
  hop('REST', 'POST /api/register', ms, `${data.user.name}, ${data.user.email}`)
  return data.accessToken
}

async function choose(shop: Shop): Promise<Basket> {
  const { data, ms } = await shop.graphql(
    'query Choose { products(filter: { inStock: true }, sort: PRICE_ASC, first: 50) { totalCount nodes { id name price stock } } }',
    {},
  )
  const [first, second] = data.products.nodes.filter(({ stock }: { stock: number }) => stock >= 40)
  const basket = [first, second].map(({ id, name, price }, i) => ({ productId: id, name, price, quantity: 2 - i }))
  hop(
    'GraphQL',
    'query Choose',
    ms,
    `${data.products.totalCount} products; ${basket.map((l) => `${l.quantity} × ${l.name}`).join(', ')}`,
  )
  return basket
}

async function checkStock(address: string, basket: Basket): Promise<void> {
  const client = new ProductServiceClient(address, credentials.createInsecure())
  try {
    const start = performance.now()
    const items = basket.map(({ productId, quantity }) => ({ productId, quantity }))
    const { items: lines } = await ask<CheckStockRequest, CheckStockResponse>(
      client.checkStock.bind(client),
      { items },
      5000,
    )
    const found = lines.map((line) => `${line.availableQuantity} × ${line.details?.name}`).join(', ')
    hop('gRPC', 'CheckStock', performance.now() - start, `there are ${found}`)
  } finally {
    client.close()
  }
}

async function buy(shop: Shop, customer: string, basket: Basket, traceId: string): Promise<Order> {
  const items = basket.map(({ productId, quantity }) => ({ productId, quantity }))
  const expectedTotal = basket.reduce((sum, { price, quantity }) => sum + Math.round(price * 100) * quantity, 0) / 100
  const { data, ms } = await shop.rest('POST', '/orders', { items, expectedTotal }, customer, {
    'idempotency-key': randomUUID(),
    traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
  })
  hop('REST', 'POST /api/orders', ms, `order #${data.number}, ${euros(data.total)}, ${data.status}; trace ${traceId}`)
  return data
}

async function move(
  shop: Shop,
  admin: string,
  order: Order,
  status: string,
  name: string,
  graphql: boolean,
): Promise<void> {
  if (graphql) {
    const mutation =
      'mutation Move($id: ID!, $status: OrderStatus!) { changeOrderStatus(id: $id, status: $status) { status } }'
    const { data, ms } = await shop.graphql(mutation, { id: order.id, status }, admin)
    hop('GraphQL', 'changeOrderStatus', ms, data.changeOrderStatus.status)
  } else {
    const { data, ms } = await shop.rest('PUT', `/orders/${order.id}/status`, { status: name }, admin)
    hop('REST', 'PUT /api/orders/:id/status', ms, data.status)
  }
}

/** Waits for the event and the letter of an order's nth news, and shows both. */
async function seen(
  order: Order,
  sequence: number,
  traceId: string | undefined,
  events: Events | undefined,
  mailbox: Mailbox | undefined,
  shop: Shop,
  customer: string,
): Promise<void> {
  const start = performance.now()
  if (events) {
    const event = await until(`event ${sequence} on ${ORDER_EVENTS}`, () => events.of(order.id, sequence))
    if (traceId && !event.traceparent?.includes(traceId)) throw new Error('the event belongs to another trace')
    hop(
      'Kafka',
      ORDER_EVENTS,
      performance.now() - start,
      `${event.type}, sequence ${sequence}, ${event.data.order.status}`,
    )
  }
  if (mailbox) {
    const letter = await until(`letter ${sequence}`, async () => (await mailbox.of(order.id))[sequence - 1])
    if (traceId && !JSON.stringify(letter.headers).includes(traceId))
      throw new Error('the letter belongs to another trace')
    hop('e-mail', letter.to[0]?.address ?? '', performance.now() - start, `« ${letter.subject} »`)
  } else {
    const query = 'query Sent($id: ID!) { order(id: $id) { notifications { subject recipient status } } }'
    const sent = await until(`letter ${sequence}`, async () => {
      const { data } = await shop.graphql(query, { id: order.id }, customer)
      return data.order.notifications.filter(({ status }: { status: string }) => status === 'SENT')[sequence - 1]
    })
    hop('e-mail', sent.recipient, performance.now() - start, `« ${sent.subject} » (as the notification log says)`)
  }
}

async function look(shop: Shop, customer: string, order: Order): Promise<void> {
  const { data, ms } = await shop.graphql(
    `query Look($id: ID!) { order(id: $id) {
       number total customer { name } items { quantity name product { category stock } }
       statusHistory { status } notifications { subject status } } }`,
    { id: order.id },
    customer,
  )
  const { customer: who, items, statusHistory, notifications } = data.order
  if (!who || items.some(({ product }: { product: unknown }) => !product) || notifications.length !== 4)
    throw new Error(`a part is missing: ${JSON.stringify(data)}`)
  hop(
    'GraphQL',
    'query Look',
    ms,
    `${who.name}; ${statusHistory.map(({ status }: { status: string }) => status).join(' → ')}`,
  )
  for (const { quantity, name, product } of items)
    console.log(`${' '.repeat(56)}${quantity} × ${name} (${product.category}, ${product.stock} left)`)
}

async function time(shop: Shop, customer: string, basket: Basket, mailbox: Mailbox | undefined): Promise<void> {
  if (!mailbox) return
  const times: number[] = []
  for (let i = 0; i < TIMED_ORDERS; i++) {
    const items = [{ productId: basket[0]!.productId, quantity: 1 }]
    const { data } = await shop.rest('POST', '/orders', { items }, customer)
    const start = performance.now()
    await until('its letter', async () => (await mailbox.of(data.id))[0])
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  const at = (part: number): number => Math.round(times[Math.min(times.length - 1, Math.floor(times.length * part))]!)
  console.log(
    `\nFrom 201 to the letter in the mailbox, ${TIMED_ORDERS} orders: median ${at(0.5)} ms, slowest ${at(1)} ms`,
  )
}

/** The mailbox, when it answers as maildev does; without one, the shop's own log of letters is what can be seen. */
async function mailboxAt(url: string | undefined) {
  if (!url) return undefined
  const all = async (): Promise<Letter[]> => (await fetch(`${url}/api/email`)).json() as Promise<Letter[]>
  try {
    await all()
  } catch {
    console.log(`No mailbox answers at ${url}: looking at the notification log instead.`)
    return undefined
  }
  return {
    /** The letters about an order, in the order of their arrival. */
    of: async (orderId: string) => (await all()).filter(({ headers }) => headers['x-order-id'] === orderId),
  }
}
type Mailbox = NonNullable<Awaited<ReturnType<typeof mailboxAt>>>

async function listenTo(brokers: string) {
  const came: OrderEvent[] = []
  const access = accessOf(readConfig(Type.Object(KafkaAccess, { dependencies }), process.env))
  const kafka = kafkaAt(brokers, 'demo', logger('demo', 'silent'), access)
  const listener = await kafka.listen({
    groupId: `demo-${randomUUID()}`,
    topic: ORDER_EVENTS,
    onBatch: async (messages) => {
      for (const { value } of messages) came.push(parseOrderEvent(value ?? ''))
    },
  })
  return {
    of: (orderId: string, sequence: number) =>
      came.find((event) => event.subject === orderId && event.data.sequence === sequence),
    close: listener.close,
  }
}
type Events = Awaited<ReturnType<typeof listenTo>>

async function until<T>(what: string, look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + PATIENCE
  for (;;) {
    const found = await look()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`missing after ${PATIENCE / 1000} s: ${what}`)
    await pause(10)
  }
}

try {
  await main()
} catch (error) {
  console.error(`\nThe demo failed: ${(error as Error).message}`)
  process.exitCode = 1
}
