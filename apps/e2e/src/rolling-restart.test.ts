import { readFileSync } from 'node:fs'
import path from 'node:path'
import { startShop, type Shop as Started } from '@halles/dev-shop'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startLoad, type Buyer, type LoadReport } from './load.ts'
import { createShopClient, type ShopClient, type ApiClient } from './shop-client.ts'

// Restarts the services of a shop of its own under load.

const BUYERS = 24
const PRODUCTS = 8
const STOCK = 10_000

/**
 * Starting a service takes 10 s and more on a machine that runs all tests at once, instead of one or two. So the gateway
 * waits longer for it here than by default.
 */
const gatewayEnv = { UPSTREAM_PATIENCE_MS: '40000', UPSTREAM_TIMEOUT_MS: '50000' }

/** How long order-service retries calls of product-service (packages/grpc/src/grpc.ts), in milliseconds. */
const ORDER_RETRY_TIME = 5000

/** How long a service may take to stop before it is killed, in milliseconds. */
const STOP_TIMEOUT = 10_000

let started: Started
let shop: ShopClient
let admin: ApiClient
beforeAll(async () => {
  started = await startShop({ env: { gateway: gatewayEnv } })
  const { gateway, mailbox, accounts } = started.running
  shop = createShopClient({ gateway, mailbox, admin: accounts.admin })
  admin = await shop.signInAdmin()
})
afterAll(() => started?.stop())

type ServiceName = 'auth' | 'product' | 'order' | 'notification' | 'gateway'

/** Counts the graceful shutdowns in the log of a service: `shut down` is its last message before it exits with 0. */
function countShutdowns(name: ServiceName): number {
  const app = name === 'gateway' ? name : `${name}-service`
  const log = readFileSync(path.join(started.logs, `${app}.log`), 'utf8')
  expect(log).not.toContain('"level":"fatal"')
  return log.match(/"msg":"shut down"/g)?.length ?? 0
}

/** Stops a service by SIGTERM and starts it again. Returns how long it was down, in milliseconds. */
async function restart(name: ServiceName): Promise<number> {
  const process = started.processes[name]
  const shutdowns = countShutdowns(name)
  const startedAt = performance.now()
  await process.kill('SIGTERM')
  await eventually(`${name} has stopped`, () => process.pid() === undefined, STOP_TIMEOUT)
  expect(countShutdowns(name)).toBe(shutdowns + 1)
  await process.restart()
  return performance.now() - startedAt
}

async function startShopLoad() {
  const products = await Promise.all(
    Array.from({ length: PRODUCTS }, () => shop.createProduct(admin, { stock: STOCK })),
  )
  const customers: ApiClient[] = []
  while (customers.length < BUYERS) customers.push(await shop.createCustomer()) // one by one, since concurrent password hashing is limited
  const ids = products.map(({ id }) => id)
  return { ids, ...startLoad(started.running.gateway, customers, ids) }
}

/** Asserts that every buyer has exactly the orders that were answered, and that the stock has decreased by as much. */
async function expectConsistentOrders(buyers: readonly Buyer[], ids: readonly string[]): Promise<void> {
  for (const { id, placed } of buyers) expect(new Set(await findOrderIds(id))).toEqual(new Set(placed))
  const placed = buyers.reduce((sum, buyer) => sum + buyer.placed.length, 0)
  const countSold = async (): Promise<number> => {
    const stocks = await Promise.all(ids.map(async (id) => (await admin.rest('GET', `/products/${id}`)).body.stock))
    return stocks.reduce((sum: number, stock: number) => sum + STOCK - stock, 0)
  }
  // The reservation of an order that was refused is released within a minute.
  await eventually('the stock has decreased by what was ordered', async () => (await countSold()) === placed)
}

async function findOrderIds(userId: string): Promise<string[]> {
  const ids: string[] = []
  let after = ''
  for (;;) {
    const { body } = await admin.rest('GET', `/orders/${userId}?first=100${after}`)
    ids.push(...body.items.map(({ id }: { id: string }) => id))
    if (!body.pageInfo.hasNextPage) return ids
    after = `&after=${encodeURIComponent(body.pageInfo.endCursor)}`
  }
}

const waitForProgress = (report: LoadReport): Promise<unknown> => {
  const { responses } = report
  return eventually('the load makes progress', () => report.responses > responses + 4 * BUYERS)
}

it('no request fails and no order is lost while every service is restarted twice under load', async () => {
  const { ids, buyers, report, stop } = await startShopLoad()
  let productDowntime = 0
  for (let round = 0; round < 2; round++)
    for (const name of ['auth', 'product', 'order', 'notification'] as const) {
      await waitForProgress(report)
      const downtime = await restart(name)
      if (name === 'product') productDowntime = Math.max(productDowntime, downtime)
    }
  await waitForProgress(report)
  await stop()
  const failures = Object.keys(report.failures)
  // If product-service was down for longer than order-service retries, orders may be refused, but nothing else.
  const expected = productDowntime > ORDER_RETRY_TIME ? /^order by \w+: \d+ (UNAVAILABLE|TIMEOUT)$/ : /^$/
  expect(failures.filter((failure) => !expected.test(failure))).toEqual([])
  expect(report.connectionsRefused).toBe(0)
  await expectConsistentOrders(buyers, ids)
}, 300_000)

it('the gateway answers every request that it accepted while it is restarted twice under load', async () => {
  const { ids, buyers, report, stop } = await startShopLoad()
  for (let round = 0; round < 2; round++) {
    await waitForProgress(report)
    await restart('gateway')
  }
  await waitForProgress(report)
  await stop()
  expect(report.failures).toEqual({})
  expect(report.connectionsRefused).toBeGreaterThan(0)
  await expectConsistentOrders(buyers, ids)
}, 180_000)
