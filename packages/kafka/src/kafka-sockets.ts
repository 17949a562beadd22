import { isIP, connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { ISocketFactory } from 'kafkajs'

/** How long a broker may take to send the next bytes while it owes a response, in milliseconds. */
const RESPONSE_TIMEOUT = 5000

/** The interval of TCP keep-alive probes, as in kafkajs. */
const KEEP_ALIVE_DELAY = 60_000

/** Requests whose responses wait for other members of the group (Kafka protocol: JoinGroup, SyncGroup). */
const GROUP_REQUESTS = new Set([11, 14])

/**
 * Creates the sockets of a Kafka client. A connection on which a broker owes a response and sends nothing for 5 s is closed,
 * as Kafka's Java client does after a request timeout. kafkajs alone would only repeat the request: a broker that is frozen or
 * cut off accepts bytes forever, and its partitions would not be looked for at their new leaders.
 *
 * @param responseTimeout how long a response may take to begin, in milliseconds
 */
export const createSocketFactory =
  (responseTimeout: number = RESPONSE_TIMEOUT): ISocketFactory =>
  ({ host, port, ssl, onConnect }) => {
    const socket = ssl
      ? connectTls({ host, port, ...(!isIP(host) && { servername: host }), ...ssl }, onConnect)
      : connectTcp({ host, port }, onConnect)
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY)
    closeWhenSilent(socket, responseTimeout)
    return socket
  }

function closeWhenSilent(socket: Socket, responseTimeout: number): void {
  let timer: NodeJS.Timeout | undefined
  const stop = (): void => {
    clearTimeout(timer)
    timer = undefined
  }
  const close = (): void => {
    if (timer === undefined) return // the response arrived while this process was busy
    stop()
    // For kafkajs, as if the broker had closed: only then does it look for new leaders.
    socket.emit('end')
    socket.destroy()
  }
  const write = socket.write.bind(socket) as (...args: unknown[]) => boolean
  socket.write = (...args: unknown[]) => {
    const [request] = args
    const isGroupRequest = Buffer.isBuffer(request) && request.length >= 6 && GROUP_REQUESTS.has(request.readInt16BE(4))
    // setImmediate: responses that have arrived are read first.
    if (!isGroupRequest) timer ??= setTimeout(() => setImmediate(close), responseTimeout).unref()
    return write(...args)
  }
  socket.on('data', stop).on('close', stop)
}
