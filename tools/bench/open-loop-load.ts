// The load generator of the overload benchmark, a separate process: requests arrive at a fixed rate, whether or not the earlier
// ones are answered (open loop), on connections from many client addresses. It writes prepared bytes to sockets and reads only
// what it needs of a response, because on the same machine each microsecond of it is one less for the shop.
import { randomUUID } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { createBasket } from './baskets.ts'
import { serveParent } from './child-process.ts'

export type OpenLoad = {
  gateway: string
  tokens: string[]
  products: string[]
  /** Requests a second. */
  rate: number
  /** For how long requests are sent, in milliseconds. */
  ms: number
  /** How many client networks (127.0.0.0/8 by /24) the connections come from. */
  networks: number
}

/**
 * How many requests were sent and how they ended. `served` are complete successes, `refused` 503 and 429, `failed` anything else,
 * timeouts included. `unsent` arrived when all connections were waiting. `latencies` and `refusals` are durations in
 * milliseconds, from when the request was due; `withoutRetryAfter` counts refusals without that header.
 */
export type OpenLoadResult = {
  ms: number
  sent: number
  served: number
  refused: number
  failed: number
  unsent: number
  withoutRetryAfter: number
  lastFailure: string
  latencies: number[]
  refusals: number[]
}

/** The most connections, and how long a request may take, in milliseconds. */
const MAX_CONNECTIONS = 4000
const TIMEOUT = 15_000
/** How often requests that are due are sent, in milliseconds. */
const TICK = 2

type Connection = { socket: Socket; dueAt: number; received: Buffer | undefined; expected: number }

/** Three parts of reads and one of writes: lists, products by GraphQL, and orders. */
function createRequest({ tokens, products }: OpenLoad, n: number): string {
  const any = <T>(values: readonly T[]): T => values[Math.floor(Math.random() * values.length)]!
  const kind = n % 10
  if (kind < 5) return 'GET /api/products?first=10 HTTP/1.1\r\nhost: shop\r\n\r\n'
  const [path, headers, body] =
    kind < 8
      ? ['/graphql', '', JSON.stringify({ query: PRODUCT_QUERY, variables: { id: any(products) } })]
      : [
          '/api/orders',
          `authorization: Bearer ${any(tokens)}\r\nidempotency-key: ${randomUUID()}\r\n`,
          JSON.stringify({ items: createBasket(products, 'spread') }),
        ]
  return `POST ${path} HTTP/1.1\r\nhost: shop\r\n${headers}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}
const PRODUCT_QUERY = 'query Product($id: ID!) { product(id: $id) { id name price stock category } }'

async function runOpenLoop(load: OpenLoad): Promise<OpenLoadResult> {
  const { hostname, port } = new URL(load.gateway)
  const result: OpenLoadResult = {
    ms: 0,
    sent: 0,
    served: 0,
    refused: 0,
    failed: 0,
    unsent: 0,
    withoutRetryAfter: 0,
    lastFailure: '',
    latencies: [],
    refusals: [],
  }
  const idle: Connection[] = []
  const busy = new Set<Connection>()
  let opened = 0

  const finish = (connection: Connection, status: number, response: string): void => {
    busy.delete(connection)
    const ms = performance.now() - connection.dueAt
    if ((status === 200 || status === 201) && !response.includes('"errors":[')) {
      result.served++
      result.latencies.push(ms)
    } else if (status === 503 || status === 429) {
      result.refused++
      result.refusals.push(ms)
      if (!/\r\nretry-after: \d/i.test(response)) result.withoutRetryAfter++
    } else if (response.includes('"code":"UNAVAILABLE"')) {
      // A part of an operation that was refused further on.
      result.refused++
      result.refusals.push(ms)
    } else {
      result.failed++
      result.lastFailure = response.slice(0, 500)
    }
  }

  const open = (): Connection => {
    const network = opened++ % load.networks
    const localAddress = `127.${network >> 8}.${network & 255 || 255}.1`
    const socket = connect({ host: hostname, port: Number(port), localAddress, noDelay: true })
    const connection: Connection = { socket, dueAt: 0, received: undefined, expected: 0 }
    socket.on('data', (chunk) => {
      connection.received = connection.received ? Buffer.concat([connection.received, chunk]) : chunk
      const { received } = connection
      if (connection.expected === 0) {
        const end = received.indexOf('\r\n\r\n')
        if (end === -1) return
        const head = received.toString('latin1', 0, end)
        connection.expected = end + 4 + Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? 0)
      }
      if (received.length < connection.expected) return
      const response = received.toString('latin1', 0, connection.expected)
      connection.received = undefined
      connection.expected = 0
      finish(connection, Number(response.slice(9, 12)), response)
      idle.push(connection)
    })
    socket.on('error', () => {}) // close follows
    socket.on('close', () => {
      opened--
      if (busy.delete(connection)) {
        result.failed++
        result.lastFailure = 'the connection was closed'
      }
      const index = idle.indexOf(connection)
      if (index !== -1) idle.splice(index, 1)
    })
    return connection
  }

  const startedAt = performance.now()
  let arrived = 0
  for (let now = startedAt; now - startedAt < load.ms; now = performance.now()) {
    for (const due = ((now - startedAt) / 1000) * load.rate; arrived < due; arrived++) {
      const connection = idle.pop() ?? (opened < MAX_CONNECTIONS ? open() : undefined)
      if (!connection) {
        result.unsent++
        continue
      }
      connection.dueAt = startedAt + (arrived / load.rate) * 1000
      busy.add(connection)
      result.sent++
      connection.socket.write(createRequest(load, arrived), 'latin1')
    }
    await pause(TICK)
  }
  result.ms = performance.now() - startedAt
  for (const end = performance.now() + TIMEOUT; busy.size > 0 && performance.now() < end;) await pause(20)
  result.failed += busy.size
  busy.clear()
  for (const { socket } of idle) socket.destroy()
  return result
}

serveParent(runOpenLoop)
