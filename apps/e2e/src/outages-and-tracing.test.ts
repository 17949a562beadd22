import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { startShop, type Shop as Started } from '@halles/dev-shop'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createShopClient, type ShopClient, type ApiClient } from './shop-client.ts'

// These stories stop services and servers, so they have a shop of their own, with its own MongoDB and Kafka.

/** The fields of an OTLP span that the stories use. */
type Span = { service: string; name: string; traceId: string }

let started: Started
let shop: ShopClient
let admin: ApiClient
let collector: Server
const spans: Span[] = []

/** Starts a collector for OTLP over HTTP with JSON that records all spans, and returns its URL. */
async function startCollector(): Promise<string> {
  collector = createServer((request, response) => {
    void text(request).then((body) => {
      recordSpans(body)
      response.setHeader('content-type', 'application/json').end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(collector, 'listening')
  return `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
}

function recordSpans(body: string): void {
  for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
    const service = resource.attributes.find(({ key }: { key: string }) => key === 'service.name').value.stringValue
    for (const scope of scopeSpans) for (const { name, traceId } of scope.spans) spans.push({ service, name, traceId })
  }
}

beforeAll(async () => {
  const telemetry = {
    OTEL_EXPORTER_OTLP_ENDPOINT: await startCollector(),
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '200',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
  }
  // A service that is stopped here stays down, so the gateway need not wait long for it.
  const gateway = { ...telemetry, UPSTREAM_PATIENCE_MS: '500' }
  const env = { gateway, auth: telemetry, product: telemetry, order: telemetry, notification: telemetry }
  started = await startShop({ env })
  const { mailbox, accounts } = started.running
  shop = createShopClient({ gateway: started.running.gateway, mailbox, admin: accounts.admin })
  admin = await shop.signInAdmin()
})

afterAll(async () => {
  await started?.stop()
  collector.close()
})

const readLog = (service: string): string => readFileSync(path.join(started.logs, `${service}.log`), 'utf8')

describe('one order', () => {
  it('is one trace: every hop has a span, and every log has the trace id', async () => {
    const customer = await shop.createCustomer()
    const { id: productId } = await shop.createProduct(admin)
    const traceId = randomBytes(16).toString('hex')
    const { body: order } = await customer.rest(
      'POST',
      '/orders',
      { items: [{ productId, quantity: 1 }] },
      { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` },
    )
    const [email] = await shop.waitForOrderEmails(1, order.id)
    expect(JSON.stringify(email!.headers)).toContain(traceId)

    const services = ['gateway', 'order-service', 'product-service', 'notification-service']
    const findSpans = (service: string) => spans.filter((span) => span.service === service && span.traceId === traceId)
    await eventually('every service has a span of the trace', () =>
      services.every((service) => findSpans(service).length > 0),
    )
    for (const hop of [/CheckStock/, /ReserveStocks/, /send order-events/, /order-events process/, /deliver/])
      await eventually(`a span ${hop}`, () => spans.some((span) => span.traceId === traceId && hop.test(span.name)))
    for (const service of ['gateway', 'order-service', 'notification-service'])
      await eventually(`the trace in the log of ${service}`, () => readLog(service).includes(traceId))
    for (const service of ['gateway', 'auth-service', 'product-service', 'order-service', 'notification-service'])
      for (const secret of [customer.email, admin.email, 'Camille', 'Bearer '])
        expect(readLog(service)).not.toContain(secret)
  })
})

describe('with one part down', () => {
  const readOrder = `query ReadOrder($id: ID!) {
    me { name }
    order(id: $id) { total customer { name } items { name product { stock } } notifications { subject } } }`

  it.each([
    ['notification', 1, { notifications: null }, [['order', 'notifications']]],
    ['product', 1, { items: [{ product: null }] }, [['order', 'items', 0, 'product']]],
    ['auth', 2, { customer: null }, [['me'], ['order', 'customer']]],
  ] as const)(
    '%s-service: the others answer, and each missing part has one error',
    async (service, count, missingPart, paths) => {
      const customer = await shop.createCustomer()
      const { id: productId } = await shop.createProduct(admin)
      const { body: order } = await customer.rest('POST', '/orders', { items: [{ productId, quantity: 1 }] })
      await shop.waitForOrderEmails(1, order.id)
      await started.processes[service].kill('SIGKILL')
      try {
        const { data, errors } = await customer.graphql(readOrder, { id: order.id })
        expect(data.order).toMatchObject({ total: 12.9, ...missingPart })
        expect(errors).toHaveLength(count)
        expect(new Set(errors!.map(({ path }) => path?.join('.')))).toEqual(
          new Set(paths.map((path) => path.join('.'))),
        )
        for (const { extensions } of errors!) expect(extensions).toMatchObject({ code: 'UNAVAILABLE' })
        expect(JSON.stringify(errors)).not.toMatch(/127\.0\.0\.1|ECONN|stack|service/i)
        const readiness = await fetch(`${started.running.gatewayOperator}/readyz`)
        expect(readiness.status).toBe(503)
        expect(await readiness.text()).toContain(`"${service}-service":"missing"`)
      } finally {
        await started.processes[service].restart()
      }
      const { errors } = await customer.graphql(readOrder, { id: order.id })
      expect(errors).toBeUndefined()
    },
  )

  it('product-service: an order is UNAVAILABLE by REST and GraphQL, and none is created', async () => {
    const customer = await shop.createCustomer()
    const { id: productId } = await shop.createProduct(admin, { stock: 3 })
    const items = [{ productId, quantity: 1 }]
    await started.processes.product.kill('SIGKILL')
    try {
      const answer = await customer.rest('POST', '/orders', { items })
      expect(answer).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } })
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
      const { errors } = await customer.graphql(
        'mutation P($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }',
        {
          input: { items },
        },
      )
      expect(errors).toMatchObject([{ path: ['placeOrder'], extensions: { code: 'UNAVAILABLE' } }])
    } finally {
      await started.processes.product.restart()
    }
    expect((await customer.rest('GET', `/orders/${customer.id}`)).body.items).toEqual([])
    const placed = await eventually('an order is placed again', async () => {
      const answer = await customer.rest('POST', '/orders', { items })
      return answer.status === 201 && answer
    })
    expect(placed.body.status).toBe('Reçue')
  })

  it('Kafka: orders are placed, and their events are published when it is back', async () => {
    const customer = await shop.createCustomer()
    const { id: productId } = await shop.createProduct(admin)
    await started.processes.kafka.kill('SIGKILL')
    const placed = await customer.rest('POST', '/orders', { items: [{ productId, quantity: 1 }] })
    await started.processes.kafka.restart()
    expect(placed.status).toBe(201)
    const [email] = await eventually('the e-mail of the order', async () => {
      const emails = await shop.findOrderEmails(placed.body.id)
      return emails.length > 0 && emails
    })
    expect(email!.subject).toContain(`#${placed.body.number}`)
  })
})

it('stopping a shop ends all its processes', async () => {
  const pids = Object.entries(started.running.pids).filter(([name]) => name !== 'shop')
  expect(pids.length).toBeGreaterThanOrEqual(5)
  await started.stop()
  for (const [name, pid] of pids) expect(() => process.kill(pid, 0), name).toThrow(/ESRCH/)
})
