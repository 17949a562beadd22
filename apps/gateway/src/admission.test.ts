import { request as httpRequest, type ClientRequest } from 'node:http'
import { text as readText } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'
import { DEADLINE_HEADER } from '@halles/concurrency/caller'
import { eventually } from '@halles/test-fixtures/wait'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestGateway, startFakeServices, type FakeServices } from '../test/fake-services.ts'
import type { GraphQLResponse } from '../test/graphql-client.ts'
import { createAdmission } from './admission.ts'
import { services } from './config.ts'

type Answer = {
  status: number
  body: object
  code: string | undefined
  retryAfter: string | undefined
  type: string
  ms: number
}

let fakeServices: FakeServices
let gateway: FastifyInstance
let port: number
beforeAll(async () => {
  fakeServices = await startFakeServices()
})
beforeEach(async () => {
  gateway = await createTestGateway(fakeServices.urls, { RATE_LIMIT: '0', MAX_OPEN_REQUESTS: '0' })
  port = Number(new URL(await gateway.listen({ host: '127.0.0.1', port: 0 })).port)
})
afterEach(async () => {
  for (const release of releases.splice(0)) release()
  for (const request of started) request.destroy()
  started.clear()
  fakeServices.reset()
  await gateway.close()
})
afterAll(() => fakeServices.close())

/** The requests of the present test. */
const started = new Set<ClientRequest>()

/** Starts a request from an address of this machine, which `abort` ends. */
function start(localAddress: string, method: string, path: string, body?: string, headers = {}) {
  const startedAt = performance.now()
  const request = httpRequest({
    port,
    host: '127.0.0.1',
    localAddress,
    method,
    path,
    headers: { 'content-type': 'application/json', ...headers },
  })
  started.add(request)
  const answer = new Promise<Answer>((resolve, reject) => {
    request.on('error', reject)
    request.on('response', (response) => {
      const { statusCode, headers: responseHeaders } = response
      readText(response).then((text) => {
        const parsed = JSON.parse(text) as object & { code?: string; errors?: { extensions: { code: string } }[] }
        resolve({
          status: statusCode!,
          body: parsed,
          code: parsed.code ?? parsed.errors?.[0]?.extensions.code,
          retryAfter: responseHeaders['retry-after'],
          type: responseHeaders['content-type']!,
          ms: performance.now() - startedAt,
        })
      }, reject)
    })
  })
  answer.catch(() => {}) // aborted
  request.end(body)
  return { answer, abort: () => request.destroy() }
}
const send = (...request: Parameters<typeof start>): Promise<Answer> => start(...request).answer

const operation = JSON.stringify({ query: '{ products { totalCount } }' })
const orderAndProduct = JSON.stringify({ query: '{ order(id: "o1") { number } product(id: "p1") { name } }' })
const ATTACKER = '127.0.9.1'
const OTHER = '127.0.7.1'

const releases: (() => void)[] = []
/** Makes a service hold its requests until the returned function, or the end of the test, lets them go on. */
function hold(service: 'product' | 'order'): () => void {
  const { promise, resolve } = Promise.withResolvers<void>()
  fakeServices.faults[service] = () => promise
  releases.push(() => resolve())
  return () => resolve()
}

/** Sends so many requests to order-service, from 200 networks, that a further one is refused. */
async function fillOrderService(method: string, path: string, body?: string): Promise<void> {
  hold('order')
  let answered = 0
  for (let n = 0; n < 700; n++)
    start(`127.0.${n % 200}.1`, method, path, body).answer.then(
      () => answered++,
      () => {}, // it is destroyed at the end
    )
  // 512 have a slot, one for each connection and one that waits for it.
  await eventually('the others are answered', () => answered === 188)
}

// Only Linux has all addresses of 127.0.0.0/8.
describe.skipIf(process.platform !== 'linux')('admission, when a service answers nothing', () => {
  it('refuses what one client sends beyond its share at once, and other clients wait for the service', async () => {
    const release = hold('order')
    const statuses: number[] = []
    const flood = Array.from({ length: 600 }, () =>
      start(ATTACKER, 'GET', '/api/orders').answer.then(({ status }) => void statuses.push(status)),
    )
    // Four fifths of 512 slots.
    await eventually('the others are refused', () => statuses.length === 600 - 410)
    const refused = await send(ATTACKER, 'GET', '/api/orders')
    expect(refused).toMatchObject({ status: 503, code: 'UNAVAILABLE', type: 'application/problem+json; charset=utf-8' })
    expect(refused.retryAfter).toMatch(/^[123]$/)
    expect(refused.ms).toBeLessThan(500)
    expect(await send(ATTACKER, 'GET', '/api/products/p1')).toMatchObject({ status: 200 })
    expect(await send(OTHER, 'POST', '/graphql', operation)).toMatchObject({ status: 200, code: undefined })
    const bystander = start(OTHER, 'GET', '/api/orders')
    await pause(100)
    release()
    expect(await bystander.answer).toMatchObject({ status: 404 }) // not refused: the fake service has no such route
    await Promise.all(flood)
    expect(statuses.filter((status) => status === 503)).toHaveLength(190)
    expect(statuses.filter((status) => status === 404)).toHaveLength(410)
  })

  it('refuses a request before its token is verified and its body is sent', async () => {
    await fillOrderService('GET', '/api/orders')
    const headers = { 'content-length': 1000, authorization: 'Bearer forged' }
    const request = httpRequest({ port, host: '127.0.0.1', method: 'POST', path: '/api/orders', headers })
    started.add(request.on('error', () => {}))
    const status = new Promise((resolve) => request.on('response', ({ statusCode }) => resolve(statusCode)))
    request.flushHeaders()
    expect(await status).toBe(503)
  })

  it('answers what other services know of an operation', async () => {
    await fillOrderService('POST', '/graphql', orderAndProduct)
    const { data, errors } = (await send(OTHER, 'POST', '/graphql', orderAndProduct)).body as GraphQLResponse
    expect(data).toEqual({ order: null, product: { name: 'Chaise' } })
    expect(errors).toMatchObject([{ path: ['order'], extensions: { code: 'UNAVAILABLE' } }])
    expect(await send(OTHER, 'GET', '/healthz')).toMatchObject({ status: 200 })
  })
})

describe('admission of GraphQL operations', () => {
  const networks = (n: number) => [{ cidr: `client ${n}`, share: 1 }]
  const requestOf = (url: string, n: number) => ({ routeOptions: { url }, networks: networks(n) }) as never

  it('refuses operations beyond its limit, and no other request', async () => {
    const { execute, refuseBeyondCapacity } = createAdmission(
      Object.fromEntries(services.map((service) => [service, { isBusy: () => false }])) as never,
    )
    const { promise, resolve } = Promise.withResolvers<object>()
    const run = (n: number) => execute(() => promise)({ contextValue: { request: { networks: networks(n) } } } as never)
    const running = Array.from({ length: 1024 }, (_, n) => run(n))
    expect(() => refuseBeyondCapacity(requestOf('/graphql', 2000))).toThrow('busy')
    await expect(run(2000)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    for (const url of ['/api/orders', '/healthz', '/problems']) refuseBeyondCapacity(requestOf(url, 2000))
    resolve({ data: null })
    await Promise.all(running)
    refuseBeyondCapacity(requestOf('/graphql', 2000))
  })
})

describe('deadlines', () => {
  it('are sent to the services, and a client may only shorten them', async () => {
    const sent = async (headers: Record<string, string>) => {
      fakeServices.requests.length = 0
      await send('127.0.0.1', 'GET', '/api/products/p1', undefined, headers)
      await send('127.0.0.1', 'POST', '/graphql', operation, headers)
      return fakeServices.requests.map((request) => Number(request.headers[DEADLINE_HEADER]))
    }
    for (const ms of await sent({})) expect(ms).toBe(10_000)
    for (const ms of await sent({ [DEADLINE_HEADER]: '60000' })) expect(ms).toBe(10_000)
    for (const ms of await sent({ [DEADLINE_HEADER]: 'soon' })) expect(ms).toBe(10_000)
    const shortened = await sent({ [DEADLINE_HEADER]: '3000' })
    expect(shortened).toHaveLength(2)
    for (const ms of shortened) {
      expect(ms).toBeLessThanOrEqual(3000)
      expect(ms).toBeGreaterThan(1000)
    }
  })

  it('that have passed are answered TIMEOUT, and reach no service', async () => {
    const passed = { [DEADLINE_HEADER]: '0' }
    expect(await send('127.0.0.1', 'GET', '/api/products/p1', undefined, passed)).toMatchObject({
      status: 504,
      code: 'TIMEOUT',
    })
    expect(await send('127.0.0.1', 'POST', '/graphql', operation, passed)).toMatchObject({ code: 'TIMEOUT' })
    expect(fakeServices.requests).toEqual([])
  })
})

describe('a client that is gone', () => {
  it('leaves no fetch to be begun', async () => {
    const release = hold('order')
    const { abort } = start(
      '127.0.0.1',
      'POST',
      '/graphql',
      JSON.stringify({
        query: '{ orders { nodes { items { product { name } } } } }',
      }),
    )
    await eventually('the first fetch is sent', () => fakeServices.requests.length === 1)
    abort()
    await pause(100)
    release()
    await send('127.0.0.1', 'GET', '/api/products/p1')
    await pause(200)
    expect(fakeServices.requests.map(({ service, url }) => `${service} ${url}`)).toEqual([
      'order /graphql',
      'product /products/p1',
    ])
  })

  it('leaves no request that waits for a connection to be sent', async () => {
    const release = hold('order')
    const requests = Array.from({ length: 400 }, (_, n) => start(`127.0.${n % 200}.1`, 'GET', '/api/orders'))
    await eventually('all connections are taken', () => fakeServices.requests.length === 256)
    await pause(200)
    for (const { abort } of requests) abort()
    await eventually('the gateway has noticed', async () => (await send(OTHER, 'GET', '/healthz')).status === 200)
    await pause(200)
    release()
    await send(OTHER, 'GET', '/api/orders')
    expect(fakeServices.requests.length).toBe(257)
  })
})
