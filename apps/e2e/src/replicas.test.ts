import { startShop, type ProcessName, type Shop as Started } from '@halles/dev-shop'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '@halles/test-fixtures/wait'
import { startLoad } from './load.ts'
import { createShopClient, type ShopClient, type ApiClient } from './shop-client.ts'

// Two replicas of a service, restarted one at a time. Requests never wait for the one that is down, so the gateway has no
// grace period here, and the test does not depend on how fast a replica starts.

const BUYERS = 8
const replicas = ['order', 'order-2', 'notification', 'notification-2'] as const satisfies ProcessName[]

let started: Started
let shop: ShopClient
let admin: ApiClient
beforeAll(async () => {
  const gateway = { UPSTREAM_PATIENCE_MS: '0', UPSTREAM_TIMEOUT_MS: '60000' }
  started = await startShop({ instances: { order: 2, notification: 2 }, env: { gateway } })
  const { running } = started
  shop = createShopClient({ gateway: running.gateway, mailbox: running.mailbox, admin: running.accounts.admin })
  admin = await shop.signInAdmin()
})
afterAll(() => started?.stop())

it('no request waits or fails while the replicas of a service are restarted in turn under load', async () => {
  const { id } = await shop.createProduct(admin, { stock: 100_000 })
  const customers: ApiClient[] = []
  while (customers.length < BUYERS) customers.push(await shop.createCustomer())
  const { report, buyers, stop } = startLoad(started.running.gateway, customers, [id])
  const waitForProgress = (): Promise<unknown> => {
    const { responses } = report
    return eventually('the load makes progress', () => report.responses > responses + 4 * BUYERS)
  }
  try {
    await waitForProgress()
    for (const name of replicas) {
      const oldPid = started.processes[name]!.pid()
      await started.processes[name]!.restart()
      expect(started.processes[name]!.pid()).not.toBe(oldPid)
      await waitForProgress()
    }
  } finally {
    await stop()
  }
  expect(report.failures).toEqual({})
  expect(report.connectionsRefused).toBe(0)
  // The stock has decreased by exactly the orders that were answered.
  const placed = buyers.reduce((sum, buyer) => sum + buyer.placed.length, 0)
  expect(placed).toBeGreaterThan(BUYERS)
  const { body } = await admin.rest('GET', `/products/${id}`)
  expect(body.stock).toBe(100_000 - placed)
}, 600_000)
