import { connect, type Socket } from 'node:net'
import { request as httpRequest } from 'node:http'
import { authorizationHeader, createPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { createTestGateway, startFakeServices, type FakeServices } from '../test/fake-services.ts'

let fakeServices: FakeServices
let gateway: FastifyInstance
let port: number
beforeAll(async () => {
  fakeServices = await startFakeServices()
  gateway = await createTestGateway(fakeServices.urls, { RATE_LIMIT: '0' })
  port = Number(new URL(await gateway.listen({ host: '127.0.0.1', port: 0 })).port)
})
beforeEach(() => {
  // Like the real services: a body is read to its end before the response.
  for (const service of ['auth', 'order'] as const)
    fakeServices.faults[service] = async (request, reply) => {
      if (request.url === '/graphql') return
      for await (const _chunk of request.raw);
      await reply.send({ items: [] })
    }
})
afterEach(() => fakeServices.reset())
afterAll(async () => {
  await gateway.close()
  await fakeServices.close()
})

/** Opens connections that send the headers of a POST, and then a byte of its body each second. Ends with the test. */
async function dripBodies(
  count: number,
  path: string,
  localAddress: (n: number) => string,
  headers: Record<string, string> = {},
): Promise<{ received: string; closed: boolean }[]> {
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  const head = `POST ${path} HTTP/1.1\r\nHost: shop.example\r\n${lines.join('')}Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`
  const sockets: Socket[] = []
  const timer = setInterval(() => {
    for (const socket of sockets) if (socket.writable) socket.write(' ')
  }, 1000)
  onTestFinished(() => {
    clearInterval(timer)
    for (const socket of sockets) socket.destroy()
  })
  return Promise.all(
    Array.from({ length: count }, async (_, n) => {
      const state = { received: '', closed: false }
      const socket = connect({ port, host: '127.0.0.1', localAddress: localAddress(n) })
      sockets.push(socket)
      socket.on('error', () => {}) // a reset is a close
      socket.on('close', () => (state.closed = true))
      socket.on('data', (chunk) => (state.received += chunk.toString()))
      await new Promise((resolve) => socket.once('connect', resolve))
      socket.write(head)
      return state
    }),
  )
}

/** Sends a request from an address of this machine, and measures how long its response takes, in milliseconds. */
const send = (localAddress: string, method: string, path: string, body?: string) =>
  new Promise<{ status: number | undefined; retryAfter: string | undefined; ms: number }>((resolve, reject) => {
    const startedAt = performance.now()
    const headers = { 'content-type': 'application/json' }
    const request = httpRequest({ port, host: '127.0.0.1', localAddress, method, path, headers }, (response) => {
      response.resume().on('end', () =>
        resolve({
          status: response.statusCode,
          retryAfter: response.headers['retry-after'],
          ms: performance.now() - startedAt,
        }),
      )
    })
    request.setTimeout(10_000, () => request.destroy(new Error('no response within 10 s')))
    request.on('error', reject)
    request.end(body)
  })

const operation = JSON.stringify({ query: '{ products { totalCount } orders { totalCount } }' })

/** Sends requests for two seconds from an address, and returns how long the slowest response took, in milliseconds. */
async function measureSlowestResponse(localAddress: string): Promise<number> {
  let slowest = 0
  for (const until = performance.now() + 2000; performance.now() < until;)
    for (const answer of [
      await send(localAddress, 'GET', '/api/orders'),
      await send(localAddress, 'POST', '/graphql', operation),
      await send(localAddress, 'POST', '/api/login', '{}'),
    ]) {
      expect(answer.status).toBe(200)
      slowest = Math.max(slowest, answer.ms)
    }
  return slowest
}

const ATTACKER = '127.0.0.1'
const OTHER = '127.0.7.1'

// Only Linux has all addresses of 127.0.0.0/8.
describe.skipIf(process.platform !== 'linux')('300 bodies that are sent at one byte a second', () => {
  it.each([
    ['/api/orders, without signing in,', '/api/orders', () => ATTACKER],
    ['/api/login', '/api/login', () => ATTACKER],
    ['/graphql', '/graphql', () => ATTACKER],
    ['/api/login, from 30 networks,', '/api/login', (n: number) => `127.0.${100 + (n % 30)}.1`],
  ])('to %s do not delay other clients', async (_case, path, localAddress) => {
    await dripBodies(300, path, localAddress)
    expect(await measureSlowestResponse(OTHER)).toBeLessThan(500)
  })

  it('by a signed-in client do not delay others, and reach no service', async () => {
    const { authorization } = await authorizationHeader(createPrincipal())
    await dripBodies(300, '/api/orders', () => ATTACKER, { authorization })
    expect(await measureSlowestResponse(OTHER)).toBeLessThan(500)
    expect(
      fakeServices.requests.filter(
        ({ service, method, url }) => service === 'order' && method === 'POST' && url !== '/graphql',
      ),
    ).toEqual([])
  })

  it('are beyond the open requests of one address: the later ones are RATE_LIMITED', async () => {
    const bodies = await dripBodies(300, '/api/login', () => ATTACKER)
    await eventually(
      '200 of them are refused',
      async () => bodies.filter(({ received }) => received !== '').length === 200,
    )
    for (const { received } of bodies.filter(({ received }) => received !== ''))
      expect(received).toMatch(/^HTTP\/1\.1 429 [\s\S]*retry-after: 1[\s\S]*"code":"RATE_LIMITED"/)
    expect(await send(ATTACKER, 'GET', '/api/products/p1')).toMatchObject({ status: 429, retryAfter: '1' })
    expect(await send(OTHER, 'GET', '/api/products/p1')).toMatchObject({ status: 200 })
  })

  it('are ended with 408 before the request timeout, and leave no open request', async () => {
    const startedAt = performance.now()
    const bodies = await dripBodies(90, '/api/login', () => ATTACKER)
    await eventually('all are closed', async () => bodies.every(({ closed }) => closed))
    expect(performance.now() - startedAt).toBeLessThan(15_000)
    for (const { received } of bodies) expect(received).toMatch(/^HTTP\/1\.1 408 [\s\S]*"code":"TIMEOUT"/)
    const more = await dripBodies(90, '/api/login', () => ATTACKER)
    expect(await send(ATTACKER, 'GET', '/api/products/p1')).toMatchObject({ status: 200 })
    expect(more.every(({ received }) => received === '')).toBe(true)
  })
})
