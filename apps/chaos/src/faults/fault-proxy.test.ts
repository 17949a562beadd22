import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { SocksClient } from 'socks'
import { eventually } from '@halles/test-fixtures/wait'
import { createFaultProxy, type FaultProxy } from './fault-proxy.ts'

let server: Server
let proxy: FaultProxy
let otherProxy: FaultProxy
let received: string
const sockets: Socket[] = []

beforeEach(async () => {
  received = ''
  server = createServer((socket) => {
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      received += String(chunk)
      socket.write(`re: ${String(chunk)}`)
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  proxy = await createFaultProxy('test')
  otherProxy = await createFaultProxy('other')
  for (const one of [proxy, otherProxy]) one.connectTo(`127.0.0.1:${(server.address() as AddressInfo).port}`)
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all([proxy.close(), otherProxy.close()])
  server.close()
})

type Client = { socket: Socket; responses: string; isOpen: boolean }

/** Connects through a proxy and records the responses. */
async function connectThrough(through: FaultProxy): Promise<Client> {
  const { hostname, port } = new URL(`tcp://${through.address}`)
  const socket = connect(Number(port), hostname)
  const client = recordResponses(socket)
  await once(socket, 'connect').catch(() => {})
  return client
}

function recordResponses(socket: Socket): Client {
  sockets.push(socket)
  const client: Client = { socket, responses: '', isOpen: true }
  socket.on('data', (chunk) => (client.responses += String(chunk)))
  socket.on('error', () => {})
  socket.on('close', () => (client.isOpen = false))
  return client
}

/** Connects to the server through a proxy as a client of SOCKS5, and records the responses. */
async function connectThroughSocks(through: FaultProxy, host: string): Promise<Client> {
  const { socket } = await SocksClient.createConnection({
    proxy: { host: '127.0.0.1', port: Number(through.address.split(':')[1]), type: 5 },
    command: 'connect',
    destination: { host, port: (server.address() as AddressInfo).port },
  })
  return recordResponses(socket)
}

async function exchange(client: Client, text: string): Promise<void> {
  client.socket.write(text)
  await eventually(`a response to ${text}`, () => client.responses.includes(`re: ${text}`))
}

describe('createFaultProxy', () => {
  it('forwards data in both directions, and the end of a connection', async () => {
    const client = await connectThrough(proxy)
    await exchange(client, 'bonjour')
    client.socket.end()
    await eventually('the end', () => !client.isOpen)
    expect(client.responses).toBe('re: bonjour')
  })

  it('resets connections and refuses new ones while it is down', async () => {
    const client = await connectThrough(proxy)
    await exchange(client, 'one')
    proxy.inject('down')
    await eventually('a reset connection', () => !client.isOpen)
    const refused = await connectThrough(proxy)
    await eventually('a refused connection', () => !refused.isOpen)
    expect(refused.responses).toBe('')
    proxy.clear()
    await exchange(await connectThrough(proxy), 'three')
  })

  it('holds data back during a stall and delivers it afterwards', async () => {
    const client = await connectThrough(proxy)
    await exchange(client, 'one')
    proxy.inject('stall')
    client.socket.write('two')
    await exchange(await connectThrough(otherProxy), 'other')
    expect(received).toBe('oneother')
    proxy.clear()
    await eventually('the delayed data', () => client.responses.endsWith('re: two'))
  })

  it('delays data without reordering it', async () => {
    proxy.inject('latency')
    const client = await connectThrough(proxy)
    const began = performance.now()
    for (const text of ['a', 'b', 'c']) await exchange(client, text)
    expect(performance.now() - began).toBeGreaterThan(600)
    expect(client.responses).toBe('re: are: bre: c')
  })

  it('delivers requests and drops responses', async () => {
    const client = await connectThrough(proxy)
    await exchange(client, 'one')
    proxy.inject('drop-responses')
    client.socket.write('two')
    await eventually('the request', () => received === 'onetwo')
    proxy.clear()
    await eventually('a reset connection', () => !client.isOpen)
    expect(client.responses).toBe('re: one')
  })

  it.each(['127.0.0.1', 'localhost'])('connects clients of SOCKS5 to %s, and applies faults to them', async (host) => {
    const socksProxy = await createFaultProxy('socks', { socks: true })
    onTestFinished(() => socksProxy.close())
    const client = await connectThroughSocks(socksProxy, host)
    await exchange(client, 'one')
    socksProxy.inject('stall')
    client.socket.write('two')
    await exchange(await connectThrough(otherProxy), 'other')
    expect(received).toBe('oneother')
    socksProxy.inject('down')
    await eventually('a reset connection', () => !client.isOpen)
    await expect(connectThroughSocks(socksProxy, host)).rejects.toThrow(/closed|ECONNRESET/)
    socksProxy.clear()
    await exchange(await connectThroughSocks(socksProxy, host), 'three')
  })

  it('closes while clients of SOCKS5 have not said where to connect to', async () => {
    const socksProxy = await createFaultProxy('socks', { socks: true })
    const [waiting, ended] = [await connectThrough(socksProxy), await connectThrough(socksProxy)]
    ended.socket.end()
    await eventually('the end', () => !ended.isOpen)
    expect(waiting.isOpen).toBe(true)
    await socksProxy.close()
    await eventually('the other end', () => !waiting.isOpen)
  })
})
