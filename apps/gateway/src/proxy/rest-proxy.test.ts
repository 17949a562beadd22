import { Agent, request as httpRequest } from 'node:http'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { authorizationHeader, createPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createTestGateway, findUnusedAddress, startFakeServices, type FakeServices } from '../../test/fake-services.ts'
import type { Service } from '../config.ts'

let fakeServices: FakeServices
let gateway: FastifyInstance
let address: string
let signedIn: { authorization: string }
beforeAll(async () => {
  signedIn = await authorizationHeader(createPrincipal())
  fakeServices = await startFakeServices()
  gateway = await createTestGateway(fakeServices.urls, { UPSTREAM_TIMEOUT_MS: '3000' })
  address = await gateway.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(() => fakeServices.reset())
afterAll(async () => {
  await gateway.close()
  await fakeServices.close()
})

/** Makes every service response with the request that it received. */
function echoRequests(): void {
  for (const service of ['auth', 'product', 'order', 'notification'] as const)
    fakeServices.faults[service] = (request, reply) => reply.send({ service, method: request.method, url: request.url })
}

describe('REST proxy', () => {
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
  ])('forwards %s %s to %s-service as %s', async (method, from, service, to) => {
    echoRequests()
    const response = await gateway.inject({ method: method as 'GET', url: from })
    expect(response.json()).toEqual({ service, method, url: to })
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
  ])('answers 404 for %s without calling a service', async (url) => {
    echoRequests()
    const response = await gateway.inject(url)
    expect(response.headers['content-type']).toContain('application/problem+json')
    expect(response.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    expect(fakeServices.requests).toHaveLength(0)
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
  ])('answers 404 for the path traversal %s without calling a service', async (path) => {
    echoRequests()
    const response = await sendRaw({ method: 'GET', path })
    expect(response.headers['content-type']).toContain('application/problem+json')
    expect(JSON.parse(response.text)).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    expect(fakeServices.requests).toHaveLength(0)
  })

  it.each(['/api/products/%', '/api/products/%ff', '/images/%E0%A4'])(
    'answers problem details with VALIDATION_FAILED for the invalid encoding %s',
    async (path) => {
      const response = await sendRaw({ method: 'GET', path })
      expect(response.headers).toMatchObject({
        'content-type': 'application/problem+json; charset=utf-8',
        'x-trace-id': expect.any(String),
        'x-content-type-options': 'nosniff',
      })
      expect(JSON.parse(response.text)).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' })
      expect(fakeServices.requests).toHaveLength(0)
    },
  )

  it.each([
    ['/%61pi/products/p1', '/products/p1'],
    ['http://elsewhere.example/api/products/p1?a=1', '/products/p1?a=1'],
    ['/api/products/%252e%252e/p1', '/products/%252e%252e/p1'],
  ])('forwards %s, an equivalent form of a path, as %s', async (path, to) => {
    echoRequests()
    const response = await sendRaw({ method: 'GET', path })
    expect(JSON.parse(response.text)).toEqual({ service: 'product', method: 'GET', url: to })
  })

  it('redirects the API documentation of a service to its path with a trailing slash', async () => {
    const response = await gateway.inject('/docs/order')
    expect([response.statusCode, response.headers.location]).toEqual([302, '/docs/order/'])
  })
})

type RawRequest = { method: string; path: string; headers?: Record<string, string>; body?: string | undefined }

/** Sends a request exactly as given: inject and fetch would normalize it. */
const sendRaw = ({ body, ...options }: RawRequest, base = address) =>
  new Promise<{ status: number | undefined; headers: NodeJS.Dict<string | string[]>; text: string }>(
    (resolve, reject) => {
      const { hostname, port } = new URL(base)
      const request = httpRequest({ hostname, port, ...options }, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, text }))
      })
      request.on('error', reject)
      request.end(body)
    },
  )

describe('a request to a service', () => {
  it('has the body of the client unchanged, invalid JSON too: the service validates it', async () => {
    let received = ''
    fakeServices.faults.order = async (request, reply) => {
      for await (const chunk of request.raw) received += String(chunk)
      return reply.status(400).type('application/problem+json').send('{"code":"VALIDATION_FAILED"}')
    }
    const headers = { 'content-type': 'application/json; charset=utf-8', ...signedIn }
    const response = await sendRaw({ method: 'POST', path: '/api/orders', headers, body: '{"items":' })
    expect(received).toBe('{"items":')
    expect(response).toMatchObject({ status: 400, text: '{"code":"VALIDATION_FAILED"}' })
  })

  it('is sent when its body is complete: the service gets nothing before the last part', async () => {
    echoRequests()
    const { hostname, port } = new URL(address)
    const headers = { 'content-type': 'application/octet-stream', ...signedIn }
    const request = httpRequest({ hostname, port, path: '/api/products', method: 'POST', headers })
    const responded = new Promise((resolve) => request.on('response', (response) => resolve(response.resume())))
    request.write('one')
    // A later request passes meanwhile.
    expect((await sendRaw({ method: 'GET', path: '/api/products/p1' })).status).toBe(200)
    expect(fakeServices.requests.map(({ method }) => method)).toEqual(['GET'])
    request.end('two')
    await responded
    expect(fakeServices.requests).toMatchObject([
      { method: 'GET' },
      { method: 'POST', headers: { 'content-type': 'application/octet-stream', 'content-length': '6' } },
    ])
  })

  it.each<[string, string, Record<string, string>]>([
    ['a body without signing in', '/api/orders', {}],
    ['a chunked body without signing in', '/api/products/p1', { 'transfer-encoding': 'chunked' }],
    ['an invalid token', '/api/login', { authorization: 'Bearer x.y.z' }],
  ])('is refused before its body is read: %s', async (_case, path, headers) => {
    const { hostname, port } = new URL(address)
    const length = headers['transfer-encoding'] ? {} : { 'content-length': '1000' }
    const request = httpRequest({ hostname, port, path, method: 'POST', headers: { ...headers, ...length } })
    onTestFinished(() => void request.destroy())
    request.on('error', () => {}) // of the end of this test
    request.write('{')
    const status = await new Promise((resolve) => request.on('response', (response) => resolve(response.statusCode)))
    expect(status).toBe(401)
    expect(fakeServices.requests).toHaveLength(0)
  })

  it('has the headers of the client, without those that only the gateway may set', async () => {
    const { authorization } = await authorizationHeader(createPrincipal())
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'
    await sendRaw({
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
    const { headers } = fakeServices.requests[0]!
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

  it.each<[Service, string, string, string | undefined]>([
    [
      'auth',
      '/api/refresh',
      'halles_refresh=a; __Secure-halles_refresh=b; c=1',
      'halles_refresh=a; __Secure-halles_refresh=b; c=1',
    ],
    ['order', '/api/orders', 'c=1; halles_refresh=a; d=x=y;__Secure-halles_refresh=b;halles_refresh=c', 'c=1; d=x=y'],
    ['product', '/images/chaise.svg', ' __Secure-halles_refresh = b', undefined],
    [
      'notification',
      '/api/notifications',
      'halles_refresh_2=a; xhalles_refresh=b',
      'halles_refresh_2=a; xhalles_refresh=b',
    ],
    ['product', '/docs/product/', 'halles_refresh', undefined],
  ])('has the refresh cookie only at auth-service: %s %s with %s', async (_service, path, cookie, expected) => {
    echoRequests()
    await sendRaw({ method: 'GET', path, headers: { cookie } })
    expect(fakeServices.requests[0]!.headers.cookie).toBe(expected)
  })

  it('has the client address from X-Forwarded-For of a trusted proxy, and of no one else', async () => {
    const gatewayBehindProxy = await createTestGateway(fakeServices.urls, { TRUSTED_PROXIES: '10.0.0.0/8,2001:db8::1' })
    const headers = {
      // The client itself set the first address.
      'x-forwarded-for': '6.6.6.6, 203.0.113.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.example',
    }
    const trusted = {
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-proto': 'https',
      'x-forwarded-host': 'shop.example',
    }
    await gatewayBehindProxy.inject({ url: '/api/products', remoteAddress: '10.1.2.3', headers })
    await gatewayBehindProxy.inject({ url: '/api/products', remoteAddress: '198.51.100.7', headers })
    await gatewayBehindProxy.close()
    expect(fakeServices.requests[0]!.headers).toMatchObject(trusted)
    expect(fakeServices.requests[1]!.headers).toMatchObject({
      'x-forwarded-for': '198.51.100.7',
      'x-forwarded-proto': 'http',
    })
    expect(fakeServices.requests[1]!.headers['x-forwarded-host']).not.toBe('shop.example')
  })

  it('has the gateway secret, by REST and GraphQL, whatever the client sets in its place', async () => {
    const gatewayWithSecret = await createTestGateway(fakeServices.urls, {
      GATEWAY_SECRET: 'between-gateway-and-services',
    })
    const headers = { 'x-gateway-secret': 'forged-by-a-client', 'user-agent': 'a browser' }
    await gatewayWithSecret.inject({ url: '/api/products', headers })
    await gatewayWithSecret.inject({
      method: 'POST',
      url: '/graphql',
      headers,
      payload: { query: '{ products { totalCount } }' },
    })
    expect(fakeServices.requests).toHaveLength(2)
    for (const { headers: received } of fakeServices.requests)
      expect(received).toMatchObject({ 'x-gateway-secret': 'between-gateway-and-services', 'user-agent': 'a browser' })
    for (const url of ['/openapi.json', '/docs/auth/', '/docs/auth/openapi.json', '/images/chaise.svg'])
      await gatewayWithSecret.inject({ url, headers })
    await gatewayWithSecret.close()
    expect(fakeServices.requests).toHaveLength(2 + 4 + 3) // /openapi.json needs all four services
    for (const { headers: received } of fakeServices.requests)
      expect(received).toMatchObject({ 'x-gateway-secret': 'between-gateway-and-services' })
  })
})

describe('a chunked body', () => {
  const MAX_BODY_BYTES = 1_048_576
  const path = '/api/orders'
  const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' }
  /** Makes order-service record the bodies that it receives: their bytes, and how each ended. */
  function recordBodies() {
    const bodies: { bytes: number; ended: 'complete' | 'aborted' | undefined }[] = []
    fakeServices.faults.order = (request, reply) => {
      const body: (typeof bodies)[number] = { bytes: 0, ended: undefined }
      bodies.push(body)
      reply.hijack()
      request.raw.on('data', (chunk: Buffer) => (body.bytes += chunk.length))
      request.raw.on('end', () => {
        body.ended = 'complete'
        reply.raw.writeHead(201).end('{}')
      })
      request.raw.on('close', () => (body.ended ??= 'aborted'))
    }
    return bodies
  }
  /** Sends `bytes` bytes as fast as they are accepted, over a connection of `agent`. */
  const send = (bytes: number, agent: Agent) =>
    new Promise<{ status: number | undefined; type: string | undefined; text: string; reused: boolean }>(
      (resolve, reject) => {
        const { hostname, port } = new URL(address)
        const all = { ...headers, ...signedIn }
        const request = httpRequest({ hostname, port, path, method: 'POST', headers: all, agent }, (response) => {
          const type = response.headers['content-type']
          void text(response).then((body) =>
            resolve({ status: response.statusCode, type, text: body, reused: request.reusedSocket }),
          )
        })
        request.on('error', reject)
        Readable.from(createChunks(bytes)).pipe(request)
      },
    )
  function* createChunks(bytes: number) {
    const chunk = Buffer.alloc(16_000, ' ')
    for (let left = bytes; left > 0; left -= chunk.length) yield chunk.subarray(0, left)
  }

  it('is forwarded up to the limit; one byte more is PAYLOAD_TOO_LARGE and does not reach the service', async () => {
    const bodies = recordBodies()
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    expect(await send(MAX_BODY_BYTES, agent)).toMatchObject({ status: 201 })
    expect(bodies).toEqual([{ bytes: MAX_BODY_BYTES, ended: 'complete' }])
    // Node's client stops sending once it has a response, so the last request has a connection of its own.
    const otherAgent = new Agent()
    onTestFinished(() => otherAgent.destroy())
    for (const [bytes, usedAgent] of [[MAX_BODY_BYTES + 1, agent] as const, [20_000_000, otherAgent] as const]) {
      const refused = await send(bytes, usedAgent)
      expect(refused.type).toContain('application/problem+json')
      expect(JSON.parse(refused.text)).toMatchObject({ status: 413, code: 'PAYLOAD_TOO_LARGE' })
    }
    expect(bodies).toHaveLength(1)
    // The rest of a body that was too large was read, so that the connection can be used again.
    expect(await send(10, agent)).toMatchObject({ status: 201, reused: true })
  })

  it('that the client aborts does not reach the service', async () => {
    const bodies = recordBodies()
    const { hostname, port } = new URL(address)
    const countConnections = () => new Promise((resolve) => gateway.server.getConnections((_error, n) => resolve(n)))
    await eventually('no connection is open', async () => (await countConnections()) === 0)
    const all = { ...headers, ...signedIn }
    const request = httpRequest({ hostname, port, path, method: 'POST', headers: all, agent: false })
    request.on('error', () => {}) // of the abort below
    request.write('{"items":')
    await eventually('the gateway has a connection', async () => (await countConnections()) === 1)
    request.destroy()
    await eventually('the gateway has closed it', async () => (await countConnections()) === 0)
    expect(bodies).toEqual([])
  })

  it('that never ends is ended by the request timeout', async () => {
    recordBodies()
    const { requestTimeout, headersTimeout } = gateway.server
    Object.assign(gateway.server, { requestTimeout: 1000, headersTimeout: 1000 })
    try {
      const { hostname, port } = new URL(address)
      const statuses: (number | undefined)[] = []
      await new Promise((resolve) => {
        const endlessBody = Readable.from(createChunks(Infinity))
        const all = { ...headers, ...signedIn }
        const request = httpRequest({ hostname, port, path, method: 'POST', headers: all }, (response) => {
          statuses.push(response.statusCode)
          response.resume()
        })
        request.on('error', () => {}) // the gateway closes the connection
        request.on('close', () => {
          endlessBody.destroy()
          resolve(undefined)
        })
        endlessBody.pipe(request)
      })
      expect(statuses).toEqual([413])
    } finally {
      Object.assign(gateway.server, { requestTimeout, headersTimeout })
    }
  })

  it('for a service that is down is UNAVAILABLE', async () => {
    const gatewayWithoutOrder = await createTestGateway({ ...fakeServices.urls, order: await findUnusedAddress() })
    const base = await gatewayWithoutOrder.listen({ host: '127.0.0.1', port: 0 })
    const response = await sendRaw(
      { method: 'POST', path, headers: { ...headers, ...signedIn }, body: 'x'.repeat(300_000) },
      base,
    )
    expect(JSON.parse(response.text)).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
    await gatewayWithoutOrder.close()
  })
})

describe('a response of a service', () => {
  it('streams: the client gets the first part before the last is sent', async () => {
    const { promise: lastPart, resolve: sendLastPart } = Promise.withResolvers<void>()
    fakeServices.faults.product = async (_request, reply) => {
      reply.hijack()
      reply.raw.write('one')
      await lastPart
      reply.raw.end('two')
    }
    const { hostname, port } = new URL(address)
    const parts: string[] = []
    await new Promise<void>((resolve, reject) => {
      httpRequest({ hostname, port, path: '/api/products' }, (response) => {
        response.setEncoding('utf8')
        response.on('data', (part: string) => {
          parts.push(part)
          sendLastPart() // only after the first part arrived
        })
        response.on('end', resolve)
      })
        .on('error', reject)
        .end()
    })
    expect(parts.join('')).toBe('onetwo')
  })

  it('keeps status, headers and body; Location gets the prefix /api', async () => {
    fakeServices.faults.order = (_request, reply) =>
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
    const response = await sendRaw({ method: 'POST', path: '/api/orders' })
    expect(response).toMatchObject({ status: 201, text: '{"number": "1" }' })
    expect(response.headers).toMatchObject({
      location: '/api/orders/u1/o1',
      etag: '"1"',
      'idempotent-replayed': 'true',
      'set-cookie': ['a=1; Path=/api', 'b=2'],
      'content-type': 'application/json; charset=utf-8',
    })
  })

  it('may have no body', async () => {
    fakeServices.faults.product = (_request, reply) => reply.status(304).header('etag', '"1"').send()
    const response = await sendRaw({ method: 'GET', path: '/api/products/p1' })
    expect(response).toMatchObject({ status: 304, text: '' })
    expect(response.headers['etag']).toBe('"1"')
  })
})

describe('a failing service', () => {
  it('is UNAVAILABLE, and missing in /readyz, while it is down', async () => {
    const gatewayWithoutOrder = await createTestGateway({ ...fakeServices.urls, order: await findUnusedAddress() })
    const base = await gatewayWithoutOrder.listen({ host: '127.0.0.1', port: 0 })
    for (const body of [undefined, '{}', 'x'.repeat(1_000_000)]) {
      const response = await sendRaw(
        { method: body ? 'POST' : 'GET', path: '/api/orders', headers: signedIn, body },
        base,
      )
      expect(response.headers['content-type']).toContain('application/problem+json')
      expect(response.headers['retry-after']).toBe('2')
      expect(JSON.parse(response.text)).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
      expect(response.text).not.toMatch(/127\.0\.0\.1|ECONN/)
    }
    const ready = await gatewayWithoutOrder.operatorApp!.inject('/readyz')
    expect(ready.statusCode).toBe(503)
    expect(ready.json().needs).toEqual({
      'auth-service': 'ok',
      'product-service': 'ok',
      'order-service': 'missing',
      'notification-service': 'ok',
    })
    expect((await gatewayWithoutOrder.inject('/healthz')).statusCode).toBe(200)
    await gatewayWithoutOrder.close()
  })

  it('is TIMEOUT when it is slow', async () => {
    fakeServices.faults.order = () => new Promise(() => {})
    const response = await gateway.inject('/api/orders')
    expect(response.headers['retry-after']).toBe('2')
    expect(response.json()).toMatchObject({ status: 504, code: 'TIMEOUT' })
  })

  it('gets no second request when it answers 503', async () => {
    fakeServices.faults.order = (_request, reply) =>
      reply.status(503).header('retry-after', '2').send({ code: 'UNAVAILABLE' })
    for (const method of ['GET', 'POST'] as const) {
      fakeServices.requests.length = 0
      expect((await gateway.inject({ method, url: '/api/orders' })).statusCode).toBe(503)
      expect(fakeServices.requests).toHaveLength(1)
    }
  })

  it.each([
    ['GET', 2],
    ['POST', 1],
    ['PUT', 1],
    ['DELETE', 1],
  ] as const)('that closes the connection gets a %s %i times', async (method, times) => {
    fakeServices.faults.order = (_request, reply) => reply.raw.destroy()
    const response = await gateway.inject({ method, url: '/api/orders' })
    expect(response.json()).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
    expect(fakeServices.requests).toHaveLength(times)
  })
})

it('the gateway refuses an invalid access token without calling a service', async () => {
  echoRequests()
  const response = await gateway.inject({ url: '/api/products', headers: { authorization: 'Bearer x.y.z' } })
  expect(response.json()).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' })
  expect(fakeServices.requests).toHaveLength(0)
})
