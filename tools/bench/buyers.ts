// The load generator, a process of its own: buyers who order one thing after the other, or orders at a fixed rate.
import { randomUUID } from 'node:crypto'
import { Pool } from 'undici'
import { basket, type Case } from './baskets.ts'
import { answering } from './child.ts'
import { wallClock } from './measure.ts'

export type Load = {
  gateway: string
  /** Access tokens of the customers, who take turns. */
  tokens: string[]
  products: string[]
  case: Case
  /** How many connections; each buyer sends the next order when the last one was answered. */
  buyers: number
  /** Ends by time, in milliseconds, or by count; whatever was sent is answered first. */
  for: { ms: number } | { orders: number }
  /** Orders a second, sent whether or not the earlier ones were answered; left out, as fast as the buyers can. */
  rate?: number
}

/**
 * How it went: `ms` is how long it took in all; of each order its id, how long it took and when its answer was there;
 * how many were answered anything but 201, and the last such answer.
 */
export type Bought = { ms: number; orders: { id: string; ms: number; at: number }[]; failed: number; lastWords: string }

let pool: { gateway: string; buyers: number; connections: Pool } | undefined

async function buy({ gateway, tokens, products, case: which, buyers, for: until, rate }: Load): Promise<Bought> {
  if (pool?.gateway !== gateway || pool.buyers !== buyers) {
    await pool?.connections.close()
    pool = { gateway, buyers, connections: new Pool(gateway, { connections: buyers, pipelining: 1 }) }
  }
  const { connections } = pool
  const orders: Bought['orders'] = []
  let failed = 0
  let lastWords = ''
  let sent = 0
  const began = performance.now()
  const goesOn = (): boolean => ('ms' in until ? performance.now() - began < until.ms : sent < until.orders)

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
      body: JSON.stringify({ items: basket(products, which) }),
    })
    const text = await body.text()
    if (statusCode !== 201) {
      failed++
      lastWords = `${statusCode} ${text}`
      return
    }
    orders.push({ id: (JSON.parse(text) as { id: string }).id, ms: performance.now() - start, at: wallClock() })
  }

  if (rate === undefined)
    await Promise.all(
      Array.from({ length: buyers }, async () => {
        while (goesOn()) await order()
      }),
    )
  else {
    const all: Promise<void>[] = []
    while (goesOn()) {
      all.push(order())
      const next = began + (sent * 1000) / rate
      await new Promise((resolve) => setTimeout(resolve, next - performance.now()))
    }
    await Promise.all(all)
  }
  return { ms: performance.now() - began, orders, failed, lastWords }
}

answering(buy)
