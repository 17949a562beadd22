import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createServiceApp, type App } from './app.ts'
import { toClientSubnet } from '@halles/auth/client-address'

const SECRET = 'between-gateway-and-services'
const options = {
  name: 'test-service',
  logLevel: 'silent',
  findPublicKey: async () => undefined,
  issuer: 'halles',
  audience: 'halles',
  readinessChecks: {},
}

describe('request.client', () => {
  let app: App
  let appWithoutSecret: App
  beforeAll(async () => {
    app = await createServiceApp({ ...options, gatewaySecret: SECRET })
    appWithoutSecret = await createServiceApp(options)
    for (const one of [app, appWithoutSecret]) one.get('/client', async ({ client }) => client)
  })
  afterAll(() => Promise.all([app.close(), appWithoutSecret.close()]))

  const clientSubnet = async (target: App, headers: Record<string, string>) =>
    (await target.inject({ url: '/client', remoteAddress: '10.0.0.7', headers })).json().subnet

  const forwarded = { 'x-forwarded-for': '203.0.113.9' }

  it('is read from X-Forwarded-For with the gateway secret', async () => {
    expect(await clientSubnet(app, { ...forwarded, 'x-gateway-secret': SECRET })).toBe('203.0.113.9')
    expect(await clientSubnet(app, { 'x-gateway-secret': SECRET })).toBe('10.0.0.7')
  })

  it.each<[string, Record<string, string>]>([
    ['no secret', {}],
    ['a wrong secret', { 'x-gateway-secret': `${SECRET}.` }],
    ['an empty secret', { 'x-gateway-secret': '' }],
  ])('is the connection peer with %s', async (_case, secretHeader) => {
    const headers = { ...forwarded, forwarded: 'for=203.0.113.9', 'x-real-ip': '203.0.113.9', ...secretHeader }
    expect(await clientSubnet(app, headers)).toBe('10.0.0.7')
  })

  it('is the connection peer in a service without a secret', async () => {
    for (const secret of ['', 'undefined', SECRET])
      expect(await clientSubnet(appWithoutSecret, { ...forwarded, 'x-gateway-secret': secret })).toBe('10.0.0.7')
  })

  it('has the User-Agent header, cut to 200 characters', async () => {
    const answer = await app.inject({ url: '/client', headers: { 'user-agent': 'x'.repeat(300) } })
    expect(answer.json().userAgent).toBe('x'.repeat(200))
  })
})

describe('toClientSubnet', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:1:2::1', '2001:db8:1:2::/64'],
    ['2001:db8:1:3::1', '2001:db8:1:3::/64'],
    ['fe80::1%eth0', 'fe80::/64'],
    ['::1', '::/64'],
    ['nowhere', 'nowhere'],
  ])('maps %s to %s', (address, subnet) => {
    expect(toClientSubnet(address)).toBe(subnet)
  })
})
