import { auditServer } from 'graphql-http'
import { authorizationHeader, createPrincipal } from '@halles/test-fixtures/principals'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createTestGateway, startFakeServices, type FakeServices } from '../test/fake-services.ts'
import { parseConfig } from './config.ts'
import { loadPersistedOperations, toDocumentId } from './graphql/persisted-operations.ts'

let fakeServices: FakeServices
let gateway: FastifyInstance
let persistedOnly: FastifyInstance
beforeAll(async () => {
  fakeServices = await startFakeServices()
  gateway = await createTestGateway(fakeServices.urls)
  persistedOnly = await createTestGateway(fakeServices.urls, {
    PERSISTED_ONLY: 'true',
    MAILBOX_URL: 'http://127.0.0.1:1080',
  })
})
afterAll(async () => {
  await persistedOnly.close()
  await gateway.close()
  await fakeServices.close()
})

describe('GraphQL over HTTP', () => {
  it.each(['the gateway', 'a subgraph'])('%s passes all checks of the graphql-http audit', async (which) => {
    const url = which === 'a subgraph' ? fakeServices.urls.order : await listen()
    const results = await auditServer({ url: `${url}/graphql` })
    expect(results).toHaveLength(61)
    expect(results.filter(({ status }) => status !== 'ok').map(({ name }) => name)).toEqual([])
  })

  let listening: Promise<string> | undefined
  const listen = (): Promise<string> => (listening ??= gateway.listen({ host: '127.0.0.1', port: 0 }))
})

describe('persisted operations', () => {
  const { texts } = loadPersistedOperations()
  const product = texts.find((text) => text.startsWith('query Product('))!
  const documentId = toDocumentId(product)
  const request = { documentId, variables: { id: 'p1' } }
  const productName = { data: { product: { name: 'Chaise' } } }

  it.each(['POST', 'GET'] as const)('are executed by their document id, by %s', async (method) => {
    for (const target of [gateway, persistedOnly]) {
      const response = await target.inject(
        method === 'POST'
          ? { method, url: '/graphql', payload: request }
          : { method, url: '/graphql', query: { documentId, variables: JSON.stringify(request.variables) } },
      )
      expect(response.json()).toMatchObject(productName)
    }
  })

  it('are planned before the first request; other operations at their first request', async () => {
    const started = await createTestGateway(fakeServices.urls)
    const readPlanMetrics = async (): Promise<string[]> =>
      (await started.operatorApp!.inject('/metrics')).body
        .split('\n')
        .filter((line) => line.startsWith('gateway_query_plans_total'))
    expect(await readPlanMetrics()).toEqual([expect.stringMatching(new RegExp(`cache="miss".* ${texts.length}$`))])
    await started.inject({ method: 'POST', url: '/graphql', payload: request })
    expect(await readPlanMetrics()).toContainEqual(expect.stringMatching(/cache="hit".* 1$/))
    await started.close()
  })

  it('are PERSISTED_QUERY_NOT_FOUND by an unknown document id', async () => {
    const payload = { documentId: toDocumentId('{ __typename }') }
    const response = await gateway.inject({ method: 'POST', url: '/graphql', payload })
    expect(response.statusCode).toBe(404)
    expect(response.json().errors[0].extensions.code).toBe('PERSISTED_QUERY_NOT_FOUND')
  })

  it('are the only operations executed with PERSISTED_ONLY, which also turns GraphiQL off', async () => {
    for (const request of [
      { method: 'POST', url: '/graphql', payload: { query: product, variables: { id: 'p1' } } },
      { method: 'GET', url: '/graphql?query={__typename}' },
    ] as const) {
      const response = await persistedOnly.inject(request)
      expect(response.statusCode).toBe(403)
      expect(response.json().errors[0].extensions.code).toBe('OPERATION_NOT_ALLOWED')
    }
    expect((await persistedOnly.inject('/graphiql')).statusCode).toBe(404)
    expect((await persistedOnly.inject('/developers')).body).not.toContain('/graphiql')
  })
})

describe('pages', () => {
  /** References to other origins. */
  const otherOrigin = /(?:src|href)="(?:https?:)?\/\/|url\(["']?(?:https?:)?\/\/|@import/

  it('GraphiQL loads nothing from other origins, and its Content-Security-Policy forbids it', async () => {
    const page = await gateway.inject('/graphiql')
    expect(page.headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'")
    expect(page.body).not.toMatch(otherOrigin)
    const files = [...page.body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, url]) => url!)
    expect(files).toEqual(['/graphiql/graphiql.css', '/graphiql/graphiql.js', '/graphiql/start.js'])
    for (const url of [...files, '/graphiql/editor.js', '/graphiql/json.js', '/graphiql/graphql.js']) {
      const file = await gateway.inject(url)
      expect([url, file.statusCode]).toEqual([url, 200])
      expect(file.headers['content-type']).toMatch(/^text\/(css|javascript)/)
      const headers = { 'if-none-match': String(file.headers['etag']) }
      expect((await gateway.inject({ url, headers })).statusCode).toBe(304)
    }
    expect((await gateway.inject('/graphiql/graphiql.css')).body).not.toMatch(otherOrigin)
    expect((await gateway.inject('/graphiql/nothing.js')).statusCode).toBe(404)
  })

  it('the page for developers links to every other page', async () => {
    const page = await gateway.inject({ url: '/developers', headers: { host: 'shop.example' } })
    expect(page.body).not.toMatch(otherOrigin)
    expect(page.body).toContain('http://shop.example/graphql')
    const links = [...page.body.matchAll(/href="(\/[^"]+)"/g)].map(([, url]) => url!)
    expect(links).toContain('/graphiql')
    for (const url of links) expect([url, (await gateway.inject(url)).statusCode]).toEqual([url, 200])
    expect(page.body).not.toContain('mail</a>')
    expect((await persistedOnly.inject('/developers')).body).toContain('href="http://127.0.0.1:1080"')
  })

  it('the page for developers escapes the Host header', async () => {
    const page = await gateway.inject({ url: '/developers', headers: { host: '<script>alert(1)</script>' } })
    expect(page.body).not.toContain('<script>alert')
  })
})

it('the gateway measures the duration of subgraph fetches by outcome', async () => {
  await gateway.inject({
    method: 'POST',
    url: '/graphql',
    payload: { query: '{ me { id } }' },
    headers: await authorizationHeader(createPrincipal()),
  })
  await gateway.inject({ method: 'POST', url: '/graphql', payload: { query: '{ me { id } }' } })
  const { body } = await gateway.operatorApp!.inject('/metrics')
  for (const outcome of ['ok', 'errors'])
    expect(body).toMatch(
      new RegExp(`gateway_subgraph_fetch_duration_seconds_count\\{.*subgraph="auth",outcome="${outcome}"\\} [1-9]`),
    )
})

it('the gateway serves /healthz to everyone, and /readyz and /metrics only at OPERATOR_PORT', async () => {
  expect((await gateway.inject('/healthz')).statusCode).toBe(200)
  for (const url of ['/readyz', '/metrics']) {
    expect((await gateway.inject(url)).statusCode).toBe(404)
    expect((await gateway.operatorApp!.inject(url)).statusCode).toBe(200)
  }
  expect((await gateway.inject('/')).body).not.toMatch(/readyz|metrics/)
})

it('parseConfig requires an own GATEWAY_SECRET in production', () => {
  const url = 'http://a'
  const urls = { JWKS_URL: `${url}/jwks`, AUTH_URL: url, PRODUCT_URL: url, ORDER_URL: url, NOTIFICATION_URL: url }
  const production = { PORT: '1', ...urls, NODE_ENV: 'production' }
  expect(() => parseConfig(production)).toThrow(/GATEWAY_SECRET must be set to a secret of your own/)
  expect(() => parseConfig({ ...production, GATEWAY_SECRET: 'only-for-trying-things-out' })).toThrow(/GATEWAY_SECRET/)
  expect(parseConfig({ ...production, GATEWAY_SECRET: 'a-secret-of-our-own' }).PORT).toBe(1)
})

it('parseConfig lists every invalid setting', () => {
  const env = { PORT: '1', JWKS_URL: 'http://a/jwks', AUTH_URL: 'http://a/', PRODUCT_URL: 'b', ORDER_URL: 'http://c' }
  expect(() => parseConfig(env)).toThrow(/AUTH_URL[\s\S]*PRODUCT_URL|PRODUCT_URL[\s\S]*AUTH_URL/)
  expect(() => parseConfig(env)).toThrow(/NOTIFICATION_URL is missing/)
})
