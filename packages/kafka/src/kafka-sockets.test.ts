import { once } from 'node:events'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { rejectAfter } from '@halles/test-fixtures/wait'
import type { ISocketFactoryArgs } from 'kafkajs'
import { describe, expect, it, onTestFinished } from 'vitest'
import { createSocketFactory } from './kafka-sockets.ts'

/** The timeout of these tests, in milliseconds, and a time that is surely over by then. */
const TIMEOUT = 200
const LONGER = 3 * TIMEOUT

const METADATA = 3
const JOIN_GROUP = 11

/** A request with this API key: its length comes first. */
const request = (apiKey: number): Buffer => Buffer.from([0, 0, 0, 4, 0, apiKey, 0, 0])

/** Connects to a broker that does to each request what `onRequest` does. */
async function connectTo(onRequest: (socket: Socket) => void) {
  const accepted: Socket[] = []
  const server = createServer((socket) => {
    accepted.push(socket.on('error', () => {}))
    socket.on('data', () => onRequest(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of accepted) socket.destroy()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const connected = Promise.withResolvers<void>()
  const address = { host: '127.0.0.1', port, onConnect: connected.resolve } as ISocketFactoryArgs
  const socket = createSocketFactory(TIMEOUT)(address)
  onTestFinished(() => void socket.destroy())
  let ended = false
  socket.on('end', () => (ended = true)).on('data', () => {})
  await connected.promise
  return { socket, hasEnded: () => ended }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

describe('createSocketFactory', () => {
  it('closes a connection on which a broker accepts a request and does not answer', async () => {
    const { socket, hasEnded } = await connectTo(() => {})
    const closed = once(socket, 'close')
    socket.write(request(METADATA))
    await rejectAfter(30_000, closed)
    expect(hasEnded()).toBe(true) // kafkajs looks for new leaders on this event only
  })

  it('keeps a connection that is idle, or whose broker answers', async () => {
    const { socket, hasEnded } = await connectTo((broker) => broker.write('answer'))
    for (let n = 0; n < 3; n++) {
      socket.write(request(METADATA))
      await once(socket, 'data')
      await wait(LONGER)
    }
    expect({ ended: hasEnded(), destroyed: socket.destroyed }).toEqual({ ended: false, destroyed: false })
  })

  it('keeps a connection whose answer arrived while this process was busy', async () => {
    const { socket, hasEnded } = await connectTo((broker) => broker.write('answer'))
    socket.write(request(METADATA))
    const answered = once(socket, 'data')
    await new Promise((resolve) => setTimeout(resolve, 20)) // the broker gets the request
    for (const end = performance.now() + LONGER; performance.now() < end;);
    await answered
    await wait(LONGER)
    expect(hasEnded()).toBe(false)
  })

  it('keeps a connection whose request to join a group waits for the other members', async () => {
    const { socket, hasEnded } = await connectTo(() => {})
    socket.write(request(JOIN_GROUP))
    await wait(LONGER)
    expect(hasEnded()).toBe(false)
  })
})
