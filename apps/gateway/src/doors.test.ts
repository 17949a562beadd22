import { connect } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { gatewayTo, smallShop, type Shop } from '../test/small-services.ts'

let shop: Shop
let gateway: FastifyInstance
let production: FastifyInstance
let address: URL
beforeAll(async () => {
  shop = await smallShop()
  gateway = await gatewayTo(shop.urls)
  production = await gatewayTo(shop.urls, {
    NODE_ENV: 'production',
    GATEWAY_SECRET: 'between-gateway-and-services',
    CORS_ORIGINS: 'https://shop.example,http://a.test:8080',
  })
  address = new URL(await gateway.listen({ host: '127.0.0.1', port: 0 }))
})
afterEach(() => shop.calm())
afterAll(async () => {
  await gateway.close()
  await production.close()
  await shop.close()
})

const graphql = async (by: FastifyInstance, payload: object) =>
  (await by.inject({ method: 'POST', url: '/graphql', payload })).json()

describe('a page of another site', () => {
  it.each(['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx'])(
    'cannot send an operation as %s, which needs no leave of the browser',
    async (type) => {
      const answer = await gateway.inject({
        method: 'POST',
        url: '/graphql',
        headers: { 'content-type': type },
        payload: '{"query":"mutation { logout(refreshToken: \\"x\\") }"}',
      })
      expect(answer.statusCode).toBe(415)
      expect(shop.seen).toHaveLength(0)
    },
  )

  it('cannot have a mutation done by a link or a picture', async () => {
    const query = 'mutation { logout(refreshToken: "x") }'
    const answer = await gateway.inject({ method: 'GET', url: '/graphql', query: { query } })
    expect(answer.statusCode).toBe(405)
    expect(shop.seen).toHaveLength(0)
  })

  it('reads nothing, unless it is on the list', async () => {
    const from = async (by: FastifyInstance, origin: string) =>
      (await by.inject({ url: '/graphql?query={__typename}', headers: { origin } })).headers
    expect(await from(gateway, 'https://shop.example')).not.toHaveProperty('access-control-allow-origin')
    expect(await from(production, 'https://evil.example')).not.toHaveProperty('access-control-allow-origin')
    for (const origin of ['https://shop.example', 'http://a.test:8080']) {
      const headers = await from(production, origin)
      expect(headers['access-control-allow-origin']).toBe(origin)
      expect(headers['vary']).toContain('Origin')
      expect(headers).not.toHaveProperty('access-control-allow-credentials')
    }
  })

  it('is told at which doors it may knock, when it is on the list', async () => {
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
      const good = await preflight(url, 'https://shop.example')
      expect(good.statusCode).toBe(204)
      expect(good.headers['access-control-allow-origin']).toBe('https://shop.example')
      expect(good.headers['access-control-allow-headers']).toContain('authorization')
      const evil = await preflight(url, 'https://evil.example')
      expect(evil.headers).not.toHaveProperty('access-control-allow-origin')
    }
    expect(shop.seen).toHaveLength(0)
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
])('every answer has the headers that guard a browser: %s', async (url) => {
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

it('several operations in one request are refused', async () => {
  for (const payload of [[{ query: '{ __typename }' }, { query: '{ __typename }' }], []]) {
    const answer = await gateway.inject({ method: 'POST', url: '/graphql', payload })
    expect(answer.statusCode).toBe(400)
    expect(answer.json().errors[0].extensions.code).toBe('VALIDATION_FAILED')
  }
})

describe('in production', () => {
  it('the schema is not told: no introspection, no names that were nearly right, no GraphiQL', async () => {
    const introspected = await graphql(production, { query: '{ __schema { types { name } } }' })
    expect(introspected.errors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
    for (const query of [
      '{ product(idd: 1) { name } }',
      '{ prodct(id: 1) { name } }',
      '{ products(sort: NAM) { totalCount } }',
    ]) {
      expect(JSON.stringify(await graphql(gateway, { query }))).toContain('Did you mean')
      const answer = await graphql(production, { query })
      expect(answer.errors[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED')
      expect(JSON.stringify(answer)).not.toContain('Did you mean')
    }
    const sorted = {
      query: 'query ($sort: ProductSort) { products(sort: $sort) { totalCount } }',
      variables: { sort: 'NAM' },
    }
    const answer = await graphql(production, sorted)
    expect(answer.errors[0].extensions.code).toBe('VALIDATION_FAILED')
    expect(JSON.stringify(answer)).not.toContain('Did you mean')
    expect((await production.inject('/graphiql')).statusCode).toBe(404)
    expect((await production.inject('/')).body).not.toContain('/graphiql')
    expect(await graphql(production, { query: '{ __typename products { totalCount } }' })).toMatchObject({
      data: { __typename: 'Query' },
    })
  })

  it('the schema is told where that is asked for', async () => {
    const open = await gatewayTo(shop.urls, {
      NODE_ENV: 'production',
      GATEWAY_SECRET: 'between-gateway-and-services',
      OPEN_SCHEMA: 'true',
    })
    expect(await graphql(open, { query: '{ __schema { types { name } } }' })).toHaveProperty('data.__schema')
    expect((await open.inject('/graphiql')).statusCode).toBe(200)
    await open.close()
    const closed = await gatewayTo(shop.urls, { OPEN_SCHEMA: 'false' })
    expect(await graphql(closed, { query: '{ __schema { types { name } } }' })).toHaveProperty('errors')
    await closed.close()
  })
})

/** What comes back on a connection that gets exactly this; `then` is sent, a piece a moment, for as long as it is open. */
const exactly = (text: string, then: readonly string[] = []): Promise<string> =>
  new Promise((resolve, reject) => {
    let came = ''
    const pieces = [...then]
    let dripping: NodeJS.Timeout | undefined
    const socket = connect(Number(address.port), address.hostname, () => {
      socket.write(text)
      dripping = setInterval(() => {
        if (pieces.length > 0) socket.write(pieces.shift()!)
      }, 50)
    })
    const end = (): void => {
      clearTimeout(enough)
      clearTimeout(quiet)
      clearInterval(dripping)
      socket.destroy()
      resolve(came)
    }
    const enough = setTimeout(end, 60_000)
    let quiet: NodeJS.Timeout | undefined
    socket.on('data', (chunk) => {
      came += chunk.toString('latin1')
      clearTimeout(quiet)
      quiet = setTimeout(end, 3000) // some stay open, and nothing more comes
    })
    socket.on('close', end)
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
    })
  })

describe('a request that two would read differently', () => {
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
  ])('by %s is 400, and what hides in it is never asked', async (_how, rest) => {
    const answer = await exactly(`POST /api/orders HTTP/1.1\r\nhost: x\r\n${rest}`)
    expect(answer).toMatch(/^HTTP\/1\.1 400 /)
    expect(answer.match(/^HTTP\/1\.1 /gm)).toHaveLength(1)
    expect(shop.seen.filter(({ url }) => url.includes('smuggled'))).toHaveLength(0)
  })

  it.each(['/api/products/%0d%0aHost:%20evil', '/api/products/p1%00', '/api/products?q=%0d%0aX-Admin:%20true'])(
    'by what is encoded in %s stays one address',
    async (url) => {
      shop.misbehave.product = (request, reply) => reply.send({ url: request.url, admin: request.headers['x-admin'] })
      const answer = await gateway.inject(url)
      expect(answer.statusCode).toBeLessThan(500)
      for (const { headers } of shop.seen) {
        expect(headers).not.toHaveProperty('x-admin')
        expect(headers.host).not.toContain('evil')
      }
    },
  )
})

describe('a client that is slow, or says too much', () => {
  it.each(['/graphql', '/api/login'])('gets 413 for 10 MB at %s, before they are read', async (path) => {
    const body = '{"query":"{ __typename }","x":"'
    const answer = await exactly(
      `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 10485760\r\n\r\n${body}`,
    )
    expect(answer).toMatch(/^HTTP\/1\.1 413 /)
    expect(answer).toContain('PAYLOAD_TOO_LARGE')
    expect(shop.seen.filter(({ url }) => url === '/login')).toHaveLength(0)
  })

  it('gets 413 for 10 MB in chunks', async () => {
    const chunk = 'x'.repeat(65_536)
    const chunked = await exactly(
      `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n`,
      Array.from({ length: 160 }, () => `10000\r\n${chunk}\r\n`),
    )
    expect(chunked).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('gets 431 for headers without end', async () => {
    const answer = await exactly(`GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: ${'x'.repeat(20_000)}\r\n\r\n`)
    expect(answer).toMatch(/^HTTP\/1\.1 431 /)
  })

  it.each([
    [
      'a body',
      'POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"query":"',
    ],
    [
      'a body below /api',
      'POST /api/orders HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{"items":',
    ],
    ['headers', 'GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: '],
  ])('gets 408 when %s comes a letter at a time, while others are answered', async (_what, begin) => {
    const { requestTimeout, headersTimeout } = gateway.server
    expect(requestTimeout).toBeLessThanOrEqual(30_000)
    expect(headersTimeout).toBeLessThanOrEqual(requestTimeout)
    gateway.server.requestTimeout = 500
    gateway.server.headersTimeout = 500
    try {
      const slow = Array.from({ length: 30 }, () =>
        exactly(
          begin,
          Array.from({ length: 200 }, () => 'x'),
        ),
      )
      expect((await fetch(new URL('/healthz', address))).status).toBe(200)
      for (const answer of await Promise.all(slow)) expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    } finally {
      Object.assign(gateway.server, { requestTimeout, headersTimeout })
    }
  })
})
