import { connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createTestGateway, startFakeServices, type FakeServices } from '../test/fake-services.ts'

let fakeServices: FakeServices
let gateway: FastifyInstance
let production: FastifyInstance
let address: URL
beforeAll(async () => {
  fakeServices = await startFakeServices()
  gateway = await createTestGateway(fakeServices.urls)
  production = await createTestGateway(fakeServices.urls, {
    NODE_ENV: 'production',
    GATEWAY_SECRET: 'between-gateway-and-services',
    CORS_ORIGINS: 'https://shop.example,http://a.test:8080',
  })
  address = new URL(await gateway.listen({ host: '127.0.0.1', port: 0 }))
})
afterEach(() => fakeServices.reset())
afterAll(async () => {
  await gateway.close()
  await production.close()
  await fakeServices.close()
})

const sendQuery = async (target: FastifyInstance, payload: object) =>
  (await target.inject({ method: 'POST', url: '/graphql', payload })).json()

describe('a page of another origin', () => {
  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx'])(
    'cannot send an operation as %s, a content type that needs no CORS preflight',
    async (type) => {
      const response = await gateway.inject({
        method: 'POST',
        url: '/graphql',
        headers: { 'content-type': type },
        payload: '{"query":"mutation { logout(refreshToken: \\"x\\") }"}',
      })
      expect(response.statusCode).toBe(415)
      expect(fakeServices.requests).toHaveLength(0)
    },
  )

  it('cannot execute a mutation by GET, with a link or an image', async () => {
    const query = 'mutation { logout(refreshToken: "x") }'
    const response = await gateway.inject({ method: 'GET', url: '/graphql', query: { query } })
    expect(response.statusCode).toBe(405)
    expect(fakeServices.requests).toHaveLength(0)
  })

  it('cannot read responses unless CORS_ORIGINS lists its origin', async () => {
    const readHeaders = async (target: FastifyInstance, origin: string) =>
      (await target.inject({ url: '/graphql?query={__typename}', headers: { origin } })).headers
    expect(await readHeaders(gateway, 'https://shop.example')).not.toHaveProperty('access-control-allow-origin')
    expect(await readHeaders(production, 'https://evil.example')).not.toHaveProperty('access-control-allow-origin')
    for (const origin of ['https://shop.example', 'http://a.test:8080']) {
      const headers = await readHeaders(production, origin)
      expect(headers['access-control-allow-origin']).toBe(origin)
      expect(headers['vary']).toContain('Origin')
      expect(headers).not.toHaveProperty('access-control-allow-credentials')
    }
  })

  it('passes CORS preflights of GraphQL and REST only when CORS_ORIGINS lists its origin', async () => {
    const preflight = (url: string, origin: string) =>
      production.inject({
        method: 'OPTIONS',
        url,
        headers: {
          origin,
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'authorization,content-type',
        },
      })
    for (const url of ['/graphql', '/api/orders']) {
      const allowed = await preflight(url, 'https://shop.example')
      expect(allowed.statusCode).toBe(204)
      expect(allowed.headers['access-control-allow-origin']).toBe('https://shop.example')
      expect(allowed.headers['access-control-allow-headers']).toContain('authorization')
      const refused = await preflight(url, 'https://evil.example')
      expect(refused.headers).not.toHaveProperty('access-control-allow-origin')
    }
    expect(fakeServices.requests).toHaveLength(0)
  })
})

it.each([
  '/',
  '/healthz',
  '/api/products/p1',
  '/api/nothing',
  '/graphql?query={__typename}',
  '/graphql?query={',
  '/nowhere',
])('the gateway sets security headers on every response: %s', async (url) => {
  const { headers } = await gateway.inject(url)
  expect(headers).toMatchObject({
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    'referrer-policy': 'no-referrer',
    'strict-transport-security': expect.stringContaining('max-age='),
  })
  expect(headers['content-security-policy']).toMatch(/default-src '(self|none)'/)
  expect(headers['content-security-policy']).toContain("frame-ancestors 'none'")
  expect(headers).not.toHaveProperty('x-powered-by')
  expect(headers).not.toHaveProperty('server')
})

it('the gateway refuses several operations in one request', async () => {
  for (const payload of [[{ query: '{ __typename }' }, { query: '{ __typename }' }], []]) {
    const response = await gateway.inject({ method: 'POST', url: '/graphql', payload })
    expect(response.statusCode).toBe(400)
    expect(response.json().errors[0].extensions.code).toBe('VALIDATION_FAILED')
  }
})

describe('in production, the schema', () => {
  it('is hidden: no introspection, no suggested names in errors, no GraphiQL', async () => {
    const introspection = await sendQuery(production, { query: '{ __schema { types { name } } }' })
    expect(introspection.errors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
    for (const query of [
      '{ product(idd: 1) { name } }',
      '{ prodct(id: 1) { name } }',
      '{ products(sort: NAM) { totalCount } }',
    ]) {
      expect(JSON.stringify(await sendQuery(gateway, { query }))).toContain('Did you mean')
      const response = await sendQuery(production, { query })
      expect(response.errors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
      expect(JSON.stringify(response)).not.toContain('Did you mean')
    }
    const invalidVariable = {
      query: 'query ($sort: ProductSort) { products(sort: $sort) { totalCount } }',
      variables: { sort: 'NAM' },
    }
    const response = await sendQuery(production, invalidVariable)
    expect(response.errors[0].extensions.code).toBe('VALIDATION_FAILED')
    expect(JSON.stringify(response)).not.toContain('Did you mean')
    expect((await production.inject('/graphiql')).statusCode).toBe(404)
    expect((await production.inject('/')).body).not.toContain('/graphiql')
    expect(await sendQuery(production, { query: '{ __typename products { totalCount } }' })).toMatchObject({
      data: { __typename: 'Query' },
    })
  })

  it('is visible with OPEN_SCHEMA=true, and hidden with OPEN_SCHEMA=false outside production', async () => {
    const open = await createTestGateway(fakeServices.urls, {
      NODE_ENV: 'production',
      GATEWAY_SECRET: 'between-gateway-and-services',
      OPEN_SCHEMA: 'true',
    })
    expect(await sendQuery(open, { query: '{ __schema { types { name } } }' })).toHaveProperty('data.__schema')
    expect((await open.inject('/graphiql')).statusCode).toBe(200)
    await open.close()
    const closed = await createTestGateway(fakeServices.urls, { OPEN_SCHEMA: 'false' })
    expect(await sendQuery(closed, { query: '{ __schema { types { name } } }' })).toHaveProperty('errors')
    await closed.close()
  })
})

/**
 * Sends exactly `text` on a new connection, then `pieces`, one every 50 ms, while the connection is open. Returns what came
 * back when the connection is closed, or nothing more comes for 3 s.
 */
const sendRaw = (text: string, pieces: readonly string[] = []): Promise<string> =>
  new Promise((resolve, reject) => {
    let received = ''
    const remaining = [...pieces]
    let interval: NodeJS.Timeout | undefined
    const socket = connect(Number(address.port), address.hostname, () => {
      socket.write(text)
      interval = setInterval(() => {
        if (remaining.length > 0) socket.write(remaining.shift()!)
      }, 50)
    })
    const end = (): void => {
      clearTimeout(timeout)
      clearTimeout(idleTimer)
      clearInterval(interval)
      socket.destroy()
      resolve(received)
    }
    const timeout = setTimeout(end, 60_000)
    let idleTimer: NodeJS.Timeout | undefined
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      clearTimeout(idleTimer)
      idleTimer = setTimeout(end, 3000) // some connections stay open after the response
    })
    socket.on('close', end)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
  })

describe('a request that two servers could parse differently (request smuggling)', () => {
  const smuggled = 'GET /api/orders/smuggled HTTP/1.1\r\nhost: x\r\n\r\n'
  it.each([
    ['both lengths', `content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['two lengths', `content-length: 0\r\ncontent-length: ${smuggled.length}\r\n\r\n${smuggled}`],
    ['a list of lengths', `content-length: 0, ${smuggled.length}\r\n\r\n${smuggled}`],
    ['a length with a sign', `content-length: +0\r\n\r\n${smuggled}`],
    ['an encoding that ends with another', `transfer-encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`],
    ['an encoding that is none', `transfer-encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a space before the colon', `transfer-encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a folded header', `x-a: b\r\n transfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a line feed in a header', `x-a: b\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`],
    ['a null in a header', `x-a: b\0c\r\ncontent-length: 0\r\n\r\n${smuggled}`],
    ['chunks with a wrong length', `transfer-encoding: chunked\r\n\r\n0x1\r\nA\r\n0\r\n\r\n${smuggled}`],
    ['chunks that end by a line feed', `transfer-encoding: chunked\r\n\r\n1\nA\n0\n\n${smuggled}`],
  ])('by %s is 400, and no service gets the smuggled request', async (_how, rest) => {
    const response = await sendRaw(`POST /api/orders HTTP/1.1\r\nhost: x\r\n${rest}`)
    expect(response).toMatch(/^HTTP\/1\.1 400 /)
    expect(response.match(/^HTTP\/1\.1 /gm)).toHaveLength(1)
    expect(fakeServices.requests.filter(({ url }) => url.includes('smuggled'))).toHaveLength(0)
  })

  it.each(['/api/products/%0d%0aHost:%20evil', '/api/products/p1%00', '/api/products?q=%0d%0aX-Admin:%20true'])(
    'by encoded line breaks in %s stays one path',
    async (url) => {
      fakeServices.faults.product = (request, reply) =>
        reply.send({ url: request.url, admin: request.headers['x-admin'] })
      const response = await gateway.inject(url)
      expect(response.statusCode).toBeLessThan(500)
      for (const { headers } of fakeServices.requests) {
        expect(headers).not.toHaveProperty('x-admin')
        expect(headers.host).not.toContain('evil')
      }
    },
  )
})

describe('a client that sends slowly or too much', () => {
  it.each(['/graphql', '/api/login'])('gets 413 for 10 MB at %s before the body is read', async (path) => {
    const body = '{"query":"{ __typename }","x":"'
    const response = await sendRaw(
      `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10485760\r\n\r\n${body}`,
    )
    expect(response).toMatch(/^HTTP\/1\.1 413 /)
    expect(response).toContain('PAYLOAD_TOO_LARGE')
    expect(fakeServices.requests.filter(({ url }) => url === '/login')).toHaveLength(0)
  })

  it('gets 413 for 10 MB in chunks', async () => {
    const chunk = 'x'.repeat(65_536)
    const chunked = await sendRaw(
      `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
      Array.from({ length: 160 }, () => `10000\r\n${chunk}\r\n`),
    )
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('gets 431 for headers that are too large', async () => {
    const response = await sendRaw(`GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: ${'x'.repeat(20_000)}\r\n\r\n`)
    expect(response).toMatch(/^HTTP\/1\.1 431 /)
  })

  it.each([
    [
      'a body',
      'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"query":"',
    ],
    [
      'a body below /api',
      'POST /api/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"email":',
    ],
    ['headers', 'GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: '],
  ])('gets 408 when %s arrives one byte at a time, while others are answered', async (_what, beginning) => {
    const { requestTimeout, headersTimeout } = gateway.server
    expect(requestTimeout).toBeLessThanOrEqual(30_000)
    expect(headersTimeout).toBeLessThanOrEqual(requestTimeout)
    gateway.server.requestTimeout = 500
    gateway.server.headersTimeout = 500
    try {
      const slowRequests = Array.from({ length: 30 }, () =>
        sendRaw(
          beginning,
          Array.from({ length: 200 }, () => 'x'),
        ),
      )
      expect((await fetch(new URL('/healthz', address))).status).toBe(200)
      for (const response of await Promise.all(slowRequests)) expect(response).toMatch(/^HTTP\/1\.1 408 /)
    } finally {
      Object.assign(gateway.server, { requestTimeout, headersTimeout })
    }
  })
})
