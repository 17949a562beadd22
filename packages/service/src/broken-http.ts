import { STATUS_CODES, type Server, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { errorAnswer } from './answer-error.ts'
import type { Logger } from './log.ts'
import { Refusal } from './refusal.ts'
import { traceFrom, traceId } from './trace.ts'

/**
 * How long a connection that is given up is still read, in milliseconds: closed while a client sends, it would be reset,
 * and the client might never read why.
 */
const LINGER = 1000

/** What Node finds wrong with bytes that come, by its error codes; anything else is not HTTP. */
const broken: Record<string, { status: number; refusal: Refusal }> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    refusal: new Refusal('TIMEOUT', 'The request took too long to come: nothing was done.'),
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    refusal: new Refusal('PAYLOAD_TOO_LARGE', 'The address and the headers are more than one request may carry.'),
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: 413,
    refusal: new Refusal('PAYLOAD_TOO_LARGE', 'That is more than one request may carry.'),
  },
}
const notHttp = { status: 400, refusal: new Refusal('VALIDATION_FAILED', 'This is not a request by HTTP/1.1.') }

/**
 * Answers what a server cannot read as a request, or gives up waiting for, like every other error: no route hears of it.
 * A connection is told once, and ends by it.
 *
 * @param headers what every answer has
 */
export function answerBrokenHttp(server: Server, headers: Readonly<Record<string, string>>, log: Logger): void {
  /** What was begun to be answered last on a connection. */
  const latest = new WeakMap<Socket, ServerResponse>()
  const givenUp = new WeakSet<Socket>()
  server.prependListener('request', ({ socket }, response: ServerResponse) => latest.set(socket, response))

  const tell = (socket: Socket, code = ''): void => {
    const under = latest.get(socket)
    const isOfIt = under !== undefined && !under.req.complete
    // In the middle of an answer, or after it, a second would be taken for a part of it, or for that of another request.
    if (!socket.writable || (isOfIt && under.headersSent)) return void socket.destroy()
    const { status, refusal } = broken[code] ?? notHttp
    const id = traceId(traceFrom({}))!
    const answer = errorAnswer(refusal, id, isOfIt && under.req.url?.split('?', 1)[0] === '/graphql', status)
    const told = {
      ...headers,
      ...answer.headers,
      'x-trace-id': id,
      'content-length': String(Buffer.byteLength(answer.body)),
      connection: 'close',
    }
    const fields = Object.entries(told).map(([name, value]) => `${name}: ${value}\r\n`)
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${fields.join('')}\r\n${answer.body}`)
    const enough = setTimeout(() => socket.destroy(), LINGER)
    socket.once('close', () => clearTimeout(enough))
    log.info({ traceId: id, route: 'none', status, cause: code }, 'answered')
  }

  // The error carries what was sent, so it goes into no log.
  server.on('clientError', ({ code }: NodeJS.ErrnoException, socket: Socket) => {
    if (code === 'ECONNRESET' || socket.destroyed || givenUp.has(socket)) return
    givenUp.add(socket)
    const under = latest.get(socket)
    // What comes after a whole request is told after its answer.
    if (under?.req.complete && !under.writableFinished) under.once('close', () => tell(socket, code))
    else tell(socket, code)
  })
}
