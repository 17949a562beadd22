import type { Socket } from 'node:net'
import { buildConnector } from 'undici'

/** Whether a connection could not be opened: no request was sent on it, so any request may go to another address. */
export const isConnectError = (error: unknown): boolean => (error as { code?: unknown } | null)?.code === CONNECT_FAILED

const CONNECT_FAILED = 'HALLES_CONNECT_FAILED'

const createConnectError = (cause: Error): Error =>
  Object.assign(new Error('no connection could be opened', { cause }), { code: CONNECT_FAILED })

/** The longest answer to a health check that is read, in characters. */
const MAX_HEALTH_RESPONSE = 16_384

/**
 * Creates an undici connector that hands out a connection only after the service has answered `HEAD /healthz` on it.
 *
 * An accepted connection proves little: the kernel accepts for a process that is about to close its port, and a proxy
 * accepts for a service that is gone. A request sent there would be lost, or be carried out without an answer. The check
 * costs one short exchange for each connection, not for each request.
 *
 * @param timeout how long opening may take, the check included, in milliseconds
 */
export function createHealthCheckedConnector(timeout: number): buildConnector.connector {
  const connect = buildConnector({ timeout, allowH2: false })
  return (options, callback) => {
    connect(options, (...[error, socket]: [Error, null] | [null, Socket]) => {
      if (error) return callback(createConnectError(error), null)
      void checkHealth(socket, options.host ?? options.hostname, timeout).then(
        () => callback(null, socket),
        (unhealthy: Error) => {
          socket.destroy()
          callback(createConnectError(unhealthy), null)
        },
      )
    })
  }
}

/**
 * Opens a connection to an address and closes it again.
 *
 * @throws Error when no healthy service answers there
 */
export function probeAddress(url: string, connect: buildConnector.connector): Promise<void> {
  const { protocol, hostname, host, port } = new URL(url)
  return new Promise((resolve, reject) => {
    connect({ protocol, hostname, host, port }, (...[error, socket]: [Error, null] | [null, Socket]) => {
      socket?.destroy()
      if (error) reject(error)
      else resolve()
    })
  })
}

function checkHealth(socket: Socket, host: string, timeout: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = ''
    const onReadable = (): void => {
      for (let chunk = socket.read() as Buffer | null; chunk; chunk = socket.read() as Buffer | null)
        received += chunk.toString('latin1')
      if (received.includes('\r\n\r\n')) finish(isHealthy(received) ? undefined : new Error('the service is closing'))
      else if (received.length > MAX_HEALTH_RESPONSE) finish(new Error('the health check response is too long'))
    }
    const onClose = (): void => finish(new Error('the connection closed before the health check was answered'))
    const finish = (error?: Error): void => {
      clearTimeout(timer)
      socket.off('readable', onReadable).off('close', onClose)
      if (error) reject(error)
      else resolve()
    }
    const timer = setTimeout(() => finish(new Error('the health check timed out')), timeout)
    socket.on('readable', onReadable).on('close', onClose)
    socket.write(`HEAD /healthz HTTP/1.1\r\nhost: ${host}\r\n\r\n`)
  })
}

/** Whether the connection may carry requests: the status is no server error, and the connection is kept alive. */
const isHealthy = (response: string): boolean =>
  /^HTTP\/1\.1 [1-4]/.test(response) && !/^connection: *close/im.test(response) && response.endsWith('\r\n\r\n')
