// npm run demo: places an order as a customer, changes its status up to Livrée, and prints each request, event and e-mail.
//   npm run demo                                    uses the shop of npm start, or starts one for the demo
//   npm run demo -- --gateway http://127.0.0.1:4000 [--mailbox http://127.0.0.1:1080] [--kafka HOST:PORT]     any other
// HALLES_ADMIN_EMAIL and HALLES_ADMIN_PASSWORD are the credentials of its admin; KAFKA_SASL_… and KAFKA_TLS… are as in services.
import { randomBytes, randomUUID } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { credentials } from '@grpc/grpc-js'
import { ORDER_EVENTS, parseOrderEvent, type OrderEvent } from '@halles/contracts/order-events'
import { ProductServiceClient, type CheckStockRequest, type CheckStockResponse } from '@halles/contracts/product-grpc'
import { kafkaCredentials, settingsRequiredTogether, KafkaCredentialSettings, readConfig } from '@halles/config/config'
import { callUnary } from '@halles/grpc/grpc'
import { createKafka } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { Type } from 'typebox'
import { root } from './workspace.ts'
import { demoAccounts, startShop, type ShopAddresses } from '@halles/dev-shop'

type DemoShop = Pick<ShopAddresses, 'gateway' | 'accounts'> &
  Partial<Pick<ShopAddresses, 'productGrpc' | 'kafka' | 'mailbox'>>
type Email = { subject: string; headers: Record<string, string>; to: { address: string }[] }
type Order = { id: string; number: string; status: string; total: number }

/** The timeout for an asynchronous effect, in milliseconds. */
const EFFECT_TIMEOUT = 15_000
/** The number of orders with which the time from the response to the e-mail is measured. */
const TIMED_ORDERS = 15

const formatEuros = (amount: number): string => `${amount.toFixed(2)} €`

/** Prints one step: the protocol, the operation, its duration in milliseconds, and its result. */
function printStep(protocol: string, what: string, ms: number, result: string): void {
  console.log(`  ${protocol.padEnd(8)} ${what.padEnd(34)} ${`${Math.round(ms)} ms`.padStart(8)}   ${result}`)
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
    await demo(JSON.parse(readFileSync(file, 'utf8')) as DemoShop)
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

async function demo(addresses: DemoShop): Promise<void> {
  const shop = createClient(addresses.gateway)
  const mailbox = await findMailbox(addresses.mailbox)
  const events = addresses.kafka ? await consumeEvents(addresses.kafka) : undefined
  try {
    console.log(`\nA purchase at ${addresses.gateway}`)
    const email = `camille.${randomBytes(4).toString('hex')}@example.test`
    const customer = await register(shop, email)
    const basket = await chooseProducts(shop)
    if (addresses.productGrpc) await checkStock(addresses.productGrpc, basket)
    const traceId = randomBytes(16).toString('hex')
    const order = await placeOrder(shop, customer, basket, traceId)
    await waitForEffects(order, 1, traceId, events, mailbox, shop, customer)

    console.log('\nThe admin processes the order')
    const { data, ms } = await shop.rest('POST', '/login', addresses.accounts.admin)
    const admin = data.accessToken as string
    printStep('REST', 'POST /api/login', ms, 'as an admin')
    for (const [i, [status, name]] of Object.entries({
      CONFIRMEE: 'Confirmée',
      PREPAREE: 'Préparée',
      LIVREE: 'Livrée',
    }).entries()) {
      await changeStatus(shop, admin, order, status, name, i % 2 === 0)
      await waitForEffects(order, i + 2, undefined, events, mailbox, shop, customer)
    }

    console.log('\nOne query of the customer, answered by four services')
    await queryOrder(shop, customer, order)
    await measureEmails(shop, customer, basket, mailbox)
    console.log('\nAll steps are complete and all e-mails have arrived.')
  } finally {
    await events?.close()
  }
}

/** Creates a client of the gateway. @throws Error with the response when a request fails */
function createClient(gateway: string) {
  const call = async (
    method: string,
    url: string,
    body?: unknown,
    token?: string,
    headers: Record<string, string> = {},
  ) => {
    const start = performance.now()
    const response = await fetch(`${gateway}${url}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token && { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    })
    // Callers know the shape of the response.
    const data = (await response.json()) as any
    const ms = performance.now() - start
    if (!response.ok || data.errors)
      throw new Error(`${method} ${url} answered ${response.status}: ${JSON.stringify(data)}`)
    return { data, ms, status: response.status }
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
type Shop = ReturnType<typeof createClient>
type Basket = { productId: string; quantity: number; name: string; price: number }[]

async function register(shop: Shop, email: string): Promise<string> {
  const password = randomUUID()
  const { data, ms } = await shop.rest('POST', '/register', { name: 'Camille Martin', email, password })
  printStep('REST', 'POST /api/register', ms, `${data.user.name}, ${data.user.email}`)
  return data.accessToken
}

async function chooseProducts(shop: Shop): Promise<Basket> {
  const { data, ms } = await shop.graphql(
    'query Choose { products(filter: { inStock: true }, sort: PRICE_ASC, first: 50) { totalCount nodes { id name price stock } } }',
    {},
  )
  const [first, second] = data.products.nodes.filter(({ stock }: { stock: number }) => stock >= 40)
  const basket = [first, second].map(({ id, name, price }, i) => ({ productId: id, name, price, quantity: 2 - i }))
  printStep(
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
    const { items: lines } = await callUnary<CheckStockRequest, CheckStockResponse>(
      client.checkStock.bind(client),
      { items },
      5000,
    )
    const found = lines.map((line) => `${line.availableQuantity} × ${line.details?.name}`).join(', ')
    printStep('gRPC', 'CheckStock', performance.now() - start, `there are ${found}`)
  } finally {
    client.close()
  }
}

async function placeOrder(shop: Shop, customer: string, basket: Basket, traceId: string): Promise<Order> {
  const items = basket.map(({ productId, quantity }) => ({ productId, quantity }))
  const expectedTotal = basket.reduce((sum, { price, quantity }) => sum + Math.round(price * 100) * quantity, 0) / 100
  const { data, ms } = await shop.rest('POST', '/orders', { items, expectedTotal }, customer, {
    'idempotency-key': randomUUID(),
    traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01`,
  })
  printStep(
    'REST',
    'POST /api/orders',
    ms,
    `order #${data.number}, ${formatEuros(data.total)}, ${data.status}; trace ${traceId}`,
  )
  return data
}

async function changeStatus(
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
    printStep('GraphQL', 'changeOrderStatus', ms, data.changeOrderStatus.status)
  } else {
    const { data, ms } = await shop.rest('PUT', `/orders/${order.id}/status`, { status: name }, admin)
    printStep('REST', 'PUT /api/orders/:id/status', ms, data.status)
  }
}

/** Waits for the event and the e-mail of an order's nth status, and prints both. */
async function waitForEffects(
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
    const event = await waitFor(`event ${sequence} on ${ORDER_EVENTS}`, () => events.of(order.id, sequence))
    if (traceId && !event.traceparent?.includes(traceId)) throw new Error('the event belongs to another trace')
    printStep(
      'Kafka',
      ORDER_EVENTS,
      performance.now() - start,
      `${event.type}, sequence ${sequence}, ${event.data.order.status}`,
    )
  }
  if (mailbox) {
    const email = await waitFor(`e-mail ${sequence}`, async () => (await mailbox.of(order.id))[sequence - 1])
    if (traceId && !JSON.stringify(email.headers).includes(traceId))
      throw new Error('the e-mail belongs to another trace')
    printStep('e-mail', email.to[0]?.address ?? '', performance.now() - start, `« ${email.subject} »`)
  } else {
    const query = 'query Sent($id: ID!) { order(id: $id) { notifications { subject recipient status } } }'
    const sent = await waitFor(`e-mail ${sequence}`, async () => {
      const { data } = await shop.graphql(query, { id: order.id }, customer)
      return data.order.notifications.filter(({ status }: { status: string }) => status === 'SENT')[sequence - 1]
    })
    printStep(
      'e-mail',
      sent.recipient,
      performance.now() - start,
      `« ${sent.subject} » (according to the notification log)`,
    )
  }
}

async function queryOrder(shop: Shop, customer: string, order: Order): Promise<void> {
  const { data, ms } = await shop.graphql(
    `query Look($id: ID!) { order(id: $id) {
       number total customer { name } items { quantity name product { category stock } }
       statusHistory { status } notifications { subject status } } }`,
    { id: order.id },
    customer,
  )
  const { customer: owner, items, statusHistory, notifications } = data.order
  if (!owner || items.some(({ product }: { product: unknown }) => !product) || notifications.length !== 4)
    throw new Error(`the response is incomplete: ${JSON.stringify(data)}`)
  printStep(
    'GraphQL',
    'query Look',
    ms,
    `${owner.name}; ${statusHistory.map(({ status }: { status: string }) => status).join(' → ')}`,
  )
  for (const { quantity, name, product } of items)
    console.log(`${' '.repeat(56)}${quantity} × ${name} (${product.category}, ${product.stock} left)`)
}

async function measureEmails(
  shop: Shop,
  customer: string,
  basket: Basket,
  mailbox: Mailbox | undefined,
): Promise<void> {
  if (!mailbox) return
  const times: number[] = []
  for (let i = 0; i < TIMED_ORDERS; i++) {
    const items = [{ productId: basket[0]!.productId, quantity: 1 }]
    const { data } = await shop.rest('POST', '/orders', { items }, customer)
    const start = performance.now()
    await waitFor('its e-mail', async () => (await mailbox.of(data.id))[0])
    times.push(performance.now() - start)
  }
  times.sort((a, b) => a - b)
  const at = (part: number): number => Math.round(times[Math.min(times.length - 1, Math.floor(times.length * part))]!)
  console.log(
    `\nFrom the response 201 to the e-mail in the mailbox, ${TIMED_ORDERS} orders: median ${at(0.5)} ms, slowest ${at(1)} ms`,
  )
}

/** Returns a client of the mailbox, if there is a maildev. Without it the demo uses the shop's notification log. */
async function findMailbox(url: string | undefined) {
  if (!url) return undefined
  const all = async (): Promise<Email[]> => (await fetch(`${url}/api/email`)).json() as Promise<Email[]>
  try {
    await all()
  } catch {
    console.log(`No mailbox answers at ${url}: using the notification log instead.`)
    return undefined
  }
  return {
    /** The e-mails about an order, in the order of their arrival. */
    of: async (orderId: string) => (await all()).filter(({ headers }) => headers['x-order-id'] === orderId),
  }
}
type Mailbox = NonNullable<Awaited<ReturnType<typeof findMailbox>>>

/** Consumes the order events from now on. A message that is no order event is reported and skipped. */
async function consumeEvents(brokers: string) {
  const received: OrderEvent[] = []
  const access = kafkaCredentials(
    readConfig(Type.Object(KafkaCredentialSettings, { dependencies: settingsRequiredTogether }), process.env),
  )
  const kafka = createKafka(brokers, 'demo', createLogger('demo', 'silent'), access)
  const subscription = await kafka.consume({
    groupId: `demo-${randomUUID()}`,
    topic: ORDER_EVENTS,
    fromBeginning: false,
    startOffsets: await kafka.endOffsets(ORDER_EVENTS),
    onBatch: async (messages) => {
      for (const { partition, offset, value } of messages)
        try {
          received.push(parseOrderEvent(value ?? ''))
        } catch (error) {
          const reason = (error as Error).message
          console.log(
            `  The message ${partition}.${offset} of ${ORDER_EVENTS} is skipped: it is no order event (${reason}).`,
          )
        }
    },
  })
  return {
    of: (orderId: string, sequence: number) =>
      received.find((event) => event.subject === orderId && event.data.sequence === sequence),
    close: subscription.close,
  }
}
type Events = Awaited<ReturnType<typeof consumeEvents>>

async function waitFor<T>(what: string, check: () => T | undefined | Promise<T | undefined>): Promise<T> {
  const deadline = performance.now() + EFFECT_TIMEOUT
  for (;;) {
    const found = await check()
    if (found !== undefined) return found
    if (performance.now() > deadline) throw new Error(`${what} is missing after ${EFFECT_TIMEOUT / 1000} s`)
    await pause(10)
  }
}

try {
  await main()
} catch (error) {
  console.error(`\nThe demo failed: ${(error as Error).message}`)
  process.exitCode = 1
}
