import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestGateway, findUnusedAddress, startFakeServices, type FakeServices } from '../../test/fake-services.ts'

const GATEWAY_SECRET = 'the-secret-of-this-test'
const PAGE_CSP = "default-src 'self'; script-src 'nonce-abc'"

let services: FakeServices
let storefront: Server
let gateway: FastifyInstance
let requests: { method: string; url: string; headers: IncomingHttpHeaders }[] = []
beforeAll(async () => {
  services = await startFakeServices()
  storefront = createServer(({ method = '', url = '', headers }, response) => {
    if (url !== '/healthz') requests.push({ method, url, headers }) // the gateway probes new connections
    response.writeHead(200, { 'content-type': 'text/html', 'content-security-policy': PAGE_CSP }).end('<h1>Page</h1>')
  })
  await new Promise<void>((resolve) => storefront.listen(0, '127.0.0.1', resolve))
  const { port } = storefront.address() as AddressInfo
  gateway = await createTestGateway(services.urls, { STOREFRONT_URL: `http://127.0.0.1:${port}`, GATEWAY_SECRET })
})
afterAll(async () => {
  await gateway.close()
  storefront.close()
  await services.close()
})
beforeEach(() => {
  requests = []
})

describe('the pages of the storefront', () => {
  it.each(['/', '/products/p1?x=1', '/en', '/orders/o1', '/assets/main.js', '/apiary'])(
    '%s is proxied',
    async (url) => {
      const response = await gateway.inject(url)
      expect(response).toMatchObject({ statusCode: 200, body: '<h1>Page</h1>' })
      expect(requests).toMatchObject([{ method: 'GET', url }])
    },
  )

  it('keep the Content-Security-Policy of the storefront, and get the other security headers', async () => {
    const { headers } = await gateway.inject('/')
    expect(headers).toMatchObject({ 'content-security-policy': PAGE_CSP, 'x-content-type-options': 'nosniff' })
  })

  it.each(['/api/nothing', '/api', '/metrics', '/readyz', '/metrics?x', '/%6Detrics'])(
    '%s is no page: it is NOT_FOUND, and the storefront is not asked',
    async (url) => {
      expect((await gateway.inject(url)).statusCode).toBe(404)
      expect(requests).toEqual([])
    },
  )

  it('are not for methods other than GET and HEAD', async () => {
    expect((await gateway.inject({ method: 'HEAD', url: '/' })).statusCode).toBe(200)
    expect((await gateway.inject({ method: 'POST', url: '/products', payload: {} })).statusCode).toBe(404)
  })

  it("get the visitor's address and the gateway's secret, and no refresh token", async () => {
    const headers = {
      cookie: 'theme=dark; halles_refresh=secret; __Secure-halles_refresh=secret',
      'x-forwarded-for': '192.0.2.66',
      'x-gateway-secret': 'guessed',
    }
    await gateway.inject({ url: '/', headers, remoteAddress: '192.0.2.1' })
    expect(requests[0]!.headers).toMatchObject({
      'x-forwarded-for': '192.0.2.1',
      'x-gateway-secret': GATEWAY_SECRET,
      cookie: 'theme=dark',
    })
  })

  it('are UNAVAILABLE while the storefront is down, and the API is not', async () => {
    const alone = await createTestGateway(services.urls, { STOREFRONT_URL: await findUnusedAddress() })
    expect((await alone.inject('/')).statusCode).toBe(503)
    expect((await alone.inject('/graphql?query={__typename}')).statusCode).toBe(200)
    await alone.close()
  })
})

describe('the address of a visitor for whom the storefront renders', () => {
  const query = async (headers: Record<string, string>, remoteAddress: string): Promise<number> => {
    const limited = await limitedGateway
    const url = '/graphql?query={__typename}'
    return (await limited.inject({ url, headers: { ...headers }, remoteAddress })).statusCode
  }
  let limitedGateway: Promise<FastifyInstance>
  beforeEach(() => {
    limitedGateway = createTestGateway(services.urls, { RATE_LIMIT: '2', GATEWAY_SECRET })
    return async () => (await limitedGateway).close()
  })

  it('is what limits apply to, when the request has the secret', async () => {
    const forVisitor = (visitor: string) => ({ 'x-forwarded-for': visitor, 'x-gateway-secret': GATEWAY_SECRET })
    const statuses = []
    for (let i = 0; i < 4; i++) statuses.push(await query(forVisitor('192.0.2.1'), '10.0.0.1'))
    expect(statuses).toContain(429)
    expect(await query(forVisitor('198.51.100.1'), '10.0.0.1')).toBe(200)
  })

  it('is ignored with a wrong secret or a malformed address', async () => {
    const statuses = []
    for (let i = 0; i < 4; i++)
      statuses.push(await query({ 'x-forwarded-for': `192.0.2.${i}`, 'x-gateway-secret': 'guessed' }, '10.0.0.1'))
    expect(statuses).toContain(429)
    expect(await query({ 'x-forwarded-for': 'localhost', 'x-gateway-secret': GATEWAY_SECRET }, '10.0.0.1')).toBe(429)
  })
})
