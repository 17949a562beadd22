import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/**
 * The network faults of a proxy, in the manner of Toxiproxy's toxics.
 * - `down`: existing connections are reset and new ones are refused
 * - `stall`: no data passes in either direction; all of it passes once the fault is cleared
 * - `latency`: all data is delayed
 * - `drop-responses`: requests pass, responses are lost; clearing the fault resets these connections
 */
export const networkFaults = ['down', 'stall', 'latency', 'drop-responses'] as const
export type NetworkFault = (typeof networkFaults)[number]

/** The delay of the `latency` fault in each direction, in milliseconds. */
const LATENCY = 120

export type FaultProxy = Awaited<ReturnType<typeof createFaultProxy>>

/** A proxied connection. `lostResponses`: the client has missed response data, so the stream cannot continue. */
type Connection = { client: Socket; upstream: Socket; lostResponses: boolean }

/** Where a proxy connects to. */
type Target = { host: string; port: number }

/**
 * Starts a TCP proxy on 127.0.0.1 into which network faults can be injected. It refuses connections until `connectTo` names
 * the upstream. As a SOCKS5 proxy (RFC 1928) it connects wherever each client asks to, so that one fault separates a client
 * from all members of a replica set.
 *
 * @param name names the connection in reports, for example `order→mongodb`
 */
export async function createFaultProxy(name: string, { socks = false } = {}) {
  const connections = new Set<Connection>()
  const negotiating = new Set<Socket>()
  let fault: NetworkFault | undefined
  let target: Target = { host: '127.0.0.1', port: 0 }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    client.on('error', () => {}) // 'close' follows
    if (fault === 'down' || (!socks && target.port === 0)) client.resetAndDestroy()
    else if (socks) {
      negotiating.add(client)
      negotiate(client)
        .then(
          (requested) => relay(client, requested),
          () => client.destroy(),
        )
        .finally(() => negotiating.delete(client))
    } else relay(client, target)
  })

  function relay(client: Socket, to: Target): void {
    const upstream = connect({ ...to, allowHalfOpen: true })
    upstream.on('error', () => {}) // 'close' follows
    const connection: Connection = { client, upstream, lostResponses: false }
    connections.add(connection)
    for (const [end, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      end.setNoDelay(true)
      end.on('close', () => {
        connections.delete(connection)
        other.destroy()
      })
    }
    void forward(connection, client, upstream, 'request')
    void forward(connection, upstream, client, 'response')
  }
  server.on('error', () => {})
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  /** Forwards data in one direction. The fault that is active when a chunk arrives applies to it. */
  async function forward(
    connection: Connection,
    from: Socket,
    to: Socket,
    direction: 'request' | 'response',
  ): Promise<void> {
    try {
      for await (const chunk of from.iterator({ destroyOnReturn: false })) {
        while (fault === 'stall') await changed
        if (fault === 'latency') await pause(LATENCY, undefined, { ref: false })
        if (fault === 'drop-responses' && direction === 'response') connection.lostResponses = true
        if (connection.lostResponses && direction === 'response') continue
        if (!to.write(chunk)) await once(to, 'drain')
      }
      if (!connection.lostResponses) to.end()
    } catch {
      to.destroy() // the other end has closed
    }
  }

  let { promise: changed, resolve: notifyChange } = Promise.withResolvers<void>()
  const setFault = (next: NetworkFault | undefined): void => {
    fault = next
    notifyChange()
    ;({ promise: changed, resolve: notifyChange } = Promise.withResolvers<void>())
  }
  const reset = (isAffected: (connection: Connection) => boolean): void => {
    for (const connection of connections)
      if (isAffected(connection)) {
        connection.client.resetAndDestroy()
        connection.upstream.destroy()
      }
  }

  return {
    name,
    /** Where clients connect, `host:port`. */
    address: `127.0.0.1:${port}`,
    /** Sets the upstream, `host:port`. */
    connectTo: (address: string): void => {
      const { hostname, port } = new URL(`tcp://${address}`)
      target = { host: hostname, port: Number(port) }
    },
    inject: (next: NetworkFault): void => {
      setFault(next)
      if (next === 'down') reset(() => true)
    },
    /** Ends the fault. */
    clear: (): void => {
      setFault(undefined)
      reset(({ lostResponses }) => lostResponses)
    },
    close: async (): Promise<void> => {
      setFault(undefined)
      reset(() => true)
      for (const client of negotiating) client.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const SOCKS_VERSION = 5
/** Types of addresses in a SOCKS5 request. */
const IPV4 = 1
const DOMAIN_NAME = 3

/**
 * Negotiates with a SOCKS5 client, without authentication, and returns where it wants to connect to. Success is reported
 * before that connection is made: when it fails, the client's connection is closed.
 *
 * @throws Error when the client sends anything but a CONNECT request
 */
async function negotiate(client: Socket): Promise<Target> {
  const [version, methods] = await readBytes(client, 2)
  if (version !== SOCKS_VERSION) throw new Error(`SOCKS version ${version}`)
  await readBytes(client, methods!)
  client.write(Buffer.from([SOCKS_VERSION, 0]))
  const [, command, , addressType] = await readBytes(client, 4)
  if (command !== 1) throw new Error(`SOCKS command ${command}`)
  let host: string
  if (addressType === IPV4) host = [...(await readBytes(client, 4))].join('.')
  else if (addressType === DOMAIN_NAME) host = String(await readBytes(client, (await readBytes(client, 1))[0]!))
  else throw new Error(`SOCKS address type ${addressType}`)
  const port = (await readBytes(client, 2)).readUInt16BE()
  client.write(Buffer.from([SOCKS_VERSION, 0, 0, IPV4, 0, 0, 0, 0, 0, 0]))
  return { host, port }
}

/** @throws Error when the other end closes the connection before it has sent so many bytes */
async function readBytes(socket: Socket, count: number): Promise<Buffer> {
  const ended = new AbortController()
  const abort = (): void => ended.abort()
  socket.once('end', abort).once('close', abort)
  try {
    for (;;) {
      const bytes = socket.read(count) as Buffer | null
      if (bytes !== null) return bytes
      if (socket.readableEnded || socket.destroyed) abort()
      await once(socket, 'readable', { signal: ended.signal })
    }
  } finally {
    socket.off('end', abort).off('close', abort)
  }
}
