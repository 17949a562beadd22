import { once } from 'node:events'
import { Agent, createServer, request as httpRequest, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { eventually, rejectAfter } from '@halles/test-fixtures/wait'
import { expect, it, onTestFinished } from 'vitest'
import { createGracefulShutdown, type ShutdownLimits } from './graceful-shutdown.ts'

/** Starts a server, and a client that reuses its only connection. */
async function startServerAndClient(
  answer: RequestListener = (_request, response) => response.end('done'),
  limits?: ShutdownLimits,
) {
  const server = createServer({ keepAliveTimeout: 0 }, answer) // the server does not close idle connections
  const stop = createGracefulShutdown(server, limits)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => {
    agent.destroy()
    server.closeAllConnections()
  })
  const send = async (usedAgent = agent) => {
    const sent = httpRequest({ host: '127.0.0.1', port, agent: usedAgent, method: 'POST' })
    sent.end('request')
    const [response] = await once(sent, 'response')
    return { text: await text(response), connection: response.headers.connection, reused: sent.reusedSocket }
  }
  const connections = () => new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))
  return { stop, send, connections }
}

it('createGracefulShutdown answers one more request on an idle connection, with connection: close', async () => {
  const { stop, send } = await startServerAndClient()
  expect(await send()).toEqual({ text: 'done', connection: 'keep-alive', reused: false })
  const stopped = stop()
  expect(await send()).toEqual({ text: 'done', connection: 'close', reused: true })
  await stopped
})

it('createGracefulShutdown closes an unused connection after the keep-alive timeout of our clients', async () => {
  const { stop, send } = await startServerAndClient()
  await send()
  const began = performance.now()
  await rejectAfter(2000, stop())
  expect(performance.now() - began).toBeGreaterThan(900)
})

it('createGracefulShutdown answers a request in flight, then closes its connection', async () => {
  const received = Promise.withResolvers<void>()
  const respond = Promise.withResolvers<void>()
  const { stop, send } = await startServerAndClient((_request, response) => {
    received.resolve()
    void respond.promise.then(() => response.end('done'))
  })
  const answer = send()
  await received.promise
  const stopped = stop()
  respond.resolve()
  expect(await answer).toMatchObject({ text: 'done', connection: 'close' })
  await stopped
})

it('createGracefulShutdown closes the connections of requests that are not answered in time, and returns their number', async () => {
  const received = Promise.withResolvers<void>()
  const { stop, send, connections } = await startServerAndClient(() => received.resolve(), {
    request: 100,
    reading: 200,
    total: 300,
  })
  const answer = send().catch((error: unknown) => error)
  await received.promise
  expect(await stop()).toBe(1)
  expect(await answer).toMatchObject({ code: 'ECONNRESET' })
  await eventually('the connection is closed', async () => (await connections()) === 0)
})

it('createGracefulShutdown refuses new connections at once', async () => {
  const { stop, send, connections } = await startServerAndClient()
  await send()
  const stopped = stop()
  await expect(send(new Agent())).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await stopped
  expect(await connections()).toBe(0)
})

it('createGracefulShutdown ends at once without connections', async () => {
  const { stop, send, connections } = await startServerAndClient()
  await send(new Agent({ keepAlive: false }))
  await eventually('the connection is closed', async () => (await connections()) === 0)
  await expect(rejectAfter(500, stop())).resolves.toBe(0)
})
