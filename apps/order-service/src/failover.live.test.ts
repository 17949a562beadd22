import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { freePort, startServers, type ReplicaSetMember, type Servers } from '@halles/test-servers'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { createAdmin, createPrincipal, type TestPrincipal } from '@halles/test-fixtures/principals'
import { sendRequest, serveJwks, startProcess, type Process } from '@halles/test-fixtures/process'
import { eventually } from '@halles/test-fixtures/wait'
import { MongoClient, type Db } from 'mongodb'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest'
import { startOrderService, type OrderService } from '../test/start-order-service.ts'

// Order-service and product-service on a replica set of three nodes, whose primary steps down, is killed, or answers with
// the errors of an election.

const BUYERS = 12
/** How soon an order is placed after a new primary was elected, in milliseconds. */
const MAX_RECOVERY_TIME = 10_000
/** How soon orders are confirmed or cancelled, by docs/contract.md, in milliseconds. */
const SETTLE_TIMEOUT = 60_000
const STOCK = 100_000

let servers: Servers
let productService: Process
let productDb: Db
let client: MongoClient
let service: OrderService
let product: string
const admin = createAdmin()
const cleanups: (() => unknown)[] = []

beforeAll(async () => {
  servers = await startServers({ need: ['mongodb'], mongodbNodes: 3 })
  cleanups.push(servers.stop)
  const keys = await serveJwks()
  const productDatabase = uniqueDatabaseUrl(servers.mongodb!, 'product')
  const grpcPort = await freePort()
  productService = startProcess(new URL('../../product-service/src/main.ts', import.meta.url), {
    MONGODB_URL: productDatabase,
    GRPC_PORT: String(grpcPort),
    JWKS_URL: keys.url,
    LOG_LEVEL: 'info',
  })
  cleanups.push(keys.close, () => productService.kill())
  client = new MongoClient(productDatabase)
  productDb = client.db()
  cleanups.push(() => client.close())
  await productService.listening
  service = await startOrderService({
    mongodb: servers.mongodb!,
    kafka: inject('kafka'),
    product: `127.0.0.1:${grpcPort}`,
  })
  cleanups.push(() => service.close())
})
afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup()
})
const addProduct = async (): Promise<string> => {
  const input = { name: 'Comté 18 mois', price: 12.9, category: 'Fromagerie', stock: STOCK }
  return (await sendRequest((await productService.listening)!, admin, 'POST', '/products', input))!.body.id
}
beforeEach(async () => {
  product = await addProduct()
})

type Placement = { customer: TestPrincipal; key: string; quantity: number; id?: string; cancelled?: boolean }

const newPlacement = (quantity = 1): Placement => ({ customer: createPrincipal(), key: randomUUID(), quantity })
const place = ({ customer, key, quantity }: Placement) =>
  service.placeOrder(customer, [{ productId: product, quantity }], { key })

type Answer = Awaited<ReturnType<OrderService['request']>>

/** Describes an answer that no election explains; undefined for one that may be. */
function unexpected(answer: Answer): string | undefined {
  if (answer.statusCode < 300) return undefined
  const { code } = answer.json()
  if (code === 'IN_PROGRESS') return undefined
  if (['UNAVAILABLE', 'TIMEOUT'].includes(code) && answer.headers['retry-after'] !== undefined) return undefined
  return `${answer.statusCode} ${answer.body}`
}

/** Repeats a placement until its key gives an order. */
const placeForCertain = async (placement: Placement): Promise<void> =>
  eventually(
    'the key gives an order',
    async () => {
      const answer = await place(placement)
      expect(unexpected(answer)).toBeUndefined()
      if (answer.statusCode !== 201) return false
      if (placement.id !== undefined) expect(answer.json().id).toBe(placement.id)
      placement.id = answer.json().id
      return true
    },
    SETTLE_TIMEOUT,
  ).then(() => {})

/** Waits until no order is pending, and checks that each placement is one order, whose stock is held unless cancelled. */
async function expectOneOrderEach(placements: Placement[]): Promise<void> {
  const unfinished = { $or: [{ status: { $in: ['Pending', 'Cancelling'] } }, { releaseAttemptAt: { $exists: true } }] }
  await eventually(
    'every order is confirmed or cancelled',
    async () => (await service.stored.countDocuments(unfinished as never)) === 0,
    SETTLE_TIMEOUT,
  )
  const stored = await service.stored.find({ 'items.productId': product }).toArray()
  expect(stored.map(({ _id }) => _id).sort()).toEqual(placements.map(({ id }) => id!).sort())
  expect(new Set(stored.map(({ idempotency }) => idempotency?.key))).toEqual(new Set(placements.map(({ key }) => key)))
  const held = stored.filter(({ status }) => status !== 'Annulée')
  const reserved = await productDb
    .collection<{ _id: string }>('reservations')
    .find({ state: 'held', 'items.productId': product })
    .toArray()
  expect(reserved.map(({ _id }) => _id).sort()).toEqual(held.map(({ _id }) => _id).sort())
  const sold = held.reduce((sum, { items }) => sum + items[0]!.quantity, 0)
  const { stock } = (await productDb.collection<{ _id: string; stock: number }>('products').findOne({ _id: product }))!
  expect(stock).toBe(STOCK - sold)
  for (const { id, cancelled } of placements) {
    const { status } = stored.find(({ _id }) => _id === id)!
    if (cancelled) expect(status).toBe('Annulée')
  }
}

describe('order-service while the primary reports an election', () => {
  /** Has these commands of order-service fail with `data` while `work` runs: in `mode`, each or the next few. */
  async function whileCommandsFail<T>(
    failCommands: string[],
    data: object,
    mode: string | { times: number },
    work: () => Promise<T>,
  ): Promise<T> {
    const { address } = await servers.replicaSet!.primary()
    const primary = new MongoClient(`mongodb://${address}/?directConnection=true`)
    const configure = (mode: string | { times: number }) =>
      primary.db('admin').command({
        configureFailPoint: 'failCommand',
        mode,
        data: { failCommands, appName: 'order-service', ...data },
      })
    try {
      await configure(mode)
      return await work()
    } finally {
      await configure('off')
      await primary.close()
    }
  }
  const errors = {
    NotWritablePrimary: { errorCode: 10_107 },
    PrimarySteppedDown: { errorCode: 189 },
    InterruptedDueToReplStateChange: { errorCode: 11_602 },
    InterruptedAtShutdown: { errorCode: 11_600 },
    'write concern error InterruptedDueToReplStateChange': {
      writeConcernError: { code: 11_602, errmsg: 'operation was interrupted' },
    },
    'write concern timeout': { writeConcernError: { code: 64, errmsg: 'waiting for replication timed out' } },
  }

  it('answers 503 or 504 with Retry-After, never 500, and each idempotency key then gives one order', async () => {
    const placements: Placement[] = []
    const other = await addProduct()
    for (const [name, data] of Object.entries(errors))
      await whileCommandsFail(['update'], data, 'alwaysOn', async () => {
        const placement = newPlacement()
        placements.push(placement)
        const [answer, withoutKey] = await Promise.all([
          place(placement),
          service.placeOrder(createPrincipal(), [{ productId: other, quantity: 1 }]),
        ])
        expect([name, withoutKey.json().code]).toEqual([name, expect.stringMatching(/^(UNAVAILABLE|TIMEOUT)$/)])
        expect(withoutKey.headers['retry-after']).toBe('2')
        // With a key, an order that a failed write has placed all the same is found and answered.
        if (answer.statusCode === 201) placement.id = answer.json().id
        else expect([name, answer.statusCode]).toEqual([name, withoutKey.statusCode])
      })
    await Promise.all(placements.map(placeForCertain))
    await expectOneOrderEach(placements)
  })

  it('waits with its start until there is a primary, and logs that', async () => {
    const starting = startProcess(new URL('main.ts', import.meta.url), {
      MONGODB_URL: uniqueDatabaseUrl(servers.mongodb!, 'order'),
      KAFKA_BROKERS: inject('kafka'),
      PRODUCT_GRPC_URL: '127.0.0.1:1',
      JWKS_URL: 'http://127.0.0.1:1/jwks.json',
    })
    onTestFinished(starting.kill)
    const url = await whileCommandsFail(
      ['createIndexes'],
      errors.NotWritablePrimary,
      { times: 2 },
      () => starting.listening,
    )
    expect(url).toBeDefined()
    const warnings = starting.lines.filter((line) => line.includes('MongoDB is not available: trying again'))
    expect(warnings).toHaveLength(2)
  })
})

describe('order-service on a replica set of three nodes', () => {
  it('loses and doubles no order, answers no 500 and sells within 10 s of a new primary when three primaries step down and one is killed', async () => {
    const { replicaSet } = servers
    const placements: Placement[] = []
    const problems: string[] = []
    const placedAt: number[] = []
    let isOrdering = true

    const check = (answer: Answer): Answer => {
      const problem = unexpected(answer)
      if (problem !== undefined) problems.push(problem)
      return answer
    }
    const buyers = Array.from({ length: BUYERS }, async (_, n) => {
      while (isOrdering) {
        const placement = newPlacement(1 + (n % 3))
        placements.push(placement)
        while (isOrdering && placement.id === undefined) {
          const sentAt = Date.now()
          const answer = check(await place(placement))
          if (answer.statusCode === 201) {
            placedAt.push(sentAt)
            placement.id = answer.json().id
          } else await pause(100) // a client that is impatient, but not a flood
        }
        if (placement.id === undefined) continue
        check(await service.request(placement.customer, 'GET', `/orders/${placement.customer.id}/${placement.id}`))
        const status = n % 4 === 0 ? 'Annulée' : 'Confirmée'
        const changed = check(await service.request(admin, 'PUT', `/orders/${placement.id}/status`, { status }))
        if (changed.statusCode === 200) placement.cancelled = status === 'Annulée'
      }
    })
    /** Waits until orders that were sent after the election are placed; returns how long the first one took, in ms. */
    const recoveryTime = async (electedAt: number): Promise<number> => {
      const isPlacedAfter = () => placedAt.filter((sentAt) => sentAt >= electedAt).length >= BUYERS
      const first = eventually('an order is placed', () => placedAt.some((sentAt) => sentAt >= electedAt) && Date.now())
      await eventually('orders are placed again', isPlacedAfter)
      return (await first) - electedAt
    }
    const recoveryTimes: number[] = []
    let killed: ReplicaSetMember | undefined
    try {
      await eventually('orders are placed', () => placedAt.length > 2 * BUYERS)
      for (let i = 0; i < 3; i++) {
        await replicaSet!.stepDown(1)
        recoveryTimes.push(await recoveryTime(Date.now()))
      }
      killed = await replicaSet!.killPrimary()
      await replicaSet!.primary(killed)
      recoveryTimes.push(await recoveryTime(Date.now()))
    } finally {
      isOrdering = false
      await Promise.all(buyers)
    }
    await killed.restart()
    await Promise.all(placements.filter(({ id }) => id === undefined).map(placeForCertain))
    expect(problems).toEqual([])
    for (const ms of recoveryTimes) expect(ms).toBeLessThan(MAX_RECOVERY_TIME)
    await expectOneOrderEach(placements)
    expect(productService.lines.filter((line) => /"msg":"(gRPC call|request) failed"/.test(line))).toEqual([])
  })
})
