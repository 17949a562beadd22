import { startShop, type ProcessName, type Shop as Started } from '@halles/dev-shop'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '@halles/test-fixtures/wait'
import { startLoad } from './load.ts'
import { createShopClient, type ShopClient, type ApiClient } from './shop-client.ts'

// Two replicas of every service and of the gateway, restarted one at a time. One is stopped
// as soon as the other is ready, before the gateways have noticed: requests wait until they have, longer on a busy machine.

const BUYERS = 8
const services = ['auth', 'product', 'order', 'notification', 'gateway'] as const
const replicas = services.flatMap((name): ProcessName[] => [name, `${name}-2`])

let started: Started
let shop: ShopClient
let admin: ApiClient
beforeAll(async () => {
  const gateway = { UPSTREAM_PATIENCE_MS: '20000', UPSTREAM_TIMEOUT_MS: '60000' }
  started = await startShop({ instances: 2, env: { gateway } })
  const { running } = started
  shop = createShopClient({ gateway: running.gateway, mailbox: running.mailbox, admin: running.accounts.admin })
  admin = await shop.signInAdmin()
})
afterAll(() => started?.stop())

it('no request fails while the replicas of every service and the gateways are restarted in turn under load', async () => {
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
