import { once } from 'node:events'
import { connect } from 'node:net'
import { openEventStream } from '@halles/test-fixtures/event-stream'
import { eventually } from '@halles/test-fixtures/wait'
import Fastify, { type FastifyInstance } from 'fastify'
import { Registry } from 'prom-client'
import { expect, it, onTestFinished } from 'vitest'
import { handleError } from './error-response.ts'
import { registerEventStreams, type ServerSentEvent } from './event-streams.ts'

type Source = (signal: AbortSignal) => AsyncIterable<ServerSentEvent>

/** Starts a server whose only route streams the events of `source`; the header `user` is the signed-in user. */
async function startServer(
  source: Source,
  { perUser = 10, total = 100, pingInterval = 15_000, unreadTimeout = 60_000 } = {},
) {
  const app: FastifyInstance = Fastify()
  const registry = new Registry()
  const validTokens = { areValid: true }
  app.setErrorHandler(handleError)
  app.addHook('onRequest', async (request) => {
    request.principal = { id: String(request.headers['user'] ?? 'ada') } as never
    request.networks = [{ cidr: String(request.headers['network'] ?? '192.0.2.1'), share: 1 }]
    request.isTokenValid = () => validTokens.areValid
  })
  app.decorate('eventStreams', registerEventStreams(app, registry, { perUser, total }, { pingInterval, unreadTimeout }))
  app.get('/', (request, reply) => {
    const { signal, send } = app.eventStreams.open(request, reply)
    return send(source(signal), [{ event: 'last', data: 'token' }])
  })
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(async () => {
    app.server.closeAllConnections()
    await app.close()
  })
  const openCount = async () => (await registry.getSingleMetric('event_streams_open')!.get()).values[0]!.value
  return { app, url, validTokens, openCount }
}

/** A source that has one event, and then none until it is ended. */
async function* oneEvent(signal: AbortSignal): AsyncGenerator<ServerSentEvent> {
  yield { event: 'first', data: '{}', id: '1' }
  if (!signal.aborted) await once(signal, 'abort')
}

it('an event stream sends the events of its source, then ends', async () => {
  const { url } = await startServer(async function* () {
    yield { event: 'a', data: '1', id: '7' }
    yield { event: 'b', data: '' }
  })
  const stream = await openEventStream(url)
  await stream.ended
  expect(stream.headers.get('content-type')).toBe('text/event-stream; charset=utf-8')
  expect(stream.events).toEqual([
    { event: 'a', data: '1', id: '7' },
    { event: 'b', data: '', id: undefined },
  ])
})

it('an idle event stream carries comments', async () => {
  const { url } = await startServer(oneEvent, { pingInterval: 50 })
  const stream = await openEventStream(url)
  await eventually('comments arrive', () => stream.comments() >= 4)
  expect(stream.events).toHaveLength(1)
  await stream.close()
})

it('an event stream ends with its last events when the access token is no longer valid', async () => {
  const { url, validTokens, openCount } = await startServer(oneEvent)
  const stream = await openEventStream(url)
  await eventually('an event arrives', () => stream.events.length === 1)
  validTokens.areValid = false
  await stream.ended
  expect(stream.events.map(({ event, data }) => [event, data])).toEqual([
    ['first', '{}'],
    ['last', 'token'],
  ])
  await eventually('the stream is not counted any more', async () => (await openCount()) === 0)
})

it('an event stream whose client goes away ends its source, and is not counted any more', async () => {
  const ended = Promise.withResolvers<void>()
  const { url, openCount } = await startServer(async function* (signal) {
    yield* oneEvent(signal)
    ended.resolve()
  })
  const stream = await openEventStream(url)
  expect(await openCount()).toBe(1)
  await stream.close()
  await ended.promise
  await eventually('the stream is not counted any more', async () => (await openCount()) === 0)
})

it('an event stream whose source fails ends, so that its client connects again', async () => {
  const { url } = await startServer(async function* () {
    yield { event: 'a', data: '1' }
    throw new Error('the source failed')
  })
  const stream = await openEventStream(url)
  await stream.ended
  expect(stream.events.map(({ event }) => event)).toEqual(['a'])
})

it('closeAll ends all event streams without last events, and refuses others', async () => {
  const { app, url } = await startServer(oneEvent)
  const streams = await Promise.all([openEventStream(url), openEventStream(url)])
  await eventually('the events arrive', () => streams.every(({ events }) => events.length === 1))
  app.eventStreams.closeAll()
  await Promise.all(streams.map(({ ended }) => ended))
  expect(streams.map(({ events }) => events.length)).toEqual([1, 1])
  expect((await openEventStream(url)).status).toBe(503)
})

it('a user, a network and a process have a number of event streams at most', async () => {
  const { url } = await startServer(oneEvent, { perUser: 2, total: 12 })
  const openAs = (user: string, network = '192.0.2.1') => openEventStream(url, { headers: { user, network } })
  const streams = [await openAs('ada'), await openAs('ada')]
  const refused = await openAs('ada', '192.0.2.2')
  expect([refused.status, JSON.parse(refused.text).code]).toEqual([429, 'RATE_LIMITED'])
  expect(refused.headers.get('retry-after')).toBe('5')
  streams.push(await openAs('bob'))
  expect((await openAs('eve')).status).toBe(429) // the network has a quarter of 12
  while (streams.length < 12) streams.push(await openAs(`user ${streams.length}`, `198.51.100.${streams.length % 4}`))
  const beyond = await openAs('zoe', '203.0.113.1')
  expect([beyond.status, JSON.parse(beyond.text).code]).toEqual([503, 'UNAVAILABLE'])
  await Promise.all(streams.map(({ close }) => close()))
  await eventually('streams are free again', async () => {
    const stream = await openAs('ada')
    await stream.close()
    return stream.status === 200
  })
})

it('an event stream asks its source for no more than its client reads, and ends when that reads nothing', async () => {
  let produced = 0
  const { url, openCount } = await startServer(
    async function* () {
      for (;;) {
        produced++
        yield { event: 'large', data: 'x'.repeat(1_000_000) }
      }
    },
    { unreadTimeout: 1500 },
  )
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  socket.pause().write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
  await eventually('the client is connected', async () => (await openCount()) === 1)
  await eventually('the client is disconnected', async () => (await openCount()) === 0)
  expect(produced).toBeLessThan(50) // what fits into the buffers of the operating system
})
