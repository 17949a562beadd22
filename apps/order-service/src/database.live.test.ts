import { randomUUID } from 'node:crypto'
import { startServers, type Servers } from '@halles/test-servers'
import { createAdmin, createPrincipal } from '@halles/test-fixtures/principals'
import { eventually, rejectAfter } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { consumeOrderEvents, type OrderEventsConsumer } from '../test/order-events.ts'
import { startOrderService, type OrderService } from '../test/start-order-service.ts'
import { startFakeProductService, type FakeProductService } from '../test/fake-product-service.ts'

// An order whose request was answered 503 or 504 is confirmed or cancelled within a minute, and its idempotency key
// gives the outcome: also when MongoDB is frozen or killed meanwhile.

const BUYERS = 16
/** How long MongoDB is frozen, in milliseconds: longer than any request waits for its answer. */
const FREEZE_DURATION = 17_000
/** The longest that a request may take, in milliseconds: the answer timeout, and the delay of a busy machine. */
const MAX_ANSWER_TIME = 10_000
/** How soon orders are confirmed or cancelled, by docs/contract.md, in milliseconds. */
const SETTLE_TIMEOUT = 60_000

let servers: Servers
let productService: FakeProductService
let service: OrderService
let consumer: OrderEventsConsumer
beforeAll(async () => {
  servers = await startServers({ need: ['mongodb'], ways: ['process'] })
  productService = await startFakeProductService()
  service = await startOrderService({
    mongodb: servers.mongodb!,
    kafka: inject('kafka'),
    product: productService.address,
  })
  consumer = await consumeOrderEvents(inject('kafka'))
})
afterAll(async () => {
  await Promise.all([service.close(), consumer.close()])
  productService.stop()
  await servers.stop()
})

/**
 * Places orders and cancels some of them while `fault` runs, then checks every order, its stock, its key and its
 * events.
 */
async function placeOrdersDuring(fault: (countPlacements: () => number) => Promise<void>) {
  const product = productService.addProduct({ stock: 10_000 })
  const admin = createAdmin()
  const items = [{ productId: product.id, quantity: 2 }]
  const placements: { customer: ReturnType<typeof createPrincipal>; key: string; id?: string; cancelled?: boolean }[] =
    []
  const codes = new Map<string, number>()
  let lateAnswers = 0
  let lastUnknownOutcome = 0
  let isOrdering = true

  const countAnswer = async <T extends { statusCode: number; json: () => any }>(answering: Promise<T>): Promise<T> => {
    void rejectAfter(MAX_ANSWER_TIME, answering).catch(() => lateAnswers++)
    const answer = await answering
    const code = answer.statusCode < 300 ? 'ok' : (answer.json().code as string)
    codes.set(code, (codes.get(code) ?? 0) + 1)
    if (answer.statusCode >= 500) lastUnknownOutcome = Date.now()
    return answer
  }
  const buyers = Array.from({ length: BUYERS }, async (_, n) => {
    while (isOrdering) {
      const placement: (typeof placements)[number] = { customer: createPrincipal(), key: randomUUID() }
      placements.push(placement)
      const placed = await countAnswer(service.placeOrder(placement.customer, items, { key: placement.key }))
      if (placed.statusCode !== 201) continue
      placement.id = placed.json().id
      const status = n % 4 === 0 ? 'Annulée' : 'Confirmée'
      const changed = await countAnswer(service.request(admin, 'PUT', `/orders/${placement.id}/status`, { status }))
      if (changed.statusCode === 200) placement.cancelled = status === 'Annulée'
    }
  })
  await fault(() => placements.length)
  isOrdering = false
  await Promise.all(buyers)
  // If MongoDB is back at once, every request may succeed, because the driver retries.
  const from = lastUnknownOutcome || Date.now()

  const unfinished = { $or: [{ status: { $in: ['Pending', 'Cancelling'] } }, { releaseAttemptAt: { $exists: true } }, { unpublished: { $exists: true } }] } // prettier-ignore
  await eventually(
    'every order is confirmed or cancelled',
    async () => (await service.stored.countDocuments(unfinished as never)) === 0,
    SETTLE_TIMEOUT,
  )
  expect(Date.now() - from).toBeLessThan(SETTLE_TIMEOUT)
  expect(lateAnswers).toBe(0)
  expect([...codes.keys()].filter((code) => !['ok', 'UNAVAILABLE', 'TIMEOUT'].includes(code))).toEqual([])

  const stored = await service.stored.find({ 'items.productId': product.id }).toArray()
  expect(stored.filter(({ _id }) => !placements.some(({ id }) => id === _id)).length).toBeLessThanOrEqual(
    placements.filter(({ id }) => id === undefined).length,
  )
  const held = stored.filter(({ status }) => status !== 'Annulée').length
  expect(product.stock).toBe(10_000 - 2 * held)

  const checkKey = async ({ customer, key, id, cancelled }: (typeof placements)[number]): Promise<void> => {
    const again = await service.placeOrder(customer, items, { key })
    expect(again.statusCode).toBe(201)
    if (id !== undefined) expect(again.json().id).toBe(id)
    if (cancelled !== undefined) expect(again.json().status).toBe(cancelled ? 'Annulée' : 'Confirmée')
    expect(await service.stored.countDocuments({ userId: customer.id })).toBe(1)
  }
  // Not all at once: too many concurrent requests would exceed the answer timeout.
  const unchecked = [...placements]
  const checkKeys = async (): Promise<void> => {
    for (let next = unchecked.pop(); next; next = unchecked.pop()) await checkKey(next)
  }
  await Promise.all(Array.from({ length: BUYERS }, checkKeys))
  for (const { _id, seq } of stored)
    await eventually('its events are consumed', () => consumer.sequences(_id).join() === [1, 2].slice(0, seq).join())
  return { placements: placements.length, codes }
}

describe('order-service confirms or cancels every order, and answers in time', () => {
  it('while MongoDB is frozen', async () => {
    const { codes } = await placeOrdersDuring(async (countPlacements) => {
      await eventually('orders are placed', () => countPlacements() > 2 * BUYERS)
      await servers.kill('mongodb', 'SIGSTOP')
      await new Promise((resolve) => setTimeout(resolve, FREEZE_DURATION))
      const before = countPlacements()
      await servers.kill('mongodb', 'SIGCONT')
      await eventually('orders are placed again', () => countPlacements() > before + 2 * BUYERS)
    })
    expect(codes.get('TIMEOUT')).toBeGreaterThan(0)
  }, 300_000)

  it('and reserves no stock for requests that were answered TIMEOUT while MongoDB was frozen', async () => {
    const product = productService.addProduct({ stock: 8 })
    const placeOne = async () => service.placeOrder(createPrincipal(), [{ productId: product.id, quantity: 1 }])
    expect((await placeOne()).statusCode).toBe(201) // later requests need no new order numbers
    await servers.kill('mongodb', 'SIGSTOP')
    const began = performance.now()
    const durations: number[] = []
    const frozen = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const answer = await placeOne()
        durations.push(performance.now() - began)
        return answer.json().code
      }),
    )
    await servers.kill('mongodb', 'SIGCONT')
    // On a busy machine some learn first that MongoDB is away.
    expect(['TIMEOUT', 'UNAVAILABLE']).toEqual(expect.arrayContaining([...new Set(frozen)]))
    expect(Math.max(...durations)).toBeLessThan(MAX_ANSWER_TIME)

    // The other customers get all that is in stock, at once.
    const after = await Promise.all(Array.from({ length: 7 }, placeOne))
    expect(after.map(({ statusCode }) => statusCode)).toEqual(after.map(() => 201))
    const unfinished = { status: { $in: ['Pending', 'Cancelling'] as const } }
    await eventually(
      'no order is pending',
      async () => (await service.stored.countDocuments(unfinished as never)) === 0,
      SETTLE_TIMEOUT,
    )
    expect(await service.stored.countDocuments({ 'items.productId': product.id })).toBe(8)
    expect(product.stock).toBe(0)
  }, 300_000)

  it('while MongoDB is killed and restarted', async () => {
    const { placements } = await placeOrdersDuring(async (countPlacements) => {
      await eventually('orders are placed', () => countPlacements() > 2 * BUYERS)
      await servers.kill('mongodb', 'SIGKILL')
      await servers.restart('mongodb')
      const before = countPlacements()
      await eventually('orders are placed again', () => countPlacements() > before + 2 * BUYERS)
    })
    expect(placements).toBeGreaterThan(4 * BUYERS)
  }, 300_000)
})
