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

/**
 * Starts a TCP proxy on 127.0.0.1 into which network faults can be injected. It refuses connections until `connectTo` names
 * the upstream.
 *
 * @param name names the connection in reports, for example `order→mongodb`
 */
export async function createFaultProxy(name: string) {
  const connections = new Set<Connection>()
  let fault: NetworkFault | undefined
  let target = { host: '127.0.0.1', port: 0 }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (fault === 'down' || target.port === 0) {
      client.on('error', () => {})
      client.resetAndDestroy()
      return
    }
    const upstream = connect({ ...target, allowHalfOpen: true })
    const connection: Connection = { client, upstream, lostResponses: false }
    connections.add(connection)
    for (const [end, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      end.setNoDelay(true)
      end.on('error', () => {}) // 'close' follows
      end.on('close', () => {
        connections.delete(connection)
        other.destroy()
      })
    }
    void forward(connection, client, upstream, 'request')
    void forward(connection, upstream, client, 'response')
  })
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
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
