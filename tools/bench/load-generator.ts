// The load generator, a separate process: closed-loop clients that place one order after another, or orders at a fixed rate.
import { randomUUID } from 'node:crypto'
import { Pool } from 'undici'
import { createBasket, type Case } from './baskets.ts'
import { serveParent } from './child-process.ts'
import { wallClock } from './measure.ts'

export type Load = {
  gateway: string
  /** Access tokens of the customers, used in turn. */
  tokens: string[]
  products: string[]
  case: Case
  /** The number of connections. Each sends the next order after the response to the last one. */
  buyers: number
  /** The duration in milliseconds, or the number of orders. Requests in flight are completed. */
  for: { ms: number } | { orders: number }
  /** Orders a second (open loop). By default each connection sends as fast as it can (closed loop). */
  rate?: number
}

/**
 * The result of a load: the total duration `ms`; for each order its id, its latency and the wall-clock time of its response;
 * the number of responses other than 201, and the last of them.
 */
export type LoadResult = {
  ms: number
  orders: { id: string; ms: number; at: number }[]
  failed: number
  lastFailure: string
}

let pool: { gateway: string; buyers: number; connections: Pool } | undefined

async function placeOrders({
  gateway,
  tokens,
  products,
  case: contention,
  buyers,
  for: limit,
  rate,
}: Load): Promise<LoadResult> {
  if (pool?.gateway !== gateway || pool.buyers !== buyers) {
    await pool?.connections.close()
    pool = { gateway, buyers, connections: new Pool(gateway, { connections: buyers, pipelining: 1 }) }
  }
  const { connections } = pool
  const orders: LoadResult['orders'] = []
  let failed = 0
  let lastFailure = ''
  let sent = 0
  const startedAt = performance.now()
  const shouldContinue = (): boolean => ('ms' in limit ? performance.now() - startedAt < limit.ms : sent < limit.orders)

  const order = async (): Promise<void> => {
    const token = tokens[sent++ % tokens.length]!
    const start = performance.now()
    const { statusCode, body } = await connections.request({
      path: '/api/orders',
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': randomUUID(),
      },
      body: JSON.stringify({ items: createBasket(products, contention) }),
    })
    const text = await body.text()
    if (statusCode !== 201) {
      failed++
      lastFailure = `${statusCode} ${text}`
      return
    }
    orders.push({ id: (JSON.parse(text) as { id: string }).id, ms: performance.now() - start, at: wallClock() })
  }

  if (rate === undefined)
    await Promise.all(
      Array.from({ length: buyers }, async () => {
        while (shouldContinue()) await order()
      }),
    )
  else {
    const all: Promise<void>[] = []
    while (shouldContinue()) {
      all.push(order())
      const next = startedAt + (sent * 1000) / rate
      await new Promise((resolve) => setTimeout(resolve, next - performance.now()))
    }
    await Promise.all(all)
  }
  return { ms: performance.now() - startedAt, orders, failed, lastFailure }
}

serveParent(placeOrders)
