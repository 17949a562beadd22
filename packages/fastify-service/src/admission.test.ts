import { findTestPublicKey } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { DEADLINE_HEADER } from '@halles/concurrency/caller'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createServiceApp, type App } from './app.ts'

let app: App
let begun: number
let release: () => void
beforeEach(async () => {
  const { promise, resolve } = Promise.withResolvers<void>()
  begun = 0
  release = () => resolve()
  app = await createServiceApp({
    name: 'test-service',
    logLevel: 'silent',
    findPublicKey: findTestPublicKey,
    issuer: 'halles',
    audience: 'halles',
    readinessChecks: {},
    docs: false,
  })
  app.post('/work', async () => {
    begun++
    await promise
    return { done: true }
  })
  app.post('/graphql', async () => ({ data: {} }))
  await app.ready()
})
afterEach(async () => {
  release()
  await app.close()
})

/** Starts a request of a client; `inject` by itself starts when it is awaited. */
const work = async (client: number, headers: Record<string, string> = {}, url: '/work' | '/graphql' = '/work') =>
  await app.inject({ method: 'POST', url, remoteAddress: `192.0.${client >> 8}.${client & 255}`, headers, payload: {} })

describe('limitConcurrency', () => {
  it('refuses requests beyond the limit at once, before their tokens are verified, but never health checks', async () => {
    const running = Array.from({ length: 512 }, (_, n) => work(n))
    await eventually('all have begun', () => begun === 512)
    const refused = await work(1000, { authorization: 'Bearer forged' })
    expect(refused.statusCode).toBe(503)
    expect(refused.json()).toMatchObject({ code: 'UNAVAILABLE' })
    expect(refused.headers['retry-after']).toMatch(/^[123]$/)
    const operation = await work(1000, {}, '/graphql')
    expect(operation.statusCode).toBe(503)
    expect(operation.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] })
    for (const url of ['/healthz', '/readyz', '/metrics']) expect((await app.inject(url)).statusCode).toBe(200)
    expect((await app.inject('/metrics')).body).toMatch(/^http_requests_refused_total\{.*\} 2$/m)

    release()
    for (const { statusCode } of await Promise.all(running)) expect(statusCode).toBe(200)
    expect((await work(1000)).statusCode).toBe(200)
  })

  it('gives one client four fifths of the limit, so that another is served', async () => {
    const flood = Array.from({ length: 600 }, () => work(1))
    const bystander = work(2)
    await eventually('its share and the bystander have begun', () => begun === 411)
    release()
    const statuses = (await Promise.all(flood)).map(({ statusCode }) => statusCode)
    expect(statuses.filter((status) => status === 503)).toHaveLength(190)
    expect((await bystander).statusCode).toBe(200)
  })
})

describe('a request', () => {
  it('is not begun after the deadline that its caller sends', async () => {
    const late = await work(1, { [DEADLINE_HEADER]: '0' })
    expect(late.statusCode).toBe(504)
    expect(late.json()).toMatchObject({ code: 'TIMEOUT' })
    expect(begun).toBe(0)
    release()
    expect((await work(1, { [DEADLINE_HEADER]: '5000' })).statusCode).toBe(200)
    expect((await work(1, { [DEADLINE_HEADER]: '-1' })).statusCode).toBe(200)
  })
})
