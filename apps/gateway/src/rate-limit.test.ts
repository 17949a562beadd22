import { authorizationHeader, createPrincipal } from '@halles/test-fixtures/principals'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createTestGateway, startFakeServices, type FakeServices } from '../test/fake-services.ts'
import { createRateLimit } from './rate-limit.ts'

let fakeServices: FakeServices
beforeAll(async () => {
  fakeServices = await startFakeServices()
})
afterAll(() => fakeServices.close())

/** Starts a gateway whose clients may spend `quota` points a minute. */
async function startGateway(quota: number): Promise<FastifyInstance> {
  const gateway = await createTestGateway(fakeServices.urls, { RATE_LIMIT: String(quota) })
  onTestFinished(() => gateway.close())
  return gateway
}

describe('rate limit', () => {
  it('reports quota and remaining points, and answers 429 when none are left', async () => {
    const gateway = await startGateway(3)
    const send = () => gateway.inject('/api/products/p1')
    for (const left of [2, 1, 0]) {
      const response = await send()
      expect(response.statusCode).toBe(200)
      expect(response.headers['ratelimit-policy']).toBe('"default";q=3;w=60')
      const seconds = Number(
        new RegExp(`^"default";r=${left};t=(\\d+)$`).exec(String(response.headers['ratelimit']))?.[1],
      )
      expect(seconds).toBeLessThanOrEqual(60 - 20 * left)
      expect(seconds).toBeGreaterThan(40 - 20 * left) // holds unless the test takes 20 s
    }
    const refused = await send()
    expect(refused.json()).toMatchObject({ status: 429, code: 'RATE_LIMITED' })
    const retryAfter = Number(refused.headers['retry-after'])
    expect(retryAfter).toBeLessThanOrEqual(20)
    expect(retryAfter).toBeGreaterThan(0)
    expect(refused.headers['ratelimit']).toBe(`"default";r=0;t=${retryAfter}`)
  })

  it('charges a GraphQL operation its cost', async () => {
    const gateway = await startGateway(100)
    const send = (first: number) =>
      gateway.inject({
        method: 'POST',
        url: '/graphql',
        payload: { query: `{ products(first: ${first}) { nodes { id } } }` },
      })
    // 100 − 1 for the request − 51 objects − 5 for each of 3 fields to plan, plus what was refilled meanwhile.
    expect((await send(50)).headers['ratelimit']).toMatch(/r=(3[3-9]|[4-8]\d);/)
    fakeServices.requests.length = 0
    const refused = await send(100)
    expect(refused.statusCode).toBe(429)
    expect(refused.json().errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect(fakeServices.requests).toHaveLength(0)
    expect((await send(10)).json()).toMatchObject({ data: { products: {} } })
  })

  it('charges the planning of a new document, once', async () => {
    const gateway = await startGateway(500)
    const sendAndReadRemaining = async (name: string): Promise<number> => {
      const fields = Array.from({ length: 40 }, (_, i) => `${name}${i}: id`).join(' ')
      const payload = { query: `{ product(id: "p1") { ${fields} } }` }
      const response = await gateway.inject({ method: 'POST', url: '/graphql', payload })
      return Number(/r=(\d+);/.exec(String(response.headers['ratelimit']))![1])
    }
    const first = await sendAndReadRemaining('a')
    expect(first).toBeLessThan(500 - 200)
    expect(await sendAndReadRemaining('a')).toBeGreaterThan(first - 10)
    expect(await sendAndReadRemaining('b')).toBeLessThan(first - 100) // holds unless the test takes 12 s
  })

  it('charges documents with syntax errors too', async () => {
    const gateway = await startGateway(2)
    const send = () => gateway.inject({ method: 'POST', url: '/graphql', payload: { query: '{' } })
    for (const status of [200, 200, 429]) expect((await send()).statusCode).toBe(status)
  })

  it('counts by user when signed in, whatever the address, else by client address', async () => {
    const gateway = await startGateway(1)
    const sendAndReadStatus = async (headers: Record<string, string> = {}, remoteAddress = '192.0.2.1') =>
      (await gateway.inject({ url: '/api/products/p1', headers, remoteAddress })).statusCode
    const customerHeaders = await authorizationHeader(createPrincipal())
    expect(await sendAndReadStatus(customerHeaders)).toBe(200)
    expect(await sendAndReadStatus(customerHeaders, '198.51.100.2')).toBe(429)
    expect(await sendAndReadStatus()).toBe(200)
    expect(await sendAndReadStatus({ 'x-forwarded-for': '198.51.100.7' })).toBe(429)
    expect(await sendAndReadStatus({}, '2001:db8::1')).toBe(200)
    expect(await sendAndReadStatus({}, '2001:db8::2')).toBe(429)
    expect(await sendAndReadStatus({}, '2001:db8:0:1::1')).toBe(200)
  })

  it('counts the accounts of an address together: they may spend twice the quota of one', async () => {
    const gateway = await startGateway(5)
    const statuses: number[] = []
    for (let account = 0; account < 3; account++) {
      const headers = await authorizationHeader(createPrincipal())
      for (let n = 0; n < 4; n++) statuses.push((await gateway.inject({ url: '/api/products/p1', headers })).statusCode)
    }
    expect(statuses).toEqual([...Array<number>(10).fill(200), 429, 429])
    const refused = await gateway.inject('/api/products/p1')
    expect(refused.json()).toMatchObject({ code: 'RATE_LIMITED' })
    expect(refused.headers).toMatchObject({
      'ratelimit-policy': '"network";q=10;w=60',
      ratelimit: expect.stringMatching(/^"network";r=0;t=\d+$/),
      'retry-after': expect.stringMatching(/^\d+$/),
    })
    expect((await gateway.inject({ url: '/api/products/p1', remoteAddress: '192.0.2.1' })).statusCode).toBe(200)
  })

  it.each([
    ['an IPv6 /56 as four clients', (n: number) => `2001:db8:1:${(0x200 + n).toString(16)}::1`, 4, '2001:db8:1:300::1'],
    ['an IPv6 /48 as eight clients', (n: number) => `2001:db8:1:${n.toString(16)}00::1`, 8, '2001:db8:2::1'],
    ['an IPv4 /24 as four clients', (n: number) => `192.0.2.${n}`, 4, '192.0.3.1'],
  ])('counts %s', async (_network, addressOf, clients, other) => {
    const gateway = await startGateway(1)
    const readStatus = async (remoteAddress: string) =>
      (await gateway.inject({ url: '/api/products/p1', remoteAddress })).statusCode
    const statuses: number[] = []
    for (let n = 0; n < 12; n++) statuses.push(await readStatus(addressOf(n)))
    expect(statuses).toEqual(Array.from({ length: 12 }, (_, n) => (n < clients ? 200 : 429)))
    expect(await readStatus(other)).toBe(200)
  })

  it('counts requests with an invalid token against the network, and then refuses them unverified', async () => {
    const gateway = await startGateway(2)
    const send = async (remoteAddress: string) =>
      (await gateway.inject({ url: '/healthzz', headers: { authorization: 'Bearer x.y.z' }, remoteAddress })).statusCode
    const statuses: number[] = []
    for (let n = 0; n < 6; n++) statuses.push(await send('192.0.2.1'))
    expect(statuses).toEqual([401, 401, 401, 401, 429, 429])
    expect(await send('198.51.100.1')).toBe(401)
  })

  it('takes nothing of the network for requests beyond the quota of a client', async () => {
    const gateway = await startGateway(2)
    const send = async (headers: Record<string, string>) =>
      (await gateway.inject({ url: '/api/products/p1', headers })).statusCode
    const [greedy, modest] = [
      await authorizationHeader(createPrincipal()),
      await authorizationHeader(createPrincipal()),
    ]
    for (const status of [200, 200, 429, 429, 429, 429]) expect(await send(greedy)).toBe(status)
    for (const status of [200, 200, 429]) expect(await send(modest)).toBe(status)
  })

  it('never limits pages and health checks', async () => {
    const gateway = await startGateway(1)
    for (let n = 0; n < 5; n++)
      for (const url of ['/developers', '/healthz', '/problems', '/problems/not-found'])
        expect((await gateway.inject(url)).statusCode).toBe(200)
  })

  it('charges every form of a path, and every route that calls a service', async () => {
    const gateway = await startGateway(1)
    const sendAndReadStatus = async (url: string) => (await gateway.inject(url)).statusCode
    expect(await sendAndReadStatus('/api/products/p1')).toBe(200)
    for (const url of [
      '/%61pi/products/p1',
      'http://elsewhere.example/api/products/p1',
      '/%67raphql?query={__typename}',
      '/openapi.json',
      '/docs/auth/',
      '/images/chaise.svg',
      '/nowhere',
    ])
      expect(await sendAndReadStatus(url)).toBe(429)
  })

  it('charges HEAD like GET', async () => {
    const gateway = await startGateway(3)
    const response = await gateway.inject({ method: 'HEAD', url: '/api/products/p1' })
    expect(response.headers['ratelimit']).toMatch(/r=2;/)
  })

  it('is off when RATE_LIMIT is 0', async () => {
    const gateway = await startGateway(0)
    const response = await gateway.inject('/api/products/p1')
    expect(response.headers).not.toHaveProperty('ratelimit')
  })
})

describe('token bucket', () => {
  let time = 0
  beforeEach(() => {
    time = 0
  })
  const createSpender = () => {
    const { spend } = createRateLimit(60, () => time)
    const headers: Record<string, string> = {}
    const reply = { headers: (more: object) => Object.assign(headers, more), header: () => {} }
    return (cost: number): string => {
      try {
        spend({ ip: '192.0.2.1' } as never, reply as never, cost)
      } catch (error) {
        return `${(error as { code: string }).code} ${headers['ratelimit']}`
      }
      return headers['ratelimit']!
    }
  }

  it('refills evenly, up to the quota', () => {
    const spend = createSpender()
    expect(spend(60)).toBe('"default";r=0;t=60')
    expect(spend(1)).toBe('RATE_LIMITED "default";r=0;t=1')
    time = 1000
    expect(spend(1)).toBe('"default";r=0;t=60')
    time = 31_000
    expect(spend(10)).toBe('"default";r=20;t=40')
    time = 1_000_000
    expect(spend(10)).toBe('"default";r=50;t=10')
  })

  it('loses no points by refused requests', () => {
    const spend = createSpender()
    expect(spend(50)).toBe('"default";r=10;t=50')
    expect(spend(20)).toBe('RATE_LIMITED "default";r=10;t=10')
    expect(spend(10)).toBe('"default";r=0;t=60')
  })
})
