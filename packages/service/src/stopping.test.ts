import { once } from 'node:events'
import { Agent, createServer, request as httpRequest, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { eventually, inTime } from '@halles/testkit/wait'
import { expect, it, onTestFinished } from 'vitest'
import { stoppable } from './stopping.ts'

/** A server, and a client that keeps its one connection. */
async function pair(answer: RequestListener = (_request, response) => response.end('done')) {
  const server = createServer({ keepAliveTimeout: 0 }, answer) // by itself it closes no connection
  const stop = stoppable(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => {
    agent.destroy()
    server.closeAllConnections()
  })
  const ask = async (by = agent) => {
    const sent = httpRequest({ host: '127.0.0.1', port, agent: by, method: 'POST' })
    sent.end('wish')
    const [answered] = await once(sent, 'response')
    return { text: await text(answered), connection: answered.headers.connection, reused: sent.reusedSocket }
  }
  const connections = () => new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count)))
  return { stop, ask, connections }
}

it('an idle connection is answered on once more, and closed by that', async () => {
  const { stop, ask } = await pair()
  expect(await ask()).toEqual({ text: 'done', connection: 'keep-alive', reused: false })
  const stopped = stop()
  expect(await ask()).toEqual({ text: 'done', connection: 'close', reused: true })
  await stopped
})

it('an idle connection that nobody uses is left open longer than our clients keep theirs, then closed', async () => {
  const { stop, ask } = await pair()
  await ask()
  const began = performance.now()
  await inTime(2000, stop())
  expect(performance.now() - began).toBeGreaterThan(900)
})

it('what is under way is answered, and its connection then closed', async () => {
  const begun = Promise.withResolvers<void>()
  const go = Promise.withResolvers<void>()
  const { stop, ask } = await pair((_request, response) => {
    begun.resolve()
    void go.promise.then(() => response.end('done'))
  })
  const answer = ask()
  await begun.promise
  const stopped = stop()
  go.resolve()
  expect(await answer).toMatchObject({ text: 'done', connection: 'close' })
  await stopped
})

it('new connections are refused from the first moment', async () => {
  const { stop, ask, connections } = await pair()
  await ask()
  const stopped = stop()
  await expect(ask(new Agent())).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await stopped
  expect(await connections()).toBe(0)
})

it('without connections it is over at once', async () => {
  const { stop, ask, connections } = await pair()
  await ask(new Agent({ keepAlive: false }))
  await eventually('its connection is gone', async () => (await connections()) === 0)
  await expect(inTime(500, stop())).resolves.toBeUndefined()
})
