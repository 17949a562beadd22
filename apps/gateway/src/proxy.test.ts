import { Agent, request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { as, someone } from '@halles/testkit/people'
import { eventually } from '@halles/testkit/wait'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { gatewayTo, nowhere, smallShop, type Shop } from '../test/small-services.ts'
import type { Service } from './config.ts'

let shop: Shop
let gateway: FastifyInstance
let address: string
beforeAll(async () => {
  shop = await smallShop()
  gateway = await gatewayTo(shop.urls, { UPSTREAM_TIMEOUT_MS: '3000' })
  address = await gateway.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(() => shop.calm())
afterAll(async () => {
  await gateway.close()
  await shop.close()
})

/** Makes every service tell what it was asked. */
function echo(): void {
  for (const service of ['auth', 'product', 'order', 'notification'] as const)
    shop.misbehave[service] = (request, reply) => reply.send({ service, method: request.method, url: request.url })
}

describe('routes', () => {
  it.each<[string, string, Service, string]>([
    ['POST', '/api/register', 'auth', '/register'],
    ['POST', '/api/login', 'auth', '/login'],
    ['POST', '/api/refresh', 'auth', '/refresh'],
    ['POST', '/api/logout', 'auth', '/logout'],
    ['GET', '/api/me', 'auth', '/me'],
    ['DELETE', '/api/me', 'auth', '/me'],
    ['GET', '/api/me/data', 'auth', '/me/data'],
    ['GET', '/api/products?q=ch%C3%A2le&first=2', 'product', '/products?q=ch%C3%A2le&first=2'],
    ['PUT', '/api/products/p1', 'product', '/products/p1'],
    ['POST', '/api/products/p1/stock', 'product', '/products/p1/stock'],
    ['GET', '/images/chaise.svg', 'product', '/images/chaise.svg'],
    ['GET', '/api/images/chaise.svg', 'product', '/images/chaise.svg'],
    ['GET', '/api/orders/u1/o1?status=Re%C3%A7ue', 'order', '/orders/u1/o1?status=Re%C3%A7ue'],
    ['PUT', '/api/orders/o1/status', 'order', '/orders/o1/status'],
    ['DELETE', '/api/products/a%20b', 'product', '/products/a%20b'],
    ['GET', '/api/notifications', 'notification', '/notifications'],
    ['POST', '/api/notifications/n1/resend', 'notification', '/notifications/n1/resend'],
    ['GET', '/docs/order/', 'order', '/docs/'],
    ['GET', '/docs/order/static/swagger-ui.css', 'order', '/docs/static/swagger-ui.css'],
    ['GET', '/docs/order/openapi.json', 'order', '/openapi.json'],
  ])('%s %s is for %s: %s', async (method, from, service, to) => {
    echo()
    const answer = await gateway.inject({ method: method as 'GET', url: from })
    expect(answer.json()).toEqual({ service, method, url: to })
  })

  it.each([
    '/api',
    '/api/',
    '/api/nothing',
    '/api/metrics',
    '/api/healthz',
    '/api/graphql',
    '/images',
    '/docs/nothing/',
  ])('%s leads nowhere', async (url) => {
    echo()
    const answer = await gateway.inject(url)
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(answer.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    expect(shop.seen).toHaveLength(0)
  })

  it.each([
    '/api/products/../users',
    '/api/products/..',
    '/api/products/./p1',
    '/api/products/..;/users',
    '/api/products/..\\users',
    '/api/products/%2e%2e/users',
    '/api/products/.%2E/users',
    '/api/products/..%2fusers',
    '/api/products/%2e%2e%2fusers',
    '/api/products/%5c..%5cusers',
    '/api/products/...',
    '/api/products//p1',
    '/api//products',
    '//api/products',
    '/%61pi/products/../users',
    'http://elsewhere.example/api/products/../users',
    '/api/me/../revocations',
    '/api/me/..%2frevocations',
    '/api/orders/../graphql?query={__typename}',
    '/api/sessions/../../metrics',
    '/docs/auth/../revocations',
    '/docs/auth/%2e%2e/metrics',
    '/docs/auth/..%5creadyz',
    '/images/../readyz',
    '/images/..%5cmetrics',
  ])('%s is not there: nothing climbs out of what is public', async (path) => {
    echo()
    const answer = await raw({ method: 'GET', path })
    expect(answer.headers['content-type']).toContain('application/problem+json')
    expect(JSON.parse(answer.text)).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    expect(shop.seen).toHaveLength(0)
  })

  it.each(['/api/products/%', '/api/products/%ff', '/images/%E0%A4'])(
    '%s cannot be read, which is told like anything else',
    async (path) => {
      const answer = await raw({ method: 'GET', path })
      expect(answer.headers).toMatchObject({
        'content-type': 'application/problem+json; charset=utf-8',
        'x-trace-id': expect.any(String),
        'x-content-type-options': 'nosniff',
      })
      expect(JSON.parse(answer.text)).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' })
      expect(shop.seen).toHaveLength(0)
    },
  )

  it.each([
    ['/%61pi/products/p1', '/products/p1'],
    ['http://elsewhere.example/api/products/p1?a=1', '/products/p1?a=1'],
    ['/api/products/%252e%252e/p1', '/products/%252e%252e/p1'],
  ])('%s is the same address, written in another way', async (path, to) => {
    echo()
    const answer = await raw({ method: 'GET', path })
    expect(JSON.parse(answer.text)).toEqual({ service: 'product', method: 'GET', url: to })
  })

  it('the API page of a service has its slash, without which its files are not found', async () => {
    const answer = await gateway.inject('/docs/order')
    expect([answer.statusCode, answer.headers.location]).toEqual([302, '/docs/order/'])
  })
})

type Raw = { method: string; path: string; headers?: Record<string, string>; body?: string | undefined }

/** A request exactly as given, which neither inject nor fetch would send. */
const raw = ({ body, ...options }: Raw, base = address) =>
  new Promise<{ status: number | undefined; headers: NodeJS.Dict<string | string[]>; text: string }>(
    (resolve, reject) => {
      const { hostname, port } = new URL(base)
      const sent = httpRequest({ hostname, port, ...options }, (answer) => {
        let text = ''
        answer.setEncoding('utf8')
        answer.on('data', (chunk: string) => (text += chunk))
        answer.on('end', () => resolve({ status: answer.statusCode, headers: answer.headers, text }))
      })
      sent.on('error', reject)
      sent.end(body)
    },
  )

describe('what is passed on', () => {
  it('is the body as it is, broken JSON too: the service says what is wrong with it', async () => {
    let got = ''
    shop.misbehave.order = async (request, reply) => {
      for await (const chunk of request.raw) got += String(chunk)
      return reply.status(400).type('application/problem+json').send('{"code":"VALIDATION_FAILED"}')
    }
    const headers = { 'content-type': 'application/json' }
    const answer = await raw({ method: 'POST', path: '/api/orders', headers, body: '{"items":' })
    expect(got).toBe('{"items":')
    expect(answer).toMatchObject({ status: 400, text: '{"code":"VALIDATION_FAILED"}' })
  })

  it('streams in both directions: the service sees the first part before the last is sent', async () => {
    shop.misbehave.product = async (request, reply) => {
      reply.hijack()
      request.raw.on('data', (chunk) => reply.raw.write(chunk)).on('end', () => reply.raw.end())
    }
    const { hostname, port } = new URL(address)
    const parts: string[] = []
    await new Promise<void>((resolve, reject) => {
      const headers = { 'content-type': 'application/octet-stream' }
      const sent = httpRequest({ hostname, port, path: '/api/products', method: 'POST', headers }, (answer) => {
        answer.setEncoding('utf8')
        answer.on('data', (part: string) => {
          parts.push(part)
          if (parts.length === 1) sent.end('two') // sent only once the first came back
        })
        answer.on('end', resolve)
      })
      sent.on('error', reject)
      sent.write('one')
    })
    expect(parts.join('')).toBe('onetwo')
  })

  it('are the headers, without those that only the gateway may say', async () => {
    const { authorization } = await as(someone())
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await raw({
      method: 'POST',
      path: '/api/orders',
      headers: {
        authorization,
        traceparent,
        host: 'shop.example:8080',
        cookie: 'refresh=1',
        'idempotency-key': 'k1',
        'if-match': '"3"',
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        'x-forwarded-for': '6.6.6.6',
        'x-forwarded-prefix': '/evil',
        'x-real-ip': '6.6.6.6',
        forwarded: 'for=6.6.6.6',
        'x-gateway-secret': 'forged-by-a-client',
        te: 'trailers',
        expect: '100-continue',
        'keep-alive': 'timeout=5',
        connection: 'x-hop, keep-alive',
        'x-hop': '1',
      },
    })
    const { headers } = shop.seen[0]!
    expect(headers).toMatchObject({
      authorization,
      cookie: 'refresh=1',
      'idempotency-key': 'k1',
      'if-match': '"3"',
      'x-forwarded-host': 'shop.example:8080',
      'x-forwarded-proto': 'http',
      'x-forwarded-for': '127.0.0.1',
    })
    expect(headers['traceparent']).toMatch(/^00-0af7651916cd43dd8448eb211c80319c-(?!b7ad6b7169203331)/)
    for (const name of ['x-forwarded-prefix', 'x-real-ip', 'forwarded', 'te', 'expect', 'x-hop', 'keep-alive'])
      expect(headers).not.toHaveProperty(name)
    expect(headers).not.toHaveProperty('x-gateway-secret')
  })

  it('is where a client is, as a trusted proxy tells it, and no one else', async () => {
    const behind = await gatewayTo(shop.urls, { TRUSTED_PROXIES: '10.0.0.0/8,2001:db8::1' })
    const headers = {
      // The client wrote the first one itself.
      'x-forwarded-for': '6.6.6.6, 203.0.113.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.example',
    }
    const told = { 'x-forwarded-for': '203.0.113.9', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.example' }
    await behind.inject({ url: '/api/products', remoteAddress: '10.1.2.3', headers })
    await behind.inject({ url: '/api/products', remoteAddress: '198.51.100.7', headers })
    await behind.close()
    expect(shop.seen[0]!.headers).toMatchObject(told)
    expect(shop.seen[1]!.headers).toMatchObject({ 'x-forwarded-for': '198.51.100.7', 'x-forwarded-proto': 'http' })
    expect(shop.seen[1]!.headers['x-forwarded-host']).not.toBe('shop.example')
  })

  it('carries what the gateway proves itself with, at both doors, whatever a client writes there', async () => {
    const proven = await gatewayTo(shop.urls, { GATEWAY_SECRET: 'between-gateway-and-services' })
    const headers = { 'x-gateway-secret': 'forged-by-a-client', 'user-agent': 'a browser' }
    await proven.inject({ url: '/api/products', headers })
    await proven.inject({ method: 'POST', url: '/graphql', headers, payload: { query: '{ products { totalCount } }' } })
    expect(shop.seen).toHaveLength(2)
    for (const { headers: seen } of shop.seen)
      expect(seen).toMatchObject({ 'x-gateway-secret': 'between-gateway-and-services', 'user-agent': 'a browser' })
    for (const url of ['/openapi.json', '/docs/auth/', '/docs/auth/openapi.json', '/images/chaise.svg'])
      await proven.inject({ url, headers })
    await proven.close()
    expect(shop.seen).toHaveLength(2 + 4 + 3) // /openapi.json is of all four
    for (const { headers: seen } of shop.seen)
      expect(seen).toMatchObject({ 'x-gateway-secret': 'between-gateway-and-services' })
  })
})

describe('a body in chunks', () => {
  const LARGEST = 1_048_576
  const path = '/api/orders'
  const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
  /** What the order service got of bodies, in bytes, and how each ended. */
  function listening() {
    const heard: { bytes: number; ended: 'whole' | 'broken' | undefined }[] = []
    shop.misbehave.order = (request, reply) => {
      const body: (typeof heard)[number] = { bytes: 0, ended: undefined }
      heard.push(body)
      reply.hijack()
      request.raw.on('data', (chunk: Buffer) => (body.bytes += chunk.length))
      request.raw.on('end', () => {
        body.ended = 'whole'
        reply.raw.writeHead(201).end('{}')
      })
      request.raw.on('close', () => (body.ended ??= 'broken'))
    }
    return heard
  }
  /** Sends so many bytes as fast as they are taken, over a connection that is kept. */
  const send = (bytes: number, agent: Agent) =>
    new Promise<{ status: number | undefined; type: string | undefined; text: string; reused: boolean }>(
      (resolve, reject) => {
        const { hostname, port } = new URL(address)
        const sent = httpRequest({ hostname, port, path, method: 'POST', headers, agent }, (answer) => {
          const type = answer.headers['content-type']
          void text(answer).then((told) =>
            resolve({ status: answer.statusCode, type, text: told, reused: sent.reusedSocket }),
          )
        })
        sent.on('error', reject)
        Readable.from(pieces(bytes)).pipe(sent)
      },
    )
  function* pieces(bytes: number) {
    const piece = Buffer.alloc(16_000, ' ')
    for (let left = bytes; left > 0; left -= piece.length) yield piece.subarray(0, left)
  }

  it('is passed on up to what services take; one byte more is PAYLOAD_TOO_LARGE, and the service is let go', async () => {
    const heard = listening()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    expect(await send(LARGEST, agent)).toMatchObject({ status: 201 })
    expect(heard).toEqual([{ bytes: LARGEST, ended: 'whole' }])
    // Node’s own client sends no more once it has an answer, so the connection of the last one is of no use.
    const another = new Agent()
    onTestFinished(() => another.destroy())
    for (const [bytes, by] of [[LARGEST + 1, agent] as const, [20_000_000, another] as const]) {
      const refused = await send(bytes, by)
      expect(refused.type).toContain('application/problem+json')
      expect(JSON.parse(refused.text)).toMatchObject({ status: 413, code: 'PAYLOAD_TOO_LARGE' })
    }
    await eventually('the service was let go', async () => heard.every(({ ended }) => ended !== undefined))
    expect(heard.map(({ ended }) => ended)).toEqual(['whole', 'broken', 'broken'])
    for (const { bytes } of heard) expect(bytes).toBeLessThanOrEqual(LARGEST)
    // What was too much was read to its end, so that the connection goes on.
    expect(await send(10, agent)).toMatchObject({ status: 201, reused: true })
  })

  it('whose sender breaks off leaves no service waiting', async () => {
    const heard = listening()
    const { hostname, port } = new URL(address)
    const sent = httpRequest({ hostname, port, path, method: 'POST', headers })
    sent.on('error', () => {}) // it is this end that breaks off
    sent.write('{"items":')
    await eventually('it has begun', async () => heard[0]?.bytes === 9)
    sent.destroy()
    await eventually('the service was let go', async () => heard[0]!.ended !== undefined)
    expect(heard).toEqual([{ bytes: 9, ended: 'broken' }])
  })

  it('that never ends is given up when its time is', async () => {
    listening()
    const { requestTimeout, headersTimeout } = gateway.server
    Object.assign(gateway.server, { requestTimeout: 1000, headersTimeout: 1000 })
    try {
      const { hostname, port } = new URL(address)
      const statuses: (number | undefined)[] = []
      await new Promise((resolve) => {
        const endless = Readable.from(pieces(Infinity))
        const sent = httpRequest({ hostname, port, path, method: 'POST', headers }, (answer) => {
          statuses.push(answer.statusCode)
          answer.resume()
        })
        sent.on('error', () => {}) // the other end gives up
        sent.on('close', () => {
          endless.destroy()
          resolve(undefined)
        })
        endless.pipe(sent)
      })
      expect(statuses).toEqual([413])
    } finally {
      Object.assign(gateway.server, { requestTimeout, headersTimeout })
    }
  })

  it('to a service that is away is UNAVAILABLE', async () => {
    const lost = await gatewayTo({ ...shop.urls, order: await nowhere() })
    const base = await lost.listen({ host: '127.0.0.1', port: 0 })
    const answer = await raw({ method: 'POST', path, headers, body: 'x'.repeat(300_000) }, base)
    expect(JSON.parse(answer.text)).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
    await lost.close()
  })
})

describe('what is passed back', () => {
  it('is status, headers and body as they are, and Location as the client sees it', async () => {
    shop.misbehave.order = (_request, reply) =>
      reply
        .status(201)
        .headers({
          location: '/orders/u1/o1',
          etag: '"1"',
          'idempotent-replayed': 'true',
          'set-cookie': ['a=1; Path=/api', 'b=2'],
          'content-type': 'application/json; charset=utf-8',
        })
        .send('{"number": "1" }')
    const answer = await raw({ method: 'POST', path: '/api/orders' })
    expect(answer).toMatchObject({ status: 201, text: '{"number": "1" }' })
    expect(answer.headers).toMatchObject({
      location: '/api/orders/u1/o1',
      etag: '"1"',
      'idempotent-replayed': 'true',
      'set-cookie': ['a=1; Path=/api', 'b=2'],
      'content-type': 'application/json; charset=utf-8',
    })
  })

  it('is an answer without a body too', async () => {
    shop.misbehave.product = (_request, reply) => reply.status(304).header('etag', '"1"').send()
    const answer = await raw({ method: 'GET', path: '/api/products/p1' })
    expect(answer).toMatchObject({ status: 304, text: '' })
    expect(answer.headers['etag']).toBe('"1"')
  })
})

describe('a service', () => {
  it('that is away is UNAVAILABLE', async () => {
    const lost = await gatewayTo({ ...shop.urls, order: await nowhere() })
    const base = await lost.listen({ host: '127.0.0.1', port: 0 })
    for (const body of [undefined, '{}', 'x'.repeat(1_000_000)]) {
      const answer = await raw({ method: body ? 'POST' : 'GET', path: '/api/orders', body }, base)
      expect(answer.headers['content-type']).toContain('application/problem+json')
      expect(answer.headers['retry-after']).toBe('2')
      expect(JSON.parse(answer.text)).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
      expect(answer.text).not.toMatch(/127\.0\.0\.1|ECONN/)
    }
    const ready = await lost.operator!.inject('/readyz')
    expect(ready.statusCode).toBe(503)
    expect(ready.json().needs).toEqual({
      'auth-service': 'ok',
      'product-service': 'ok',
      'order-service': 'missing',
      'notification-service': 'ok',
    })
    expect((await lost.inject('/healthz')).statusCode).toBe(200)
    await lost.close()
  })

  it('that is slow is TIMEOUT', async () => {
    shop.misbehave.order = () => new Promise(() => {})
    const answer = await gateway.inject('/api/orders')
    expect(answer.headers['retry-after']).toBe('2')
    expect(answer.json()).toMatchObject({ status: 504, code: 'TIMEOUT' })
  })

  it('that says 503 is believed: nothing is asked again', async () => {
    shop.misbehave.order = (_request, reply) =>
      reply.status(503).header('retry-after', '2').send({ code: 'UNAVAILABLE' })
    for (const method of ['GET', 'POST'] as const) {
      shop.seen.length = 0
      expect((await gateway.inject({ method, url: '/api/orders' })).statusCode).toBe(503)
      expect(shop.seen).toHaveLength(1)
    }
  })

  it.each([
    ['GET', 2],
    ['POST', 1],
    ['PUT', 1],
    ['DELETE', 1],
  ] as const)('that breaks off: a %s reaches it %i times', async (method, times) => {
    shop.misbehave.order = (_request, reply) => reply.raw.destroy()
    const answer = await gateway.inject({ method, url: '/api/orders' })
    expect(answer.json()).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
    expect(shop.seen).toHaveLength(times)
  })
})

it('a token that is not good goes no further', async () => {
  echo()
  const answer = await gateway.inject({ url: '/api/products', headers: { authorization: 'Bearer x.y.z' } })
  expect(answer.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
  expect(shop.seen).toHaveLength(0)
})
