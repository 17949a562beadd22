import { randomUUID } from 'node:crypto'
import { startServers, type Servers } from '@halles/servers'
import { eventually, inTime } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { listenTo } from '../test/listener.ts'
import { someAdmin, someone, startOrderService, type Running } from '../test/running.ts'
import { startShelf, type Shelf } from '../test/shelf.ts'

// What was answered 503 or 504 is finished or undone within a minute, and its key tells which: with MongoDB frozen or
// killed in the middle of it.

const BUYERS = 16
/** How long MongoDB stands still, in milliseconds: longer than anyone is let wait for an answer. */
const FROZEN = 17_000
/** The longest that anyone waits for an answer, in milliseconds: 8 s, and what a busy machine takes before those begin. */
const ANSWERED = 16_000
/** The promise of docs/contract.md, in milliseconds. */
const SETTLED = 60_000

let servers: Servers
let shelf: Shelf
let shop: Running
let listener: Awaited<ReturnType<typeof listenTo>>
beforeAll(async () => {
  servers = await startServers({ need: ['mongodb'], ways: ['process'] })
  shelf = await startShelf()
  shop = await startOrderService({ mongodb: servers.mongodb!, kafka: inject('kafka'), product: shelf.address })
  listener = await listenTo(inject('kafka'))
})
afterAll(async () => {
  await Promise.all([shop.close(), listener.close()])
  shelf.stop()
  await servers.stop()
})

/** Orders keep coming, some of them cancelled, while `trouble` runs; then everything is looked at. */
async function orderThrough(trouble: (ordering: () => number) => Promise<void>) {
  const product = shelf.put({ stock: 10_000 })
  const admin = someAdmin()
  const items = [{ productId: product.id, quantity: 2 }]
  const wishes: { person: ReturnType<typeof someone>; key: string; id?: string; cancelled?: boolean }[] = []
  const codes = new Map<string, number>()
  let late = 0
  let lastUnknown = 0
  let ordering = true

  const timed = async <T extends { statusCode: number; json: () => any }>(answering: Promise<T>): Promise<T> => {
    void inTime(ANSWERED, answering).catch(() => late++)
    const answer = await answering
    const code = answer.statusCode < 300 ? 'ok' : (answer.json().code as string)
    codes.set(code, (codes.get(code) ?? 0) + 1)
    if (answer.statusCode >= 500) lastUnknown = Date.now()
    return answer
  }
  const buyers = Array.from({ length: BUYERS }, async (_, n) => {
    while (ordering) {
      const wish: (typeof wishes)[number] = { person: someone(), key: randomUUID() }
      wishes.push(wish)
      const placed = await timed(shop.order(wish.person, items, { key: wish.key }))
      if (placed.statusCode !== 201) continue
      wish.id = placed.json().id
      const status = n % 4 === 0 ? 'Annulée' : 'Confirmée'
      const changed = await timed(shop.request(admin, 'PUT', `/orders/${wish.id}/status`, { status }))
      if (changed.statusCode === 200) wish.cancelled = status === 'Annulée'
    }
  })
  await trouble(() => wishes.length)
  ordering = false
  await Promise.all(buyers)
  // A MongoDB that is back at once may cost nobody an answer: the driver tries again.
  const from = lastUnknown || Date.now()

  const between = { $or: [{ status: { $in: ['Intent', 'Undoing'] } }, { releaseAt: { $exists: true } }, { unsent: { $exists: true } }] } // prettier-ignore
  await eventually(
    'nothing is in between',
    async () => (await shop.stored.countDocuments(between as never)) === 0,
    SETTLED,
  )
  expect(Date.now() - from).toBeLessThan(SETTLED)
  expect(late).toBe(0)
  expect([...codes.keys()].filter((code) => !['ok', 'UNAVAILABLE', 'TIMEOUT'].includes(code))).toEqual([])

  const stored = await shop.stored.find({ 'items.productId': product.id }).toArray()
  expect(stored.filter(({ _id }) => !wishes.some(({ id }) => id === _id)).length).toBeLessThanOrEqual(
    wishes.filter(({ id }) => id === undefined).length,
  )
  const held = stored.filter(({ status }) => status !== 'Annulée').length
  expect(product.stock).toBe(10_000 - 2 * held)

  const keyTells = async ({ person, key, id, cancelled }: (typeof wishes)[number]): Promise<void> => {
    const again = await shop.order(person, items, { key })
    expect(again.statusCode).toBe(201)
    if (id !== undefined) expect(again.json().id).toBe(id)
    if (cancelled !== undefined) expect(again.json().status).toBe(cancelled ? 'Annulée' : 'Confirmée')
    expect(await shop.stored.countDocuments({ userId: person.id })).toBe(1)
  }
  // No more at a time than before: a crowd would be told to come again.
  const untold = [...wishes]
  const tellEach = async (): Promise<void> => {
    for (let wish = untold.pop(); wish; wish = untold.pop()) await keyTells(wish)
  }
  await Promise.all(Array.from({ length: BUYERS }, tellEach))
  for (const { _id, seq } of stored)
    await eventually('its events', () => listener.sequences(_id).join() === [1, 2].slice(0, seq).join())
  return { wishes: wishes.length, codes }
}

describe('orders are finished or undone, and no one waits for long', () => {
  it('while MongoDB is frozen, in the middle of orders', async () => {
    const { codes } = await orderThrough(async (ordered) => {
      await eventually('orders', () => ordered() > 2 * BUYERS)
      await servers.kill('mongodb', 'SIGSTOP')
      await new Promise((resolve) => setTimeout(resolve, FROZEN))
      const before = ordered()
      await servers.kill('mongodb', 'SIGCONT')
      await eventually('orders again', () => ordered() > before + 2 * BUYERS)
    })
    expect(codes.get('TIMEOUT')).toBeGreaterThan(0)
  }, 300_000)

  it('while MongoDB is killed and comes back', async () => {
    const { wishes } = await orderThrough(async (ordered) => {
      await eventually('orders', () => ordered() > 2 * BUYERS)
      await servers.kill('mongodb', 'SIGKILL')
      await servers.restart('mongodb')
      const before = ordered()
      await eventually('orders again', () => ordered() > before + 2 * BUYERS)
    })
    expect(wishes).toBeGreaterThan(4 * BUYERS)
  }, 300_000)
})
