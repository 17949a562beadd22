import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Refusal } from '@halles/service/refusal'
import { eventually, inTime } from '@halles/testkit/wait'
import { describe, expect, it, onTestFinished } from 'vitest'
import { nowhere } from '../test/small-services.ts'
import { upstreamAt } from './upstream.ts'

type Asked = Pick<IncomingMessage, 'method' | 'url'> & { body: string }

/** A server of some other kind of protocol manners: `port` is 0 for any free one. */
async function listening(server: Server, port = 0): Promise<string> {
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** A service that writes down what it was asked, greetings aside. */
async function service(answer: RequestListener = (_request, response) => response.end('{}'), port = 0) {
  const asked: Asked[] = []
  const server = createServer((request, response) => {
    if (request.url === '/healthz') return void response.end()
    void text(request).then((body) => {
      asked.push({ method: request.method, url: request.url, body })
      answer(request, response)
    })
  })
  const url = await listening(server, port)
  return { url, asked }
}

/** A port that accepts connections, for whatever `with` does to them. */
const acceptsAnd = (does: (socket: Socket) => void): Promise<string> => {
  const sockets = new Set<Socket>()
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()))
  return listening(
    createTcpServer((socket) => {
      sockets.add(socket.on('error', () => {}))
      does(socket)
    }),
  )
}

const portOf = (url: string): number => Number(new URL(url).port)

function upstream(urls: string[], { within = 3000, patience = 1000 } = {}) {
  const told: boolean[] = []
  const made = upstreamAt(urls, within, patience, (away) => told.push(away))
  onTestFinished(() => made.close())
  let count = 0
  const post = () => made.post('/graphql', {}, `order ${++count}`, false)
  /** The code with which a post was refused, or `done`. */
  const outcome = () =>
    post().then(
      () => 'done',
      ({ code }: Refusal) => code,
    )
  return { ...made, told, post, outcome }
}

describe('several addresses', () => {
  it('are asked in turn', async () => {
    const both = [await service(), await service()]
    const { post } = upstream(both.map(({ url }) => url))
    for (let n = 0; n < 10; n++) await post()
    expect(both.map(({ asked }) => asked.length)).toEqual([5, 5])
  })

  it.each<[string, () => Promise<string>]>([
    ['refuses connections', nowhere],
    ['accepts and hangs up, as a proxy before nothing does', () => acceptsAnd((socket) => socket.destroy())],
    ['accepts and is silent, as a stopped process does', () => acceptsAnd(() => {})],
    ['is about to close', () => acceptsAnd((socket) => socket.end('HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n'))],
    ['has an error page for a service behind it', () => acceptsAnd((socket) => socket.end('HTTP/1.1 502 Bad\r\n\r\n'))],
  ])('where one %s: the other does all, each once, mutations too', async (_how, bad) => {
    const good = await service()
    const { post, told } = upstream([await bad(), good.url])
    for (let n = 0; n < 6; n++) expect(await post()).toEqual({ status: 200, text: '{}' })
    expect(good.asked.map(({ body }) => body)).toEqual([1, 2, 3, 4, 5, 6].map((n) => `order ${n}`))
    expect(told).toEqual([])
  })

  it('are asked again once they answer', async () => {
    const good = await service()
    const late = await nowhere()
    const { post } = upstream([late, good.url])
    await post()
    const other = await service(undefined, portOf(late))
    await eventually('the other is asked', async () => {
      await post()
      return other.asked.length > 0
    })
    expect(good.asked.length).toBeGreaterThan(0)
  })

  it('stream a body to the one that answers', async () => {
    const good = await service()
    const { dispatcher } = upstream([await nowhere(), good.url])
    async function* parts() {
      yield 'one '
      yield 'two'
    }
    const { body } = await dispatcher.request({ path: '/orders', method: 'POST', body: parts() as never })
    await body.dump()
    expect(good.asked).toEqual([{ method: 'POST', url: '/orders', body: 'one two' }])
  })
})

describe('a service that is away', () => {
  it('is waited for, and is sent what came meanwhile, once', async () => {
    const url = await nowhere()
    const { post, told } = upstream([url], { within: 30_000, patience: 30_000 })
    const answers = Promise.all([post(), post(), post()])
    await eventually('it is missed', () => told.length > 0)
    const back = await service(undefined, portOf(url))
    expect(await answers).toEqual(Array.from({ length: 3 }, () => ({ status: 200, text: '{}' })))
    expect(back.asked.map(({ body }) => body).toSorted()).toEqual(['order 1', 'order 2', 'order 3'])
    expect(told).toEqual([true, false])
  })

  it('is waited for from when it was first missed, not from each request; then refused at once', async () => {
    const { outcome, told } = upstream([await nowhere()], { within: 10_000, patience: 2000 })
    const began = performance.now()
    const first = outcome()
    await eventually('half of the patience is over', () => performance.now() - began > 1000)
    // Were it waited for from the second request on, that would be refused after 2 s more.
    expect(await inTime(1800, Promise.all([first, outcome()]))).toEqual(['UNAVAILABLE', 'UNAVAILABLE'])
    expect(performance.now() - began).toBeGreaterThan(1950)

    expect(await inTime(1000, outcome())).toBe('UNAVAILABLE')
    expect(told).toEqual([true])
  })

  it('is well again with the first success', async () => {
    const url = await nowhere()
    const { outcome, told } = upstream([url], { patience: 100 })
    expect(await outcome()).toBe('UNAVAILABLE')
    const back = await service(undefined, portOf(url))
    // At once: nobody has to notice first. A busy machine may take longer to look than one who comes waits for that.
    for (let began = performance.now(); (await outcome()) !== 'done'; began = performance.now())
      expect(performance.now() - began).toBeGreaterThan(90)
    expect(back.asked).toHaveLength(1)
    expect(told).toEqual([true, false])
  })

  it('is not sent what its client waits for no more', async () => {
    const url = await nowhere()
    const { outcome } = upstream([url], { within: 200, patience: 5000 })
    expect(await outcome()).toBe('TIMEOUT')
    const back = await service(undefined, portOf(url))
    await eventually('another is done', async () => (await outcome()) === 'done')
    expect(back.asked.map(({ body }) => body)).not.toContain('order 1')
  })

  it('is told to those who wait when the gateway stops', async () => {
    const { outcome, told, close } = upstream([await nowhere()], { patience: 5000 })
    const waits = outcome()
    await eventually('it is missed', () => told.length > 0)
    await close()
    expect(await waits).toBe('UNAVAILABLE')
  })
})
