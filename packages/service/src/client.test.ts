import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serviceApp, type App } from './app.ts'
import { placeOf } from './client.ts'

const SECRET = 'between-gateway-and-services'
const options = {
  name: 'test-service',
  logLevel: 'silent',
  keyOf: async () => undefined,
  issuer: 'halles',
  audience: 'halles',
  needs: {},
}

describe('where a request comes from', () => {
  let app: App
  let alone: App
  beforeAll(async () => {
    app = await serviceApp({ ...options, gatewaySecret: SECRET })
    alone = await serviceApp(options)
    for (const one of [app, alone]) one.get('/client', async ({ client }) => client)
  })
  afterAll(() => Promise.all([app.close(), alone.close()]))

  const placeSeenBy = async (by: App, headers: Record<string, string>) =>
    (await by.inject({ url: '/client', remoteAddress: '10.0.0.7', headers })).json().place

  const forwarded = { 'x-forwarded-for': '203.0.113.9' }

  it('is told by the gateway, which proves itself', async () => {
    expect(await placeSeenBy(app, { ...forwarded, 'x-gateway-secret': SECRET })).toBe('203.0.113.9')
    expect(await placeSeenBy(app, { 'x-gateway-secret': SECRET })).toBe('10.0.0.7')
  })

  it.each<[string, Record<string, string>]>([
    ['without proof', {}],
    ['with a wrong one', { 'x-gateway-secret': `${SECRET}.` }],
    ['with an empty one', { 'x-gateway-secret': '' }],
  ])('is not told by anyone %s', async (_how, proof) => {
    const headers = { ...forwarded, forwarded: 'for=203.0.113.9', 'x-real-ip': '203.0.113.9', ...proof }
    expect(await placeSeenBy(app, headers)).toBe('10.0.0.7')
  })

  it('is never told where no secret is set, even with an empty one', async () => {
    for (const proof of ['', 'undefined', SECRET])
      expect(await placeSeenBy(alone, { ...forwarded, 'x-gateway-secret': proof })).toBe('10.0.0.7')
  })

  it('comes with what the browser calls itself, to a length', async () => {
    const answer = await app.inject({ url: '/client', headers: { 'user-agent': 'x'.repeat(300) } })
    expect(answer.json().agent).toBe('x'.repeat(200))
  })
})

describe('an address counts as one place', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['::1', '::/64'],
    ['nowhere', 'nowhere'],
  ])('%s as %s', (address, place) => {
    expect(placeOf(address)).toBe(place)
  })
})
