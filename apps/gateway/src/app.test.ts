import { auditServer } from 'graphql-http'
import { as, someone } from '@halles/testkit/people'
import type { FastifyInstance } from 'fastify'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { gatewayTo, smallShop, type Shop } from '../test/small-services.ts'
import { configFrom } from './config.ts'
import { together } from './openapi.ts'
import { documentIdOf, knownOperations } from './operations.ts'

let shop: Shop
let gateway: FastifyInstance
let strict: FastifyInstance
beforeAll(async () => {
  shop = await smallShop()
  gateway = await gatewayTo(shop.urls)
  strict = await gatewayTo(shop.urls, { PERSISTED_ONLY: 'true', MAILBOX_URL: 'http://127.0.0.1:1080' })
})
afterAll(async () => {
  await strict.close()
  await gateway.close()
  await shop.close()
})

describe('GraphQL over HTTP', () => {
  it.each(['the gateway', 'a subgraph'])('%s passes every check of the audit', async (which) => {
    const base = which === 'a subgraph' ? shop.urls.order : await listening()
    const results = await auditServer({ url: `${base}/graphql` })
    expect(results).toHaveLength(61)
    expect(results.filter(({ status }) => status !== 'ok').map(({ name }) => name)).toEqual([])
  })

  let listens: Promise<string> | undefined
  const listening = (): Promise<string> => (listens ??= gateway.listen({ host: '127.0.0.1', port: 0 }))
})

describe('operations that the gateway knows', () => {
  const { texts } = knownOperations()
  const product = texts.find((text) => text.startsWith('query Product('))!
  const documentId = documentIdOf(product)
  const asked = { documentId, variables: { id: 'p1' } }
  const name = { data: { product: { name: 'Chaise' } } }

  it.each(['POST', 'GET'] as const)('can be named, by %s', async (method) => {
    for (const shop of [gateway, strict]) {
      const answer = await shop.inject(
        method === 'POST'
          ? { method, url: '/graphql', payload: asked }
          : { method, url: '/graphql', query: { documentId, variables: JSON.stringify(asked.variables) } },
      )
      expect(answer.json()).toMatchObject(name)
    }
  })

  it('are planned before the first client asks, others at their first time', async () => {
    const fresh = await gatewayTo(shop.urls)
    const plans = async (): Promise<string[]> =>
      (await fresh.operator!.inject('/metrics')).body
        .split('\n')
        .filter((line) => line.startsWith('gateway_query_plans_total'))
    expect(await plans()).toEqual([expect.stringMatching(new RegExp(`cache="miss".* ${texts.length}$`))])
    await fresh.inject({ method: 'POST', url: '/graphql', payload: asked })
    expect(await plans()).toContainEqual(expect.stringMatching(/cache="hit".* 1$/))
    await fresh.close()
  })

  it('are unknown by any other id', async () => {
    const payload = { documentId: documentIdOf('{ __typename }') }
    const answer = await gateway.inject({ method: 'POST', url: '/graphql', payload })
    expect(answer.statusCode).toBe(404)
    expect(answer.json().errors[0].extensions.code).toBe('PERSISTED_QUERY_NOT_FOUND')
  })

  it('are the only ones that are answered in strict mode, which has no GraphiQL', async () => {
    for (const wish of [
      { method: 'POST', url: '/graphql', payload: { query: product, variables: { id: 'p1' } } },
      { method: 'GET', url: '/graphql?query={__typename}' },
    ] as const) {
      const answer = await strict.inject(wish)
      expect(answer.statusCode).toBe(403)
      expect(answer.json().errors[0].extensions.code).toBe('OPERATION_NOT_ALLOWED')
    }
    expect((await strict.inject('/graphiql')).statusCode).toBe(404)
    expect((await strict.inject('/')).body).not.toContain('/graphiql')
  })
})

describe('pages', () => {
  /** What a page would load from elsewhere. */
  const elsewhere = /(?:src|href)="(?:https?:)?\/\/|url\(["']?(?:https?:)?\/\/|@import/

  it('GraphiQL loads nothing from elsewhere, and its browser would not let it', async () => {
    const page = await gateway.inject('/graphiql')
    expect(page.headers['content-security-policy']).toContain("default-src 'none'; script-src 'self'")
    expect(page.body).not.toMatch(elsewhere)
    const files = [...page.body.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, url]) => url!)
    expect(files).toEqual(['/graphiql/graphiql.css', '/graphiql/graphiql.js', '/graphiql/start.js'])
    for (const url of [...files, '/graphiql/editor.js', '/graphiql/json.js', '/graphiql/graphql.js']) {
      const file = await gateway.inject(url)
      expect([url, file.statusCode]).toEqual([url, 200])
      expect(file.headers['content-type']).toMatch(/^text\/(css|javascript)/)
      const headers = { 'if-none-match': String(file.headers['etag']) }
      expect((await gateway.inject({ url, headers })).statusCode).toBe(304)
    }
    expect((await gateway.inject('/graphiql/graphiql.css')).body).not.toMatch(elsewhere)
    expect((await gateway.inject('/graphiql/nothing.js')).statusCode).toBe(404)
  })

  it('the front page leads to everything that there is', async () => {
    const page = await gateway.inject({ url: '/', headers: { host: 'shop.example' } })
    expect(page.body).not.toMatch(elsewhere)
    expect(page.body).toContain('http://shop.example/graphql')
    const links = [...page.body.matchAll(/href="(\/[^"]+)"/g)].map(([, url]) => url!)
    expect(links).toContain('/graphiql')
    for (const url of links) expect([url, (await gateway.inject(url)).statusCode]).toEqual([url, 200])
    expect(page.body).not.toContain('mail</a>')
    expect((await strict.inject('/')).body).toContain('href="http://127.0.0.1:1080"')
  })

  it('the front page writes no markup that a client sent', async () => {
    const page = await gateway.inject({ url: '/', headers: { host: '<script>alert(1)</script>' } })
    expect(page.body).not.toContain('<script>alert')
  })
})

describe('the description of everything below /api', () => {
  it('is that of all services together', async () => {
    const { openapi, servers, paths } = (await gateway.inject('/openapi.json')).json()
    expect({ openapi, servers }).toEqual({ openapi: '3.1.0', servers: [{ url: '/api' }] })
    expect(Object.keys(paths)).toEqual(['/.well-known/jwks.json', '/products/{id}'])
  })

  it('is not told when a service is away, rather than without its part', async () => {
    shop.misbehave.order = (_request, reply) => reply.status(500).send()
    expect((await gateway.inject('/openapi.json')).json()).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
    shop.calm()
  })

  it('never gives one name to two shapes', () => {
    const part = (type: string) => ({ openapi: '', info: {}, paths: {}, components: { schemas: { Order: { type } } } })
    expect(together([part('object'), part('object')]).components.schemas).toEqual({ Order: { type: 'object' } })
    expect(() => together([part('object'), part('string')])).toThrow('two schemas are called Order')
  })
})

it('measures what subgraphs take, by outcome', async () => {
  await gateway.inject({
    method: 'POST',
    url: '/graphql',
    payload: { query: '{ me { id } }' },
    headers: await as(someone()),
  })
  await gateway.inject({ method: 'POST', url: '/graphql', payload: { query: '{ me { id } }' } })
  const { body } = await gateway.operator!.inject('/metrics')
  for (const outcome of ['ok', 'errors'])
    expect(body).toMatch(
      new RegExp(`gateway_fetch_duration_seconds_count\\{.*subgraph="auth",outcome="${outcome}"\\} [1-9]`),
    )
})

it('shows the public that it is alive, and how it is to operators only', async () => {
  expect((await gateway.inject('/healthz')).statusCode).toBe(200)
  for (const url of ['/readyz', '/metrics']) {
    expect((await gateway.inject(url)).statusCode).toBe(404)
    expect((await gateway.operator!.inject(url)).statusCode).toBe(200)
  }
  expect((await gateway.inject('/')).body).not.toMatch(/readyz|metrics/)
})

it('in production proves itself by a secret of its own', () => {
  const url = 'http://a'
  const urls = { JWKS_URL: `${url}/jwks`, AUTH_URL: url, PRODUCT_URL: url, ORDER_URL: url, NOTIFICATION_URL: url }
  const production = { PORT: '1', ...urls, NODE_ENV: 'production' }
  expect(() => configFrom(production)).toThrow(/GATEWAY_SECRET must be set to a secret of your own/)
  expect(() => configFrom({ ...production, GATEWAY_SECRET: 'only-for-trying-things-out' })).toThrow(/GATEWAY_SECRET/)
  expect(configFrom({ ...production, GATEWAY_SECRET: 'a-secret-of-our-own' }).PORT).toBe(1)
})

it('names every setting that is wrong', () => {
  const env = { PORT: '1', JWKS_URL: 'http://a/jwks', AUTH_URL: 'http://a/', PRODUCT_URL: 'b', ORDER_URL: 'http://c' }
  expect(() => configFrom(env)).toThrow(/AUTH_URL[\s\S]*PRODUCT_URL|PRODUCT_URL[\s\S]*AUTH_URL/)
  expect(() => configFrom(env)).toThrow(/NOTIFICATION_URL is missing/)
})
