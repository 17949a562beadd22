import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'

/**
 * How long a connection may be idle during the shutdown, in milliseconds. It is longer than the keep-alive timeout of the
 * gateway's client (apps/gateway/src/upstream/load-balancer.ts), so that the client closes the connection first. Otherwise a request could
 * be sent while the server closes the connection, and its client would not know whether it was processed.
 */
const IDLE_TIMEOUT = 1000

const CHECK_INTERVAL = 25

/**
 * Prepares the graceful shutdown of an HTTP server. Call it before the server listens. The function that it returns stops
 * accepting connections, answers further requests on open ones with `connection: close`, and resolves when none is left.
 *
 * `server.close` by itself closes idle connections at once, which loses a request that is in transit.
 */
export function createGracefulShutdown(server: Server): () => Promise<void> {
  const idleSince = new Map<Socket, number>()
  const openResponses = new Set<ServerResponse>()
  let stopping = false

  server.on('connection', (socket: Socket) => {
    idleSince.set(socket, performance.now())
    socket.once('close', () => idleSince.delete(socket))
  })
  server.prependListener('request', ({ socket }, response: ServerResponse) => {
    idleSince.delete(socket)
    openResponses.add(response)
    if (stopping) response.setHeader('connection', 'close')
    response.once('close', () => {
      openResponses.delete(response)
      if (!socket.destroyed) idleSince.set(socket, performance.now())
    })
  })

  return async () => {
    stopping = true
    for (const response of openResponses) if (!response.headersSent) response.setHeader('connection', 'close')
    NetServer.prototype.close.call(server)
    while (idleSince.size > 0 || openResponses.size > 0) {
      for (const [socket, since] of idleSince) if (performance.now() - since >= IDLE_TIMEOUT) socket.destroy()
      await new Promise((resolve) => setTimeout(resolve, CHECK_INTERVAL))
    }
  }
}
