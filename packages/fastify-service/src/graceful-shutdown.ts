import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'

/**
 * How long a connection may be idle during the shutdown, in milliseconds. It is longer than the keep-alive timeout of the
 * gateway's client (apps/gateway/src/upstream/load-balancer.ts), so that the client closes the connection first. Otherwise a request could
 * be sent while the server closes the connection, and its client would not know whether it was processed.
 */
const IDLE_TIMEOUT = 1000

const CHECK_INTERVAL = 25

/** What a client and a handler may take during the shutdown, in milliseconds. */
export type ShutdownLimits = {
  /** To send a request, from the start of the shutdown or of the request: then it is answered 408. Node checks every second. */
  request: number
  /** To read a response that is complete: then its connection is closed. */
  reading: number
  /** To answer: then every connection is closed. */
  total: number
}

const defaultLimits: ShutdownLimits = { request: 2000, reading: 5000, total: 8000 }

/**
 * Prepares the graceful shutdown of an HTTP server. Call it before the server listens. The function that it returns stops
 * accepting connections, answers further requests on open ones with `connection: close`, and resolves when none is left, after
 * `limits.total` at the latest. It returns the number of connections that it closed before their request was answered.
 *
 * `server.close` by itself closes idle connections at once, which loses a request that is in transit, and waits for slow clients
 * without a limit.
 */
export function createGracefulShutdown(server: Server, limits = defaultLimits): () => Promise<number> {
  /** The connections between two requests, since when, and how many bytes they had received then. */
  const idle = new Map<Socket, { since: number; bytesRead: number }>()
  const openResponses = new Set<ServerResponse>()
  let stopping = false

  const setIdle = (socket: Socket): void =>
    void idle.set(socket, { since: performance.now(), bytesRead: socket.bytesRead })

  server.on('connection', (socket: Socket) => {
    setIdle(socket)
    socket.once('close', () => idle.delete(socket))
  })
  server.prependListener('request', ({ socket }, response: ServerResponse) => {
    idle.delete(socket)
    openResponses.add(response)
    if (stopping) response.setHeader('connection', 'close')
    response.once('close', () => {
      openResponses.delete(response)
      if (!socket.destroyed) setIdle(socket)
    })
  })

  /** Closes unused connections. Node closes one on which a part of a request has arrived, after its timeouts. */
  const closeIdle = (): void => {
    for (const [socket, { since, bytesRead }] of idle)
      if (performance.now() - since >= IDLE_TIMEOUT && socket.bytesRead === bytesRead) socket.destroy()
  }

  /** Closes the connections whose clients do not read a complete response. */
  const closeUnread = (): void => {
    for (const response of openResponses) if (response.writableEnded) response.destroy()
  }

  return async () => {
    stopping = true
    const startedAt = performance.now()
    const isPast = (limit: number): boolean => performance.now() - startedAt >= limit
    for (const response of openResponses) if (!response.headersSent) response.setHeader('connection', 'close')
    NetServer.prototype.close.call(server)
    while (idle.size > 0 || openResponses.size > 0) {
      closeIdle()
      // Node's own check of connections reads these, and answers incomplete requests (malformed-http.ts).
      if (isPast(limits.request)) server.requestTimeout = server.headersTimeout = limits.request
      if (isPast(limits.reading)) closeUnread()
      if (isPast(limits.total)) {
        const unanswered = openResponses.size
        server.closeAllConnections()
        return unanswered
      }
      await new Promise((resolve) => setTimeout(resolve, CHECK_INTERVAL))
    }
    return 0
  }
}
