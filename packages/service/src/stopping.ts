import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'

/**
 * How long a connection may be idle while the server stops, in milliseconds. Longer than any client of ours keeps one
 * (apps/gateway/src/addresses.ts), so that a client closes it before we do: a request that was sent at the moment when we
 * close it would be lost, and its client could not know whether it was done.
 */
const IDLE = 1000

const LOOK_EVERY = 25

/**
 * Lets an HTTP server stop without a word lost. Call it before the server listens; what it gives back takes no new
 * connection, answers what comes on those that are there with `connection: close`, and resolves when none is left.
 *
 * A server's own `close` is harder: it closes idle connections at once, while a request may be on its way on one.
 */
export function stoppable(server: Server): () => Promise<void> {
  const idleSince = new Map<Socket, number>()
  const unanswered = new Set<ServerResponse>()
  let stopping = false

  server.on('connection', (socket: Socket) => {
    idleSince.set(socket, performance.now())
    socket.once('close', () => idleSince.delete(socket))
  })
  server.prependListener('request', ({ socket }, response: ServerResponse) => {
    idleSince.delete(socket)
    unanswered.add(response)
    if (stopping) response.setHeader('connection', 'close')
    response.once('close', () => {
      unanswered.delete(response)
      if (!socket.destroyed) idleSince.set(socket, performance.now())
    })
  })

  return async () => {
    stopping = true
    for (const response of unanswered) if (!response.headersSent) response.setHeader('connection', 'close')
    NetServer.prototype.close.call(server)
    while (idleSince.size > 0 || unanswered.size > 0) {
      for (const [socket, since] of idleSince) if (performance.now() - since >= IDLE) socket.destroy()
      await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY))
    }
  }
}
