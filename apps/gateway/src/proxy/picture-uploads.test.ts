import { request as httpRequest } from 'node:http'
import type { Socket } from 'node:net'
import { json } from 'node:stream/consumers'
import { authorizationHeader, createAdmin, createPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import type { FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createTestGateway, startFakeServices, type FakeServices } from '../../test/fake-services.ts'

const MAX_PICTURE_BYTES = 5_242_880

type Headers = Record<string, string>

let fakeServices: FakeServices
let gateway: FastifyInstance
let address: string
let admin: Headers
beforeAll(async () => {
  admin = await authorizationHeader(createAdmin())
  fakeServices = await startFakeServices()
  gateway = await createTestGateway(fakeServices.urls, {})
  address = await gateway.listen({ host: '127.0.0.1', port: 0 })
})
afterEach(() => fakeServices.reset())
afterAll(async () => {
  await gateway.close()
  await fakeServices.close()
})

/** Makes product-service answer with what it received: URL, content type and size. */
function echoUploads(): void {
  fakeServices.faults.product = (request, reply) => {
    let bytes = 0
    reply.hijack()
    request.raw.on('data', (chunk: Buffer) => (bytes += chunk.length))
    request.raw.on('end', () => {
      const body = JSON.stringify({ url: request.url, type: request.headers['content-type'], bytes })
      reply.raw.writeHead(200, { 'content-type': 'application/json' }).end(body)
    })
  }
}

const upload = (bytes: number, headers: Headers, { method = 'PUT', path = '/api/products/p1/picture' } = {}) =>
  new Promise<{ status: number | undefined; body: any }>((resolve, reject) => {
    const all = { 'content-type': 'image/jpeg', 'content-length': bytes, ...headers }
    const request = httpRequest(`${address}${path}`, { method, headers: all, agent: false }, (response) => {
      void json(response).then((body) => resolve({ status: response.statusCode, body }))
    })
    request.on('error', reject)
    request.end(Buffer.alloc(bytes))
  })

describe('the upload of a picture', () => {
  it('is forwarded as it is, up to 5 MB', async () => {
    echoUploads()
    const path = '/api/products/p1/picture?expectedRevision=3'
    expect(await upload(MAX_PICTURE_BYTES, admin, { path })).toEqual({
      status: 200,
      body: { url: path.replace('/api', ''), type: 'image/jpeg', bytes: MAX_PICTURE_BYTES },
    })
  })

  it('is PAYLOAD_TOO_LARGE above 5 MB, and does not reach the service', async () => {
    echoUploads()
    const { status, body } = await upload(MAX_PICTURE_BYTES + 1, admin)
    expect([status, body.code]).toEqual([413, 'PAYLOAD_TOO_LARGE'])
    expect(fakeServices.requests).toEqual([])
  })

  it('is the only request with so large a body', async () => {
    echoUploads()
    for (const other of [
      { method: 'POST' },
      { path: '/api/products/p1' },
      { path: '/api/products/p1/picture/more' },
      { path: '/api/products/picture' },
    ])
      expect((await upload(1_048_577, admin, other)).body.code).toBe('PAYLOAD_TOO_LARGE')
    expect(fakeServices.requests).toEqual([])
  })

  it('is refused to anyone but an admin before the body is read', async () => {
    const someone = await authorizationHeader(createPrincipal())
    for (const [headers, status] of [
      [{}, 401],
      [someone, 403],
    ] as const) {
      const response = await new Promise<number | undefined>((resolve, reject) => {
        const all = { 'content-type': 'image/jpeg', 'content-length': MAX_PICTURE_BYTES, ...headers }
        const request = httpRequest(
          `${address}/api/products/p1/picture`,
          { method: 'PUT', headers: all, agent: false },
          ({ statusCode }) => {
            resolve(statusCode)
            request.destroy()
          },
        )
        request.on('error', reject)
        request.flushHeaders() // nothing of the body is sent
      })
      expect(response).toBe(status)
    }
    expect(fakeServices.requests).toEqual([])
  })

  it('is RATE_LIMITED while one address has another one in memory, which holds no connection to the service', async () => {
    echoUploads()
    const headers = { 'content-type': 'image/jpeg', 'content-length': MAX_PICTURE_BYTES, ...admin }
    const connection = new Promise<Socket>((resolve) => gateway.server.once('connection', resolve))
    const slow = httpRequest(`${address}/api/products/p1/picture`, { method: 'PUT', headers, agent: false })
    const done = new Promise((resolve) => slow.once('response', ({ statusCode }) => resolve(statusCode)))
    slow.write(Buffer.alloc(MAX_PICTURE_BYTES - 1))
    const socket = await connection
    await eventually('the gateway has most of the picture', async () => socket.bytesRead >= MAX_PICTURE_BYTES)
    const refused = await upload(MAX_PICTURE_BYTES, admin, { path: '/api/products/p2/picture' })
    expect([refused.status, refused.body.code]).toEqual([429, 'RATE_LIMITED'])
    expect(fakeServices.requests.filter(({ url }) => url.includes('/p1/'))).toEqual([])
    slow.end(Buffer.alloc(1))
    expect(await done).toBe(200)
    await eventually('there is memory for others again', async () => {
      return (await upload(MAX_PICTURE_BYTES, admin, { path: '/api/products/p2/picture' })).status === 200
    })
  })
})

it('pictures are served to anyone, with the caching that product-service gives them', async () => {
  const headers = { 'cache-control': 'public, max-age=31536000, immutable', etag: '"x"' }
  fakeServices.faults.product = (_request, reply) => reply.headers(headers).type('image/webp').send(Buffer.from('RIFF'))
  for (const caller of [{}, admin]) {
    const response = await gateway.inject({ url: '/api/pictures/x-640.webp', headers: caller })
    expect(response.statusCode).toBe(200)
    expect(response.headers).toMatchObject({ ...headers, 'content-type': 'image/webp' })
  }
})
