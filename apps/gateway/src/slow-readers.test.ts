import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { eventually } from '@halles/test-fixtures/wait'
import Fastify, { type FastifyInstance } from 'fastify'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createTestGateway, startFakeServices, type FakeServices } from '../test/fake-services.ts'
import { limitReadingTime } from './slow-readers.ts'

/** Sends a GET on a connection that reads its response only as far as `read` says, and the kernel buffers. */
async function startReading(port: number, path: string, localAddress = '127.0.0.1') {
  const socket: Socket = connect({ port, host: '127.0.0.1', localAddress })
  onTestFinished(() => void socket.destroy())
  const state = { closed: false, received: 0 }
  socket.on('error', () => {}) // a reset is a close
  socket.on('close', () => (state.closed = true))
  await once(socket, 'connect')
  socket.write(`GET ${path} HTTP/1.1\r\nHost: shop.example\r\n\r\n`)
  socket.pause()
  /** Reads a little each 100 ms. */
  const drip = () => {
    const timer = setInterval(() => (state.received += (socket.read(1) as Buffer | null)?.length ?? 0), 100)
    onTestFinished(() => clearInterval(timer))
  }
  return { state, socket, drip }
}

describe('limitReadingTime', () => {
  it('ends a connection that reads its response too slowly, however steadily, and no other', async () => {
    const app = Fastify()
    onTestFinished(() => app.close())
    limitReadingTime(app, 1500)
    const whole: boolean[] = []
    app.get('/large', async (_request, { raw }) => {
      raw.once('close', () => whole.push(raw.writableFinished))
      return Buffer.alloc(50_000_000)
    })
    app.get('/late', async () => {
      await new Promise((resolve) => setTimeout(resolve, 3000))
      return 'late'
    })
    await app.listen({ host: '127.0.0.1', port: 0 })
    const { port } = app.server.address() as AddressInfo
    const late = fetch(`http://127.0.0.1:${port}/late`).then((response) => response.text())
    const slow = await startReading(port, '/large')
    slow.drip()
    const fast = await fetch(`http://127.0.0.1:${port}/large`).then((response) => response.arrayBuffer())
    expect(fast.byteLength).toBe(50_000_000)
    await eventually('the slow one is closed', () => whole.length === 2)
    expect(whole).toEqual([true, false])
    expect(slow.state.received).toBeGreaterThan(0)
    expect(await late).toBe('late')
  })
})

describe('responses of services', () => {
  let fakeServices: FakeServices
  let gateway: FastifyInstance
  let port: number
  const body = 'x'.repeat(6_000_000)
  beforeAll(async () => {
    fakeServices = await startFakeServices()
    gateway = await createTestGateway(fakeServices.urls, { RATE_LIMIT: '0', MAX_OPEN_REQUESTS: '0' })
    port = Number(new URL(await gateway.listen({ host: '127.0.0.1', port: 0 })).port)
  })
  afterEach(() => fakeServices.reset())
  afterAll(async () => {
    await gateway.close()
    await fakeServices.close()
  })

  it('are read ahead of clients that read nothing: these hold no connection to a service', async () => {
    let finished = 0
    fakeServices.faults.order = async (_request, reply) => {
      reply.raw.once('finish', () => finished++)
      await reply.send(body)
    }
    const readers = await Promise.all(Array.from({ length: 5 }, () => startReading(port, '/api/orders')))
    await eventually('the service has sent all responses', () => finished === readers.length)
    expect(readers.some(({ state }) => state.closed)).toBe(false)
  })

  it('arrive whole', async () => {
    fakeServices.faults.order = async (_request, reply) => void (await reply.send(body))
    const response = await fetch(`http://127.0.0.1:${port}/api/orders`)
    expect(await response.text()).toBe(body)
  })

  it.skipIf(process.platform !== 'linux')('are refused to a client that leaves too many unread', async () => {
    fakeServices.faults.order = async (_request, reply) => void (await reply.send(body))
    await Promise.all(Array.from({ length: 8 }, () => startReading(port, '/api/orders')))
    let text = ''
    await eventually('its budget is used up', async () => {
      const response = await fetch(`http://127.0.0.1:${port}/api/orders`)
      text = await response.text()
      return response.status === 429
    })
    expect(JSON.parse(text)).toMatchObject({ code: 'RATE_LIMITED' })
  })
})
