import { startShop, type ProcessName, type Shop as Started } from '@halles/servers/shop'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { eventually } from '@halles/testkit/wait'
import { crowdAt } from './crowd.ts'
import { shopAt, type Shop, type Visitor } from './kit.ts'

// A service of which two processes run, one of them stopped and started at a time: however long it is away, its
// requests wait for nobody. So the gateway has no patience at all here, and the test needs none with a slow machine.

const BUYERS = 8
const more = ['order', 'order-2', 'notification', 'notification-2'] as const satisfies ProcessName[]

let started: Started
let shop: Shop
let admin: Visitor
beforeAll(async () => {
  const gateway = { UPSTREAM_PATIENCE_MS: '0', UPSTREAM_TIMEOUT_MS: '60000' }
  started = await startShop({ instances: { order: 2, notification: 2 }, env: { gateway } })
  const { running } = started
  shop = shopAt({ gateway: running.gateway, mailbox: running.mailbox, admin: running.accounts.admin })
  admin = await shop.admin()
})
afterAll(() => started?.stop())

it('services that are there twice are restarted in turn under load, and no request has to wait for them', async () => {
  const { id } = await shop.product(admin, { stock: 100_000 })
  const people: Visitor[] = []
  while (people.length < BUYERS) people.push(await shop.customer())
  const { seen, buyers, leave } = crowdAt(started.running.gateway, people, [id])
  const peopleBuy = (): Promise<unknown> => {
    const { answered } = seen
    return eventually('people buy', () => seen.answered > answered + 4 * BUYERS)
  }
  try {
    await peopleBuy()
    for (const name of more) {
      const before = started.processes[name]!.pid()
      await started.processes[name]!.restart()
      expect(started.processes[name]!.pid()).not.toBe(before)
      await peopleBuy()
    }
  } finally {
    await leave()
  }
  expect(seen.wrong).toEqual({})
  expect(seen.refused).toBe(0)
  // Each order that was answered is there, and nothing was sold besides.
  const placed = buyers.reduce((sum, buyer) => sum + buyer.placed.length, 0)
  expect(placed).toBeGreaterThan(BUYERS)
  const { body } = await admin.rest('GET', `/products/${id}`)
  expect(body.stock).toBe(100_000 - placed)
}, 600_000)
