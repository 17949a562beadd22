import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { AppError } from '@halles/errors/app-error'
import { eventually, rejectAfter } from '@halles/test-fixtures/wait'
import { describe, expect, it, onTestFinished } from 'vitest'
import { findUnusedAddress } from '../../test/fake-services.ts'
import { createUpstreamClient } from './upstream-client.ts'

type ReceivedRequest = Pick<IncomingMessage, 'method' | 'url'> & { body: string }

/** Starts a server at a port (0: any free one) and returns its URL. */
async function listen(server: Server, port = 0): Promise<string> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Starts a service that records its requests, except health checks. */
async function startService(respond: RequestListener = (_request, response) => response.end('{}'), port = 0) {
  const requests: ReceivedRequest[] = []
  const server = createServer((request, response) => {
    if (request.url === '/healthz') return void response.end()
    void text(request).then((body) => {
      requests.push({ method: request.method, url: request.url, body })
      respond(request, response)
    })
  })
  const url = await listen(server, port)
  return { url, requests }
}

/** Starts a TCP server that accepts connections and does to each of them what `handle` does. */
const startTcpServer = (handle: (socket: Socket) => void): Promise<string> => {
  const sockets = new Set<Socket>()
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()))
  return listen(
    createTcpServer((socket) => {
      sockets.add(socket.on('error', () => {}))
      handle(socket)
    }),
  )
}

const toPort = (url: string): number => Number(new URL(url).port)

function createClient(urls: string[], { timeout = 3000, outageGracePeriod = 1000 } = {}) {
  const availability: boolean[] = []
  const client = createUpstreamClient(
    urls,
    timeout,
    outageGracePeriod,
    (available) => availability.push(available),
    250,
  )
  onTestFinished(() => client.close())
  let count = 0
  const post = () => client.post('/graphql', {}, `order ${++count}`, false)
  /** The code of the error of a post, or `done`. */
  const postAndGetOutcome = () =>
    post().then(
      () => 'done',
      ({ code }: AppError) => code,
    )
  return { ...client, availability, post, postAndGetOutcome }
}

describe('load balancer with several addresses', () => {
  it('distributes requests round robin', async () => {
    const both = [await startService(), await startService()]
    const { post } = createClient(both.map(({ url }) => url))
    for (let n = 0; n < 10; n++) await post()
    expect(both.map(({ requests }) => requests.length)).toEqual([5, 5])
  })

  it.each<[string, () => Promise<string>]>([
    ['refuses connections', findUnusedAddress],
    [
      'accepts and closes connections, as a proxy before a stopped service does',
      () => startTcpServer((socket) => socket.destroy()),
    ],
    ['accepts connections and never answers, as a suspended process does', () => startTcpServer(() => {})],
    [
      'is about to close its connections',
      () => startTcpServer((socket) => socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n')),
    ],
    [
      'is a proxy that answers 502 for its service',
      () => startTcpServer((socket) => socket.end('HTTP/1.1 502 Bad\r\n\r\n')),
    ],
  ])(
    'sends every request once to the healthy address, mutations too, when the other %s',
    async (_how, startUnhealthy) => {
      const healthy = await startService()
      const { post, availability } = createClient([await startUnhealthy(), healthy.url])
      for (let n = 0; n < 6; n++) expect(await post()).toEqual({ status: 200, text: '{}' })
      expect(healthy.requests.map(({ body }) => body)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `order ${n}`))
      expect(availability).toEqual([])
    },
  )

  it('uses an address again once it answers', async () => {
    const first = await startService()
    const lateUrl = await findUnusedAddress()
    const { post } = createClient([lateUrl, first.url])
    await post()
    const late = await startService(undefined, toPort(lateUrl))
    await eventually('the late service gets a request', async () => {
      await post()
      return late.requests.length > 0
    })
    expect(first.requests.length).toBeGreaterThan(0)
  })

  it('looks for an address that is back when it loses the last one, though a probe of it still hangs', async () => {
    let answers = false
    let connections = 0
    const restartedUrl = await startTcpServer((socket) => {
      connections++
      socket.on('data', () => answers && socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'))
    })
    const lost = createServer((_request, response) => response.end('{}'))
    const { post } = createClient([restartedUrl, await listen(lost)], { timeout: 30_000, outageGracePeriod: 30_000 })
    await post()
    await eventually('a probe of the restarted service hangs', () => connections === 2)
    answers = true
    lost.close()
    lost.closeAllConnections()
    expect(await rejectAfter(1500, post())).toMatchObject({ status: 200 })
  })

  it('streams a body to the address that answers', async () => {
    const healthy = await startService()
    const { dispatcher } = createClient([await findUnusedAddress(), healthy.url])
    async function* createBody() {
      yield 'one '
      yield 'two'
    }
    const { body } = await dispatcher.request({ path: '/orders', method: 'POST', body: createBody() as never })
    await body.dump()
    expect(healthy.requests).toEqual([{ method: 'POST', url: '/orders', body: 'one two' }])
  })
})

describe('load balancer while its service is down', () => {
  it('holds requests and sends each of them once when the service is back', async () => {
    const url = await findUnusedAddress()
    const { post, availability } = createClient([url], { timeout: 30_000, outageGracePeriod: 30_000 })
    const responses = Promise.all([post(), post(), post()])
    await eventually('the outage is noticed', () => availability.length > 0)
    const restarted = await startService(undefined, toPort(url))
    expect(await responses).toEqual(Array.from({ length: 3 }, () => ({ status: 200, text: '{}' })))
    expect(restarted.requests.map(({ body }) => body).toSorted()).toEqual(['order 1', 'order 2', 'order 3'])
    expect(availability).toEqual([false, true])
  })

  it('counts the grace period from the beginning of the outage, then answers UNAVAILABLE at once', async () => {
    const { postAndGetOutcome, availability } = createClient([await findUnusedAddress()], {
      timeout: 10_000,
      outageGracePeriod: 2000,
    })
    const startedAt = performance.now()
    const first = postAndGetOutcome()
    await eventually('half of the grace period is over', () => performance.now() - startedAt > 1000)
    // If the grace period began with each request, the second would be refused 2 s after this.
    expect(await rejectAfter(1800, Promise.all([first, postAndGetOutcome()]))).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
    expect(performance.now() - startedAt).toBeGreaterThan(1950)

    expect(await rejectAfter(1000, postAndGetOutcome())).toBe('UNAVAILABLE')
    expect(availability).toEqual([false])
  })

  it('ends the outage with the first request that succeeds', async () => {
    const url = await findUnusedAddress()
    const { postAndGetOutcome, availability } = createClient([url], { outageGracePeriod: 100 })
    expect(await postAndGetOutcome()).toBe('UNAVAILABLE')
    const restarted = await startService(undefined, toPort(url))
    // At once: a request probes the addresses itself. On a busy machine, the probe may take longer than the request waits.
    for (let startedAt = performance.now(); (await postAndGetOutcome()) !== 'done'; startedAt = performance.now())
      expect(performance.now() - startedAt).toBeGreaterThan(90)
    expect(restarted.requests).toHaveLength(1)
    expect(availability).toEqual([false, true])
  })

  it('never sends a request whose timeout has passed', async () => {
    const url = await findUnusedAddress()
    const { postAndGetOutcome } = createClient([url], { timeout: 200, outageGracePeriod: 5000 })
    expect(await postAndGetOutcome()).toBe('TIMEOUT')
    const restarted = await startService(undefined, toPort(url))
    await eventually('another request is answered', async () => (await postAndGetOutcome()) === 'done')
    expect(restarted.requests.map(({ body }) => body)).not.toContain('order 1')
  })

  it('answers UNAVAILABLE to the requests that it holds when it is closed', async () => {
    const { postAndGetOutcome, availability, close } = createClient([await findUnusedAddress()], {
      outageGracePeriod: 5000,
    })
    const held = postAndGetOutcome()
    await eventually('the outage is noticed', () => availability.length > 0)
    await close()
    expect(await held).toBe('UNAVAILABLE')
  })
})
