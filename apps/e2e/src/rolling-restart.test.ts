import { readFileSync } from 'node:fs'
import path from 'node:path'
import { startShop, type Shop as Started } from '@halles/servers/shop'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { crowdAt, type Buyer, type Seen } from './crowd.ts'
import { shopAt, type Shop, type Visitor } from './kit.ts'

// A shop of its own, whose services stop and start while people buy.

const BUYERS = 24
const PRODUCTS = 8
const STOCK = 10_000

/**
 * A machine that runs all tests at once starts a service in 10 s and more, instead of one or two: the gateway waits for it
 * for longer here than it does by default.
 */
const patience = { UPSTREAM_PATIENCE_MS: '40000', UPSTREAM_TIMEOUT_MS: '50000' }

/** How long order-service waits for product-service (packages/service/src/grpc.ts), in milliseconds. */
const ORDER_WAITS = 5000

/** How long a service may take to stop, in milliseconds; it would be killed then. */
const STOP_WITHIN = 10_000

let started: Started
let shop: Shop
let admin: Visitor
beforeAll(async () => {
  started = await startShop({ env: { gateway: patience } })
  const { gateway, mailbox, accounts } = started.running
  shop = shopAt({ gateway, mailbox, admin: accounts.admin })
  admin = await shop.admin()
})
afterAll(() => started?.stop())

type Name = 'auth' | 'product' | 'order' | 'notification' | 'gateway'

/** How often a service has said that it stopped as it should, which is the last thing before it ends with 0. */
function stops(name: Name): number {
  const app = name === 'gateway' ? name : `${name}-service`
  const log = readFileSync(path.join(started.logs, `${app}.log`), 'utf8')
  expect(log).not.toContain('"level":"fatal"')
  return log.match(/"msg":"stopped"/g)?.length ?? 0
}

/** Stops a service by SIGTERM and starts it again; gives back how long it was not there, in milliseconds. */
async function restart(name: Name): Promise<number> {
  const process = started.processes[name]
  const before = stops(name)
  const began = performance.now()
  await process.kill('SIGTERM')
  await eventually(`${name} has stopped`, () => process.pid() === undefined, STOP_WITHIN)
  expect(stops(name)).toBe(before + 1)
  await process.restart()
  return performance.now() - began
}

async function crowd() {
  const products = await Promise.all(Array.from({ length: PRODUCTS }, () => shop.product(admin, { stock: STOCK })))
  const people: Visitor[] = []
  while (people.length < BUYERS) people.push(await shop.customer()) // one by one: hashing passwords at once is throttled
  const ids = products.map(({ id }) => id)
  return { ids, ...crowdAt(started.running.gateway, people, ids) }
}

/** Everyone has the orders that were answered, and no others; what was sold is gone from the shelves. */
async function everythingAddsUp(buyers: readonly Buyer[], ids: readonly string[]): Promise<void> {
  for (const { id, placed } of buyers) expect(new Set(await ordersOf(id))).toEqual(new Set(placed))
  const placed = buyers.reduce((sum, buyer) => sum + buyer.placed.length, 0)
  const sold = async (): Promise<number> => {
    const stocks = await Promise.all(ids.map(async (id) => (await admin.rest('GET', `/products/${id}`)).body.stock))
    return stocks.reduce((sum: number, stock: number) => sum + STOCK - stock, 0)
  }
  // What was held for an order that was refused is given back within a minute.
  await eventually('as much is sold as was ordered', async () => (await sold()) === placed)
}

async function ordersOf(userId: string): Promise<string[]> {
  const found: string[] = []
  let after = ''
  for (;;) {
    const { body } = await admin.rest('GET', `/orders/${userId}?first=100${after}`)
    found.push(...body.items.map(({ id }: { id: string }) => id))
    if (!body.pageInfo.hasNextPage) return found
    after = `&after=${encodeURIComponent(body.pageInfo.endCursor)}`
  }
}

const peopleBuy = (seen: Seen): Promise<unknown> => {
  const { answered } = seen
  return eventually('people buy', () => seen.answered > answered + 4 * BUYERS)
}

it('every service is restarted twice under load: no request fails, no order is lost', async () => {
  const { ids, buyers, seen, leave } = await crowd()
  let productAway = 0
  for (let round = 0; round < 2; round++)
    for (const name of ['auth', 'product', 'order', 'notification'] as const) {
      await peopleBuy(seen)
      const away = await restart(name)
      if (name === 'product') productAway = Math.max(productAway, away)
    }
  await peopleBuy(seen)
  await leave()
  const wrong = Object.keys(seen.wrong)
  // Where that took longer than order-service waits, orders are refused, as they should be: nothing else is.
  const excused = productAway > ORDER_WAITS ? /^order by \w+: \d+ (UNAVAILABLE|TIMEOUT)$/ : /^$/
  expect(wrong.filter((what) => !excused.test(what))).toEqual([])
  expect(seen.refused).toBe(0)
  await everythingAddsUp(buyers, ids)
}, 300_000)

it('the gateway is restarted twice under load: what it took, it answers', async () => {
  const { ids, buyers, seen, leave } = await crowd()
  for (let round = 0; round < 2; round++) {
    await peopleBuy(seen)
    await restart('gateway')
  }
  await peopleBuy(seen)
  await leave()
  expect(seen.wrong).toEqual({})
  expect(seen.refused).toBeGreaterThan(0)
  await everythingAddsUp(buyers, ids)
}, 180_000)
