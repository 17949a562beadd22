import { as, someone } from '@halles/testkit/people'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { gatewayTo, smallShop, type Shop } from '../test/small-services.ts'
import { rateLimit } from './rate-limit.ts'

let shop: Shop
beforeAll(async () => {
  shop = await smallShop()
})
afterAll(() => shop.close())

/** A gateway whose clients may spend so much a minute. */
async function allowing(quota: number): Promise<FastifyInstance> {
  const gateway = await gatewayTo(shop.urls, { RATE_LIMIT: String(quota) })
  onTestFinished(() => gateway.close())
  return gateway
}

describe('a client', () => {
  it('is told what it may spend and what is left, and refused when nothing is', async () => {
    const gateway = await allowing(3)
    const ask = () => gateway.inject('/api/products/p1')
    for (const left of [2, 1, 0]) {
      const answer = await ask()
      expect(answer.statusCode).toBe(200)
      expect(answer.headers['ratelimit-policy']).toBe('"default";q=3;w=60')
      const until = Number(new RegExp(`^"default";r=${left};t=(\\d+)$`).exec(String(answer.headers['ratelimit']))?.[1])
      expect(until).toBeLessThanOrEqual(60 - 20 * left)
      expect(until).toBeGreaterThan(40 - 20 * left) // unless that took 20 s
    }
    const refused = await ask()
    expect(refused.json()).toMatchObject({ status: 429, code: 'RATE_LIMITED' })
    const wait = Number(refused.headers['retry-after'])
    expect(wait).toBeLessThanOrEqual(20)
    expect(wait).toBeGreaterThan(0)
    expect(refused.headers['ratelimit']).toBe(`"default";r=0;t=${wait}`)
  })

  it('pays a GraphQL operation by what it asks for', async () => {
    const gateway = await allowing(100)
    const ask = (first: number) =>
      gateway.inject({
        method: 'POST',
        url: '/graphql',
        payload: { query: `{ products(first: ${first}) { nodes { id } } }` },
      })
    // 100 − 1 for the request − 51 objects − 5 for each of 3 fields that are new, and what came back meanwhile.
    expect((await ask(50)).headers['ratelimit']).toMatch(/r=(3[3-9]|[4-8]\d);/)
    shop.seen.length = 0
    const refused = await ask(100)
    expect(refused.statusCode).toBe(429)
    expect(refused.json().errors).toMatchObject([{ extensions: { code: 'RATE_LIMITED' } }])
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0)
    expect(shop.seen).toHaveLength(0)
    expect((await ask(10)).json()).toMatchObject({ data: { products: {} } })
  })

  it('pays for a document that is new, however little it asks for, and once', async () => {
    const gateway = await allowing(500)
    const left = async (name: string): Promise<number> => {
      const fields = Array.from({ length: 40 }, (_, i) => `${name}${i}: id`).join(' ')
      const payload = { query: `{ product(id: "p1") { ${fields} } }` }
      const answer = await gateway.inject({ method: 'POST', url: '/graphql', payload })
      return Number(/r=(\d+);/.exec(String(answer.headers['ratelimit']))![1])
    }
    const first = await left('a')
    expect(first).toBeLessThan(500 - 200)
    expect(await left('a')).toBeGreaterThan(first - 10)
    expect(await left('b')).toBeLessThan(first - 100) // unless 12 s have passed
  })

  it('pays for what cannot be read too', async () => {
    const gateway = await allowing(2)
    const ask = () => gateway.inject({ method: 'POST', url: '/graphql', payload: { query: '{' } })
    for (const status of [200, 200, 429]) expect((await ask()).statusCode).toBe(status)
  })

  it('is who is signed in, wherever they are; without a token it is the address', async () => {
    const gateway = await allowing(1)
    const status = async (headers: Record<string, string> = {}, remoteAddress = '192.0.2.1') =>
      (await gateway.inject({ url: '/api/products/p1', headers, remoteAddress })).statusCode
    const camille = await as(someone())
    expect(await status(camille)).toBe(200)
    expect(await status(camille, '192.0.2.2')).toBe(429)
    expect(await status(await as(someone()))).toBe(200)
    expect(await status()).toBe(200)
    expect(await status({ 'x-forwarded-for': '198.51.100.7' })).toBe(429)
    expect(await status({}, '2001:db8::1')).toBe(200)
    expect(await status({}, '2001:db8::2')).toBe(429)
    expect(await status({}, '2001:db8:0:1::1')).toBe(200)
  })

  it('may look at pages and ask how the gateway is, always', async () => {
    const gateway = await allowing(1)
    for (let n = 0; n < 5; n++)
      for (const url of ['/', '/healthz']) expect((await gateway.inject(url)).statusCode).toBe(200)
  })

  it('pays however an address is written, and for whatever services are asked', async () => {
    const gateway = await allowing(1)
    const status = async (url: string) => (await gateway.inject(url)).statusCode
    expect(await status('/api/products/p1')).toBe(200)
    for (const url of [
      '/%61pi/products/p1',
      'http://elsewhere.example/api/products/p1',
      '/%67raphql?query={__typename}',
      '/openapi.json',
      '/docs/auth/',
      '/images/chaise.svg',
      '/nowhere',
    ])
      expect(await status(url)).toBe(429)
  })

  it('pays for asking whether something is there as for reading it', async () => {
    const gateway = await allowing(3)
    const asked = await gateway.inject({ method: 'HEAD', url: '/api/products/p1' })
    expect(asked.headers['ratelimit']).toMatch(/r=2;/)
  })

  it('is not limited where the limit is 0', async () => {
    const gateway = await allowing(0)
    const answer = await gateway.inject('/api/products/p1')
    expect(answer.headers).not.toHaveProperty('ratelimit')
  })
})

describe('a quota', () => {
  let time = 0
  beforeEach(() => {
    time = 0
  })
  const spender = () => {
    const spend = rateLimit({ addHook: () => {} } as never, 60, () => time)
    const headers: Record<string, string> = {}
    const reply = { headers: (more: object) => Object.assign(headers, more), header: () => {} }
    return (cost: number): string => {
      try {
        spend({ client: { place: '192.0.2.1' } } as never, reply as never, cost)
      } catch (error) {
        return `${(error as { code: string }).code} ${headers['ratelimit']}`
      }
      return headers['ratelimit']!
    }
  }

  it('refills evenly, up to itself', () => {
    const spend = spender()
    expect(spend(60)).toBe('"default";r=0;t=60')
    expect(spend(1)).toBe('RATE_LIMITED "default";r=0;t=1')
    time = 1000
    expect(spend(1)).toBe('"default";r=0;t=60')
    time = 31_000
    expect(spend(10)).toBe('"default";r=20;t=40')
    time = 1_000_000
    expect(spend(10)).toBe('"default";r=50;t=10')
  })

  it('loses nothing to what was refused', () => {
    const spend = spender()
    expect(spend(50)).toBe('"default";r=10;t=50')
    expect(spend(20)).toBe('RATE_LIMITED "default";r=10;t=10')
    expect(spend(10)).toBe('"default";r=0;t=60')
  })
})
