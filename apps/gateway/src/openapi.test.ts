import { eventually } from '@halles/test-fixtures/wait'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createTestGateway, startFakeServices, type FakeServices } from '../test/fake-services.ts'
import { services } from './config.ts'
import { cacheDocument, mergeDocuments } from './openapi.ts'

let fakeServices: FakeServices
beforeAll(async () => {
  fakeServices = await startFakeServices()
})
afterAll(() => fakeServices.close())

describe('/openapi.json', () => {
  let gateway: FastifyInstance
  beforeEach(async () => {
    gateway = await createTestGateway(fakeServices.urls)
  })
  afterEach(async () => {
    fakeServices.reset()
    await gateway.close()
  })

  it('merges the documents of all services', async () => {
    const { openapi, servers, paths } = (await gateway.inject('/openapi.json')).json()
    expect({ openapi, servers }).toEqual({ openapi: '3.1.0', servers: [{ url: '/api' }] })
    expect(Object.keys(paths)).toEqual(['/.well-known/jwks.json', '/products/{id}'])
  })

  it('is UNAVAILABLE while a service fails, rather than without its part, and complete once it answers', async () => {
    fakeServices.faults.order = (_request, reply) => reply.status(500).send()
    expect((await gateway.inject('/openapi.json')).json()).toMatchObject({ status: 503, code: 'UNAVAILABLE' })
    fakeServices.reset()
    expect((await gateway.inject('/openapi.json')).statusCode).toBe(200)
  })

  it('requests each service once for many clients', async () => {
    let release = (): void => {}
    const released = new Promise<void>((resolve) => (release = resolve))
    fakeServices.faults.order = () => released
    const concurrent = Promise.all(Array.from({ length: 5 }, () => gateway.inject('/openapi.json')))
    await eventually('every service was requested', () => fakeServices.requests.length === services.length)
    release()
    for (const { statusCode } of await concurrent) expect(statusCode).toBe(200)
    expect((await gateway.inject('/openapi.json')).statusCode).toBe(200)
    expect(fakeServices.requests.map(({ service }) => service).toSorted()).toEqual([...services].toSorted())
  })
})

describe('API documentation in production', () => {
  const production = { NODE_ENV: 'production', GATEWAY_SECRET: 'between-gateway-and-services' }
  const paths = [
    '/openapi.json',
    ...services.flatMap((service) => [`/docs/${service}`, `/docs/${service}/`, `/docs/${service}/openapi.json`]),
  ]
  const readStatuses = async (env: Record<string, string>): Promise<number[]> => {
    const gateway = await createTestGateway(fakeServices.urls, env)
    const statuses = []
    for (const path of paths) statuses.push((await gateway.inject(path)).statusCode)
    const { body: developersPage } = await gateway.inject('/developers')
    expect(developersPage.includes('/openapi.json')).toBe(statuses[0] === 200)
    expect(developersPage.includes('/docs/')).toBe(statuses[0] === 200)
    await gateway.close()
    return statuses
  }

  it('is NOT_FOUND and not linked from the page for developers, like introspection, and no service is called', async () => {
    fakeServices.reset()
    expect(new Set(await readStatuses(production))).toEqual(new Set([404]))
    expect(fakeServices.requests).toEqual([])
  })

  it('is served with OPEN_SCHEMA=true, and nowhere with OPEN_SCHEMA=false', async () => {
    expect(new Set(await readStatuses({ ...production, OPEN_SCHEMA: 'true' }))).toEqual(new Set([200, 302]))
    expect(new Set(await readStatuses({ OPEN_SCHEMA: 'false' }))).toEqual(new Set([404]))
  })

  it('is served with PERSISTED_ONLY outside production: that restricts GraphQL, not REST', async () => {
    expect(new Set(await readStatuses({ PERSISTED_ONLY: 'true' }))).toEqual(new Set([200, 302]))
  })
})

describe('cacheDocument', () => {
  it('loads again after 60 s, and after a failure at once', async () => {
    let time = 0
    let loads = 0
    let failing = false
    const find = cacheDocument(
      async () => {
        loads++
        if (failing) throw new Error('a service is down')
        return loads
      },
      () => time,
    )
    expect([await find(), await find()]).toEqual([1, 1])
    time = 59_999
    expect(await find()).toBe(1)
    time = 60_000
    expect(await find()).toBe(2)
    time = 120_000
    failing = true
    await expect(find()).rejects.toThrow('a service is down')
    failing = false
    expect(await find()).toBe(4)
  })

  it('shares one load among concurrent calls, its failure too', async () => {
    let loads = 0
    const find = cacheDocument(async () => {
      loads++
      throw new Error('a service is down')
    }, Date.now)
    const results = await Promise.allSettled([find(), find(), find()])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
    expect(loads).toBe(1)
  })
})

describe('mergeDocuments', () => {
  it('throws when two different schemas have the same name', () => {
    const documentWith = (type: string) => ({
      openapi: '',
      info: {},
      paths: {},
      components: { schemas: { Order: { type } } },
    })
    const merged = mergeDocuments([documentWith('object'), documentWith('object')])
    expect(merged.components.schemas).toEqual({ Order: { type: 'object' } })
    expect(() => mergeDocuments([documentWith('object'), documentWith('string')])).toThrow(
      'two schemas are called Order',
    )
  })
})
