import { createHash } from 'node:crypto'
import { AppError } from '@halles/errors/app-error'
import { extractTrace } from '@halles/telemetry/trace'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { renderErrorPage } from './error-page.ts'
import { createTestGateway, findUnusedAddress, startFakeServices, type FakeServices } from '../../test/fake-services.ts'

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8'

let fakeServices: FakeServices
let gateway: FastifyInstance
beforeAll(async () => {
  fakeServices = await startFakeServices()
  // The storefront is down.
  gateway = await createTestGateway(fakeServices.urls, { STOREFRONT_URL: await findUnusedAddress() })
})
afterAll(async () => {
  await gateway.close()
  await fakeServices.close()
})

const navigate = (url: string, headers: Record<string, string> = {}, app = gateway) =>
  app.inject({ url, headers: { accept: BROWSER, ...headers } })

describe('a browser that opens a page', () => {
  it('is shown a page in both languages while the storefront is down, which leads to the same page', async () => {
    const response = await navigate('/products/1?a=b&c=1')
    expect(response.statusCode).toBe(503)
    expect(response.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'retry-after': '2',
      vary: 'accept, accept-language',
    })
    expect(response.body).toContain('<html lang="fr">')
    expect(response.body).toContain('<h1>La boutique revient tout de suite</h1>')
    expect(response.body).toContain('<section lang="en"><h2>The shop will be right back</h2>')
    expect(response.body).toContain('href="/products/1?a=b&amp;c=1"')
    expect(response.body).not.toMatch(/127\.0\.0\.1|<script|<b>/)
  })

  it('is shown an address with HTML as it is', () => {
    const request = { method: 'GET', url: '/"><script>', headers: { accept: BROWSER }, trace: extractTrace({}) }
    const page = renderErrorPage(new AppError('UNAVAILABLE', 'Try again later.'), 503, request)
    expect(page!.body).toContain('href="/&quot;&gt;&lt;script&gt;"')
  })

  it('is shown only what the Content-Security-Policy allows: the one style, by its hash', async () => {
    const { headers, body } = await navigate('/')
    const style = /<style>(.*)<\/style>/s.exec(body)![1]!
    const hash = createHash('sha256').update(style).digest('base64')
    expect(headers['content-security-policy']).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
    )
    expect(body.length).toBeLessThan(6000)
  })

  it.each([
    ['/en', {}, 'en'],
    ['/en/products', { 'accept-language': 'fr' }, 'en'],
    ['/english', {}, 'fr'],
    ['/', { 'accept-language': 'en-GB,fr;q=0.5' }, 'en'],
    ['/', { 'accept-language': 'de,fr;q=0.5,en;q=0.2' }, 'fr'],
  ])('at %s with %o is shown the language %s first', async (url, headers, language) => {
    const { body } = await navigate(url, headers)
    expect(body).toContain(`<html lang="${language}">`)
    expect(body).toMatch(new RegExp(`<section lang="${language}"><h1>`))
  })

  it.each([
    ['/a//b', 404, 'Cette page est introuvable'],
    ['/problems/nothing', 404, 'Cette page est introuvable'],
    ['/%ff', 400, 'Cette adresse est incorrecte'],
  ])('at %s is shown a page with the status %i', async (url, status, title) => {
    const response = await navigate(url)
    expect(response.statusCode).toBe(status)
    expect(response.body).toContain(`<h1>${title}</h1>`)
    expect(response.body).toContain('class="main" href="/"')
  })

  it('is shown a page when it has used up its quota', async () => {
    const narrow = await createTestGateway(fakeServices.urls, {
      STOREFRONT_URL: await findUnusedAddress(),
      RATE_LIMIT: '1',
    })
    await navigate('/a', {}, narrow)
    const response = await navigate('/a', {}, narrow)
    expect([response.statusCode, response.headers['content-type']]).toEqual([429, 'text/html; charset=utf-8'])
    expect(Number(response.headers['retry-after'])).toBeGreaterThan(0)
    expect(response.body).toContain('<h1>Un instant, s’il vous plaît</h1>')
    await narrow.close()
  })

  it.each(['/api/nothing', '/api/orders/1/2', '/graphql/nothing'])('at %s is answered in JSON', async (url) => {
    expect((await navigate(url)).headers['content-type']).toMatch(/json/)
  })
})

it('a program is answered a problem document where a browser is shown a page', async () => {
  for (const accept of ['*/*', 'application/json', 'image/avif,image/webp,*/*']) {
    const response = await gateway.inject({ url: '/a//b', headers: { accept } })
    expect([response.statusCode, response.json().code]).toEqual([404, 'NOT_FOUND'])
  }
  const posted = await gateway.inject({ method: 'POST', url: '/a', headers: { accept: BROWSER } })
  expect(posted.json().code).toBe('NOT_FOUND')
})

describe('/graphql', () => {
  it('shows GraphiQL to a browser, and answers programs in JSON', async () => {
    const page = await navigate('/graphql')
    expect([page.statusCode, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8'])
    expect(page.body).toContain('<title>Halles GraphiQL</title>')
    expect(page.headers['content-security-policy']).toContain("script-src 'self'")
    expect(page.headers['vary']).toBe('accept')
    const json = await gateway.inject({ url: '/graphql?query={product(id:"p1"){name}}', headers: { accept: '*/*' } })
    expect(json.json()).toEqual({ data: { product: { name: 'Chaise' } } })
  })

  it('answers a browser in JSON where GraphiQL is turned off', async () => {
    const closed = await createTestGateway(fakeServices.urls, { PERSISTED_ONLY: 'true' })
    const response = await navigate('/graphql', {}, closed)
    expect(response.headers['content-type']).toMatch(/json/)
    await closed.close()
  })
})
