import type { Socket } from 'node:net'
import { buildConnector } from 'undici'

/** What is wrong when a connection could not be opened: nothing was sent on it, so anything may be sent elsewhere. */
export const isUnopened = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === UNOPENED

const UNOPENED = 'HALLES_UNOPENED'

const unopened = (cause: Error): Error =>
  Object.assign(new Error('no connection could be opened', { cause }), { code: UNOPENED })

/** The longest answer to the greeting that is read, in characters. */
const LONGEST_GREETING = 16_384

/**
 * Opens connections over which a service has answered `HEAD /healthz`: only then is a request sent on one.
 *
 * A port that accepts says little: the system accepts for a process that is about to close it, a proxy for a service that
 * is gone, and a request sent there would be lost, or be done without an answer. One short exchange a connection, not a
 * request, tells.
 *
 * @param within how long opening may take, in milliseconds
 */
export function greetedConnection(within: number): buildConnector.connector {
  const open = buildConnector({ timeout: within, allowH2: false })
  return (options, callback) => {
    open(options, (...[error, socket]: [Error, null] | [null, Socket]) => {
      if (error) return callback(unopened(error), null)
      void greeted(socket, options.host ?? options.hostname, within).then(
        () => callback(null, socket),
        (unanswered: Error) => {
          socket.destroy()
          callback(unopened(unanswered), null)
        },
      )
    })
  }
}

/** Rejects when there is no service at this address that answers. */
export function looksAt(url: string, connect: buildConnector.connector): Promise<void> {
  const { protocol, hostname, host, port } = new URL(url)
  return new Promise((resolve, reject) => {
    connect({ protocol, hostname, host, port }, (...[error, socket]: [Error, null] | [null, Socket]) => {
      socket?.destroy()
      if (error) reject(error)
      else resolve()
    })
  })
}

function greeted(socket: Socket, host: string, within: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let heard = ''
    const hear = (): void => {
      for (let chunk = socket.read() as Buffer | null; chunk; chunk = socket.read() as Buffer | null)
        heard += chunk.toString('latin1')
      if (heard.includes('\r\n\r\n')) end(isWelcome(heard) ? undefined : new Error('the service is closing'))
      else if (heard.length > LONGEST_GREETING) end(new Error('no answer that ends'))
    }
    const broken = (): void => end(new Error('closed before it answered'))
    const end = (error?: Error): void => {
      clearTimeout(timer)
      socket.off('readable', hear).off('close', broken)
      if (error) reject(error)
      else resolve()
    }
    const timer = setTimeout(() => end(new Error('no answer in time')), within)
    socket.on('readable', hear).on('close', broken)
    socket.write(`HEAD /healthz HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
  })
}

/** Whether an answer says that more may be asked on this connection: no error of the server, and not closing. */
const isWelcome = (answer: string): boolean =>
  /^HTTP\/1\.1 [1-4]/.test(answer) && !/^connection: *close/im.test(answer) && answer.endsWith('\r\n\r\n')
