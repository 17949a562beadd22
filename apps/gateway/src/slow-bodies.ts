import type { Server } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyRequest } from 'fastify'

/** The least that a client must send of a body in each interval, in bytes and milliseconds, once its headers have arrived. */
const minimumRate = { bytes: 1024, interval: 5000 } as const

/** Whether a request has a body, by its headers (RFC 9112, 6.3). */
export const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

/**
 * Ends a request whose body is sent more slowly than the minimum rate, as Node ends one that exceeds `requestTimeout`: with
 * 408, and its connection is closed. The bytes are counted on the connection, so nothing is copied.
 */
export function requireMinimumRate(server: Server, request: FastifyRequest): void {
  const { raw } = request
  const { socket } = raw
  if (!hasBody(request) || !(socket instanceof Socket)) return // `inject` has no socket
  let received = socket.bytesRead
  const timer = setInterval(() => {
    if (raw.complete || socket.destroyed) return clearInterval(timer)
    const before = received
    received = socket.bytesRead
    // A paused body waits for the gateway, not for the client.
    if (received - before >= minimumRate.bytes || raw.readableFlowing !== true) return
    clearInterval(timer)
    server.emit('clientError', Object.assign(new Error('the body is sent too slowly'), { code: TIMEOUT_CODE }), socket)
  }, minimumRate.interval)
  raw.once('close', () => clearInterval(timer))
}

/** The code of Node's own error for a request that takes too long. */
const TIMEOUT_CODE = 'ERR_HTTP_REQUEST_TIMEOUT'
