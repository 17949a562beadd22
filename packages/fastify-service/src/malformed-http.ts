import { STATUS_CODES, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { toErrorResponse } from './error-response.ts'
import type { Logger } from '@halles/telemetry/log'
import { AppError } from '@halles/errors/app-error'
import { extractTrace, traceId } from '@halles/telemetry/trace'

/**
 * How long a connection is still read after the error response, in milliseconds. If it were closed while the client sends,
 * the client would get a TCP reset and might never read the response.
 */
const LINGER = 1000

/** Responses to Node's HTTP parser and timeout errors, by error code. Any other code means that the bytes are not HTTP. */
const parserErrors: Record<string, { status: number; appError: AppError }> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    appError: new AppError('TIMEOUT', 'The request was not received in time: nothing was done.'),
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    appError: new AppError('PAYLOAD_TOO_LARGE', 'The URL and the headers are too large.'),
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    appError: new AppError('PAYLOAD_TOO_LARGE', 'The chunk extensions are too large.'),
  },
}
const notHttp = { status: 400, appError: new AppError('VALIDATION_FAILED', 'This is not an HTTP/1.1 request.') }

/**
 * Answers malformed or timed-out requests with the same error format as every route. Fastify's hooks never see such
 * requests. Each connection gets one error response and is then closed.
 *
 * @param headers headers of every response
 */
export function handleClientErrors(server: Server, headers: Readonly<Record<string, string>>, log: Logger): void {
  /** The most recent response on each connection. */
  const latest = new WeakMap<Socket, ServerResponse>()
  const failed = new WeakSet<Socket>()
  server.prependListener('request', ({ socket }, response: ServerResponse) => latest.set(socket, response))

  const sendError = (socket: Socket, code = ''): void => {
    const response = latest.get(socket)
    const isInRequest = response !== undefined && !response.req.complete
    // Once headers are sent, the client would take an error response for a part of the body, or for the next response.
    if (!socket.writable || (isInRequest && response.headersSent)) return void socket.destroy()
    const { status, appError } = parserErrors[code] ?? notHttp
    const id = traceId(extractTrace({}))!
    const isGraphql = isInRequest && response.req.url?.split('?', 1)[0] === '/graphql'
    const answer = toErrorResponse(appError, id, isGraphql, status)
    const allHeaders = {
      ...headers,
      ...answer.headers,
      'x-trace-id': id,
      'content-length': String(Buffer.byteLength(answer.body)),
      connection: 'close',
    }
    const lines = Object.entries(allHeaders).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${answer.body}`)
    const timer = setTimeout(() => socket.destroy(), LINGER)
    socket.once('close', () => clearTimeout(timer))
    log.info({ traceId: id, route: 'none', status, cause: code }, 'request completed')
  }

  // The error object holds the raw bytes of the request, so it is never logged.
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket: Socket) => {
    if (code === 'ECONNRESET' || socket.destroyed || failed.has(socket)) return
    failed.add(socket)
    const response = latest.get(socket)
    // Responses keep the order of requests: wait until the complete request before this one is answered.
    if (response?.req.complete && !response.writableFinished) response.once('close', () => sendError(socket, code))
    else sendError(socket, code)
  })
}
