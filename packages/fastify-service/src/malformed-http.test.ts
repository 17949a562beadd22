import { connect, type AddressInfo } from 'node:net'
import { findTestPublicKey } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createServiceApp, type App } from './app.ts'

let app: App
beforeAll(async () => {
  app = await createServiceApp({
    name: 'test-service',
    logLevel: 'silent',
    findPublicKey: findTestPublicKey,
    issuer: 'halles',
    audience: 'halles',
    readinessChecks: {},
    operatorPort: 'own',
    headers: { 'x-every': 'answer' },
  })
  app.post('/items', async (request) => request.body)
  app.post('/graphql', async () => ({}))
  app.get('/large', async () => {
    largeRequested.resolve()
    return Buffer.alloc(50_000_000)
  })
  app.get('/host', async ({ host, url }) => ({ host, url }))
  app.get('/partial', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-length': '4' })
    reply.raw.write('he')
    finishPartial.resolve(() => reply.raw.end('re'))
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  await app.operatorApp!.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => app.close())
const largeRequested = Promise.withResolvers<void>()
let finishPartial = Promise.withResolvers<() => void>()

type RawResponse = { text: string; status: number; headers: Record<string, string>; body: any }

/** Sends bytes, and `next` after the first response bytes; resolves with what was received until the server closes. */
const send = (bytes: string, next = '', to = app): Promise<RawResponse> =>
  new Promise((resolve, reject) => {
    let text = ''
    const { port } = to.server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes))
    socket.on('data', (chunk) => {
      if (text === '' && next !== '') socket.write(next)
      text += chunk.toString('latin1')
    })
    socket.on('error', reject) // after a reset the response may be lost
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      const [head = '', body = ''] = text.split('\r\n\r\n')
      const [statusLine = '', ...fields] = head.split('\r\n')
      const headers = Object.fromEntries(fields.map((field) => field.toLowerCase().split(': ') as [string, string]))
      resolve({
        text,
        status: Number(statusLine.split(' ')[1]),
        headers,
        body: body.startsWith('{') ? JSON.parse(body) : body,
      })
    })
  })

describe('malformed requests', () => {
  const long = 'x'.repeat(20_000)
  it.each<[string, string, number, string]>([
    ['an unknown method', 'FETCH / HTTP/1.1\r\nhost: x\r\n\r\n', 400, 'VALIDATION_FAILED'],
    ['another protocol', '\x16\x03\x01\x02\x00\x01\x00', 400, 'VALIDATION_FAILED'],
    ['a URL with a space', 'GET /a b HTTP/1.1\r\nhost: x\r\n\r\n', 400, 'VALIDATION_FAILED'],
    ['no Host header', 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n', 400, 'VALIDATION_FAILED'],
    [
      'invalid chunks',
      'POST /items HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nx\r\n',
      400,
      'VALIDATION_FAILED',
    ],
    ['oversized headers', `GET /healthz HTTP/1.1\r\nhost: x\r\na: ${long}\r\n\r\n`, 431, 'PAYLOAD_TOO_LARGE'],
    ['an oversized URL', `GET /${long} HTTP/1.1\r\nhost: x\r\n\r\n`, 431, 'PAYLOAD_TOO_LARGE'],
    ['endless headers', `GET / HTTP/1.1\r\nhost: x\r\n${`a: ${long}\r\n`.repeat(40)}`, 431, 'PAYLOAD_TOO_LARGE'],
    [
      'oversized chunk extensions',
      `POST /items HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2;${long}\r\n{}`,
      413,
      'PAYLOAD_TOO_LARGE',
    ],
    [
      'a URL that cannot be decoded',
      'GET /%E0%A4%A HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      400,
      'VALIDATION_FAILED',
    ],
  ])('with %s get a problem document, on both ports', async (_case, bytes, status, code) => {
    for (const to of [app, app.operatorApp!] as App[]) {
      const answer = await send(bytes, '', to)
      expect(answer.headers).toMatchObject({
        'content-type': 'application/problem+json; charset=utf-8',
        'x-trace-id': expect.stringMatching(/^[0-9a-f]{32}$/),
        'x-every': 'answer',
        connection: 'close',
      })
      expect(answer.body).toEqual({
        type: code === 'PAYLOAD_TOO_LARGE' ? '/problems/payload-too-large' : '/problems/validation-failed',
        title: expect.any(String),
        status,
        detail: expect.any(String),
        code,
      })
      expect(answer.status).toBe(status)
    }
  })

  it('to /graphql get a GraphQL error', async () => {
    const answer = await send('POST /graphql HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nx\r\n')
    expect(answer.status).toBe(400)
    expect(answer.body.errors).toMatchObject([{ extensions: { code: 'VALIDATION_FAILED' } }])
  })

  it('are answered after the pipelined request before them', async () => {
    finishPartial = Promise.withResolvers()
    const received = send('GET /partial HTTP/1.1\r\nhost: x\r\n\r\n', 'nonsense\r\n\r\n')
    const finish = await finishPartial.promise
    finish()
    const { text } = await received
    expect(text).toMatch(/^HTTP\/1\.1 200 OK[^]*\r\n\r\nhereHTTP\/1\.1 400 /)
    expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(2)
  })

  it('whose response was already sent get no second response', async () => {
    const { text } = await send(
      'POST /items HTTP/1.1\r\ncontent-type: text/xml\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n',
      'x\r\n',
    )
    expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1)
    expect(text).toMatch(/^HTTP\/1\.1 415 /)
  })
})

describe('slow clients', () => {
  it.each([
    ['partial headers', 'GET /healthz HTTP/1.1\r\nhost: x\r\n'],
    [
      'a partial body',
      'POST /items HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{',
    ],
    ['nothing at all', ''],
  ])('that send %s get 408 TIMEOUT', async (_case, bytes) => {
    const { requestTimeout, headersTimeout } = app.server
    Object.assign(app.server, { requestTimeout: 300, headersTimeout: 300 })
    try {
      const answer = await send(bytes)
      expect(answer).toMatchObject({ status: 408, body: { status: 408, code: 'TIMEOUT' } })
    } finally {
      Object.assign(app.server, { requestTimeout, headersTimeout })
    }
  })

  it('that do not read the response are disconnected', async () => {
    const { timeout } = app.server
    expect(timeout).toBe(60_000)
    app.server.timeout = 300
    try {
      const { port } = app.server.address() as AddressInfo
      const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('GET /large HTTP/1.1\r\nhost: x\r\n\r\n'))
      socket.pause()
      const connections = () =>
        new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)))
      await largeRequested.promise
      await eventually('the connection is closed', async () => (await connections()) === 0)
      socket.destroy()
      expect(await connections()).toBe(0)
    } finally {
      app.server.timeout = timeout
    }
  })
})

it('an unknown Expect header is ignored', async () => {
  const answer = await send('GET /healthz HTTP/1.1\r\nhost: x\r\nexpect: cake\r\nconnection: close\r\n\r\n')
  expect(answer.status).toBe(200)
})

it('the host of a request target in absolute form overrides the Host header', async () => {
  const answer = await send(
    'GET http://shop.example:81/host?a=1 HTTP/1.1\r\nhost: other.example\r\nconnection: close\r\n\r\n',
  )
  expect(answer.body).toEqual({ host: 'shop.example:81', url: '/host?a=1' })
})
