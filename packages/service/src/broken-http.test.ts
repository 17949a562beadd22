import { connect, type AddressInfo } from 'node:net'
import { testKeyOf } from '@halles/testkit/people'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { serviceApp, type App } from './app.ts'

let app: App
beforeAll(async () => {
  app = await serviceApp({
    name: 'test-service',
    logLevel: 'silent',
    keyOf: testKeyOf,
    issuer: 'halles',
    audience: 'halles',
    needs: {},
    operatorDoor: 'own',
    headers: { 'x-every': 'answer' },
  })
  app.post('/wishes', async (request) => request.body)
  app.post('/graphql', async () => ({}))
  app.get('/much', async () => {
    asked.resolve()
    return Buffer.alloc(50_000_000)
  })
  app.get('/host', async ({ host, url }) => ({ host, url }))
  app.get('/begun', (_request, reply) => {
    reply.hijack()
    reply.raw.writeHead(200, { 'content-length': '4' })
    reply.raw.write('he')
    held.resolve(() => reply.raw.end('re'))
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  await app.operator!.listen({ host: '127.0.0.1', port: 0 })
})
afterAll(() => app.close())
const asked = Promise.withResolvers<void>()
let held = Promise.withResolvers<() => void>()

type Heard = { text: string; status: number; headers: Record<string, string>; body: any }

/** Says bytes, and hears what comes until the server closes; `then` is said once something was heard. */
const say = (bytes: string, then = '', to = app): Promise<Heard> =>
  new Promise((resolve, reject) => {
    let text = ''
    const { port } = to.server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1' }, () => socket.write(bytes))
    socket.on('data', (chunk) => {
      if (text === '' && then !== '') socket.write(then)
      text += chunk.toString('latin1')
    })
    socket.on('error', reject) // a connection that was reset may have lost its answer
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      const [head = '', body = ''] = text.split('\r\n\r\n')
      const [first = '', ...fields] = head.split('\r\n')
      const headers = Object.fromEntries(fields.map((field) => field.toLowerCase().split(': ') as [string, string]))
      resolve({
        text,
        status: Number(first.split(' ')[1]),
        headers,
        body: body.startsWith('{') ? JSON.parse(body) : body,
      })
    })
  })

describe('what is no HTTP', () => {
  const long = 'x'.repeat(20_000)
  it.each<[string, string, number, string]>([
    ['a method that there is none of', 'FETCH / HTTP/1.1\r\nhost: x\r\n\r\n', 400, 'VALIDATION_FAILED'],
    ['another protocol', '\x16\x03\x01\x02\x00\x01\x00', 400, 'VALIDATION_FAILED'],
    ['an address with a blank', 'GET /a b HTTP/1.1\r\nhost: x\r\n\r\n', 400, 'VALIDATION_FAILED'],
    ['no host', 'GET /healthz HTTP/1.1\r\nconnection: close\r\n\r\n', 400, 'VALIDATION_FAILED'],
    [
      'a body in broken chunks',
      'POST /wishes HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nx\r\n',
      400,
      'VALIDATION_FAILED',
    ],
    ['headers that are too long', `GET /healthz HTTP/1.1\r\nhost: x\r\na: ${long}\r\n\r\n`, 431, 'PAYLOAD_TOO_LARGE'],
    ['an address that is too long', `GET /${long} HTTP/1.1\r\nhost: x\r\n\r\n`, 431, 'PAYLOAD_TOO_LARGE'],
    [
      'headers that do not end',
      `GET / HTTP/1.1\r\nhost: x\r\n${`a: ${long}\r\n`.repeat(40)}`,
      431,
      'PAYLOAD_TOO_LARGE',
    ],
    [
      'chunks that say too much',
      `POST /wishes HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2;${long}\r\n{}`,
      413,
      'PAYLOAD_TOO_LARGE',
    ],
    [
      'an address that cannot be decoded',
      'GET /%E0%A4%A HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n',
      400,
      'VALIDATION_FAILED',
    ],
  ])('%s is refused like anything else', async (_what, bytes, status, code) => {
    for (const to of [app, app.operator!] as App[]) {
      const answer = await say(bytes, '', to)
      expect(answer.headers).toMatchObject({
        'content-type': 'application/problem+json; charset=utf-8',
        'x-trace-id': expect.stringMatching(/^[0-9a-f]{32}$/),
        'x-every': 'answer',
        connection: 'close',
      })
      expect(answer.body).toEqual({
        type: 'about:blank',
        title: expect.any(String),
        status,
        detail: expect.any(String),
        code,
      })
      expect(answer.status).toBe(status)
    }
  })

  it('is told in GraphQL’s words where that was asked', async () => {
    const answer = await say('POST /graphql HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nx\r\n')
    expect(answer.status).toBe(400)
    expect(answer.body.errors).toMatchObject([{ extensions: { code: 'VALIDATION_FAILED' } }])
  })

  it('is told after the answer to what came before it', async () => {
    held = Promise.withResolvers()
    const heard = say('GET /begun HTTP/1.1\r\nhost: x\r\n\r\n', 'nonsense\r\n\r\n')
    const finish = await held.promise
    finish()
    const { text } = await heard
    expect(text).toMatch(/^HTTP\/1\.1 200 OK[^]*\r\n\r\nhereHTTP\/1\.1 400 /)
    expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(2)
  })

  it('in a body that was answered already is not answered again', async () => {
    const { text } = await say(
      'POST /wishes HTTP/1.1\r\ncontent-type: text/xml\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n',
      'x\r\n',
    )
    expect(text.match(/HTTP\/1\.1 \d/g)).toHaveLength(1)
    expect(text).toMatch(/^HTTP\/1\.1 415 /)
  })
})

describe('what is slow', () => {
  it.each([
    ['headers', 'GET /healthz HTTP/1.1\r\nhost: x\r\n'],
    ['a body', 'POST /wishes HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{'],
    ['nothing at all', ''],
  ])('%s is TIMEOUT, 408', async (_what, begun) => {
    const { requestTimeout, headersTimeout } = app.server
    Object.assign(app.server, { requestTimeout: 300, headersTimeout: 300 })
    try {
      const answer = await say(begun)
      expect(answer).toMatchObject({ status: 408, body: { status: 408, code: 'TIMEOUT' } })
    } finally {
      Object.assign(app.server, { requestTimeout, headersTimeout })
    }
  })

  it('a client that does not read its answer is given up', async () => {
    const { timeout } = app.server
    expect(timeout).toBe(60_000)
    app.server.timeout = 300
    try {
      const { port } = app.server.address() as AddressInfo
      const socket = connect({ port, host: '127.0.0.1' }, () => socket.write('GET /much HTTP/1.1\r\nhost: x\r\n\r\n'))
      socket.pause()
      const connections = () =>
        new Promise<number>((resolve) => app.server.getConnections((_error, count) => resolve(count)))
      await asked.promise
      await eventually('it is given up', async () => (await connections()) === 0)
      socket.destroy()
      expect(await connections()).toBe(0)
    } finally {
      app.server.timeout = timeout
    }
  })
})

it('an expectation of which no one knows is passed over', async () => {
  const answer = await say('GET /healthz HTTP/1.1\r\nhost: x\r\nexpect: cake\r\nconnection: close\r\n\r\n')
  expect(answer.status).toBe(200)
})

it('an address as proxies are asked is read as one: its host counts', async () => {
  const answer = await say(
    'GET http://shop.example:81/host?a=1 HTTP/1.1\r\nhost: other.example\r\nconnection: close\r\n\r\n',
  )
  expect(answer.body).toEqual({ host: 'shop.example:81', url: '/host?a=1' })
})
