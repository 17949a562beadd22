import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { startShop, type Shop as Started } from '@halles/servers/shop'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shopAt, type Shop, type Visitor } from './kit.ts'

// These stories break things, so they have a shop to themselves, servers and all.

/** What matters of a span, of OTLP's JSON. */
type Span = { service: string; name: string; traceId: string }

let started: Started
let shop: Shop
let admin: Visitor
let collector: Server
const spans: Span[] = []

/** Takes OTLP over HTTP, as JSON, and keeps the spans. */
async function collect(): Promise<string> {
  collector = createServer((request, response) => {
    void text(request).then((body) => {
      keep(body)
      response.setHeader('content-type', 'application/json').end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(collector, 'listening')
  return `http://127.0.0.1:${(collector.address() as AddressInfo).port}`
}

function keep(body: string): void {
  for (const { resource, scopeSpans } of JSON.parse(body).resourceSpans) {
    const service = resource.attributes.find(({ key }: { key: string }) => key === 'service.name').value.stringValue
    for (const scope of scopeSpans) for (const { name, traceId } of scope.spans) spans.push({ service, name, traceId })
  }
}

beforeAll(async () => {
  const telemetry = {
    OTEL_EXPORTER_OTLP_ENDPOINT: await collect(),
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '200',
    OTEL_METRICS_EXPORTER: 'none',
    OTEL_LOGS_EXPORTER: 'none',
  }
  // What is down here stays down: no use in waiting for it.
  const gateway = { ...telemetry, UPSTREAM_PATIENCE_MS: '500' }
  const env = { gateway, auth: telemetry, product: telemetry, order: telemetry, notification: telemetry }
  started = await startShop({ env })
  const { mailbox, accounts } = started.running
  shop = shopAt({ gateway: started.running.gateway, mailbox, admin: accounts.admin })
  admin = await shop.admin()
})

afterAll(async () => {
  await started?.stop()
  collector.close()
})

const logOf = (service: string): string => readFileSync(path.join(started.logs, `${service}.log`), 'utf8')

describe('one purchase', () => {
  it('is one trace: a span of each hop, and its id in every log', async () => {
    const camille = await shop.customer()
    const { id: productId } = await shop.product(admin)
    const traceId = randomBytes(16).toString('hex')
    const { body: order } = await camille.rest(
      'POST',
      '/orders',
      { items: [{ productId, quantity: 1 }] },
      { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` },
    )
    const [letter] = await shop.lettersOnce(1, order.id)
    expect(JSON.stringify(letter!.headers)).toContain(traceId)

    const services = ['gateway', 'order-service', 'product-service', 'notification-service']
    const of = (service: string) => spans.filter((span) => span.service === service && span.traceId === traceId)
    await eventually('spans of every hop', () => services.every((service) => of(service).length > 0))
    for (const hop of [/CheckStock/, /ReserveStocks/, /send order-events/, /order-events process/, /deliver/])
      await eventually(`a span ${hop}`, () => spans.some((span) => span.traceId === traceId && hop.test(span.name)))
    for (const service of ['gateway', 'order-service', 'notification-service'])
      await eventually(`the trace in the log of ${service}`, () => logOf(service).includes(traceId))
    for (const service of ['gateway', 'auth-service', 'product-service', 'order-service', 'notification-service'])
      for (const secret of [camille.email, admin.email, 'Camille', 'Bearer '])
        expect(logOf(service)).not.toContain(secret)
  })
})

describe('with a service down', () => {
  const look = `query Look($id: ID!) {
    me { name }
    order(id: $id) { total customer { name } items { name product { stock } } notifications { subject } } }`

  it.each([
    ['notification', 1, { notifications: null }, [['order', 'notifications']]],
    ['product', 1, { items: [{ product: null }] }, [['order', 'items', 0, 'product']]],
    ['auth', 2, { customer: null }, [['me'], ['order', 'customer']]],
  ] as const)('%s: the others answer, and each missing part has one error', async (service, count, part, paths) => {
    const camille = await shop.customer()
    const { id: productId } = await shop.product(admin)
    const { body: order } = await camille.rest('POST', '/orders', { items: [{ productId, quantity: 1 }] })
    await shop.lettersOnce(1, order.id)
    await started.processes[service].kill('SIGKILL')
    try {
      const { data, errors } = await camille.graphql(look, { id: order.id })
      expect(data.order).toMatchObject({ total: 12.9, ...part })
      expect(errors).toHaveLength(count)
      expect(new Set(errors!.map(({ path }) => path?.join('.')))).toEqual(new Set(paths.map((path) => path.join('.'))))
      for (const { extensions } of errors!) expect(extensions).toMatchObject({ code: 'UNAVAILABLE' })
      expect(JSON.stringify(errors)).not.toMatch(/127\.0\.0\.1|ECONN|stack|service/i)
      const ready = await fetch(`${started.running.gatewayOperator}/readyz`)
      expect(ready.status).toBe(503)
      expect(await ready.text()).toContain(`"${service}-service":"missing"`)
    } finally {
      await started.processes[service].restart()
    }
    const { errors } = await camille.graphql(look, { id: order.id })
    expect(errors).toBeUndefined()
  })

  it('product: an order is refused as unavailable by both doors, and leaves nothing behind', async () => {
    const camille = await shop.customer()
    const { id: productId } = await shop.product(admin, { stock: 3 })
    const items = [{ productId, quantity: 1 }]
    await started.processes.product.kill('SIGKILL')
    try {
      const answer = await camille.rest('POST', '/orders', { items })
      expect(answer).toMatchObject({ status: 503, body: { code: 'UNAVAILABLE' } })
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/)
      const { errors } = await camille.graphql(
        'mutation P($input: PlaceOrderInput!) { placeOrder(input: $input) { id } }',
        {
          input: { items },
        },
      )
      expect(errors).toMatchObject([{ path: ['placeOrder'], extensions: { code: 'UNAVAILABLE' } }])
    } finally {
      await started.processes.product.restart()
    }
    expect((await camille.rest('GET', `/orders/${camille.id}`)).body.items).toEqual([])
    const placed = await eventually('an order goes through again', async () => {
      const answer = await camille.rest('POST', '/orders', { items })
      return answer.status === 201 && answer
    })
    expect(placed.body.status).toBe('Reçue')
  })

  it('Kafka: orders are taken, and told when it is back', async () => {
    const camille = await shop.customer()
    const { id: productId } = await shop.product(admin)
    await started.processes.kafka.kill('SIGKILL')
    const placed = await camille.rest('POST', '/orders', { items: [{ productId, quantity: 1 }] })
    await started.processes.kafka.restart()
    expect(placed.status).toBe(201)
    const [letter] = await eventually('its letter', async () => {
      const letters = await shop.letters(placed.body.id)
      return letters.length > 0 && letters
    })
    expect(letter!.subject).toContain(`#${placed.body.number}`)
  })
})

it('a shop that is stopped leaves nothing running', async () => {
  const pids = Object.entries(started.running.pids).filter(([name]) => name !== 'shop')
  expect(pids.length).toBeGreaterThanOrEqual(5)
  await started.stop()
  for (const [name, pid] of pids) expect(() => process.kill(pid, 0), name).toThrow(/ESRCH/)
})
