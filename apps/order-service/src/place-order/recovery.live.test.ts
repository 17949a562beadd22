import { randomUUID } from 'node:crypto'
import { createLogger } from '@halles/telemetry/log'
import { createPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { startFakeProductService, type FakeProductService } from '../../test/fake-product-service.ts'
import { openStores, type Stores } from '../../test/stores.ts'
import { WORKER_DELAY } from '../order.ts'
import { placeOrder, type PlaceOrderDeps } from './place-order.ts'
import { createRecovery, type RecoveryDeps } from './recovery.ts'
import { createStockClient, type StockClient } from './stock-client.ts'

let productService: FakeProductService
let stock: StockClient
let stores: Stores
beforeAll(async () => {
  productService = await startFakeProductService()
  stock = createStockClient(productService.address)
  stores = await openStores(inject('mongodb'))
})
afterAll(async () => {
  stock.close()
  productService.stop()
  await stores.close()
})

const log = createLogger('test', 'silent')
const never = new Promise<never>(() => {})

/**
 * Creates deps of placeOrder with the real stores and stock client. A failed step is not cancelled, as after a crash.
 */
const createDeps = (replaced: Partial<PlaceOrderDeps> = {}): PlaceOrderDeps => ({
  admit: (task) => task(),
  metrics: { countOutcome: (placing) => placing },
  stock,
  takeNumber: stores.takeNumber,
  pendingOrders: stores.pendingOrders,
  recovery: { cancel: () => never },
  outbox: { enqueueCreated: () => {} },
  now: stores.now,
  ...replaced,
})

/** Starts recovery with a clock that is `offset` milliseconds ahead. */
async function startRecovery({
  offset = WORKER_DELAY + 1000,
  ...replaced
}: { offset?: number } & Partial<RecoveryDeps> = {}) {
  stores.clock.offset = offset
  const recovery = createRecovery({ ...stores, stock, log, pollInterval: 30, ...replaced })
  onTestFinished(async () => {
    stores.clock.offset = 0
    await recovery.stop()
  })
}

/** The awaited steps of placing an order, in order. */
const steps = ['check', 'takeNumber', 'create', 'reserve', 'confirm'] as const
type Step = (typeof steps)[number]

/**
 * Creates deps with which placeOrder never continues before, or after, a step; `crashed` resolves when it gets there.
 */
function createCrashingDeps(step: Step, when: 'before' | 'after') {
  const { promise, resolve } = Promise.withResolvers<void>()
  const crashing =
    <A extends unknown[], R>(name: Step, work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      if (name !== step) return work(...args)
      if (when === 'after') await work(...args)
      resolve()
      return never
    }
  const { pendingOrders, takeNumber } = stores
  const deps = createDeps({
    stock: { check: crashing('check', stock.check), reserve: crashing('reserve', stock.reserve) },
    takeNumber: crashing('takeNumber', takeNumber),
    pendingOrders: {
      ...pendingOrders,
      create: crashing('create', pendingOrders.create),
      confirm: crashing('confirm', pendingOrders.confirm),
    },
  })
  return { deps, crashed: promise }
}

describe('recovery after a crash while an order is placed', () => {
  const moments = steps.flatMap((step) => [['before', step] as const, ['after', step] as const])

  it.each(moments)(
    '%s the step %s leaves an order or nothing, and the idempotency key gives it',
    async (when, step) => {
      const customer = createPrincipal()
      const product = productService.addProduct({ stock: 5 })
      const input = { items: [{ productId: product.id, quantity: 2 }] }
      const key = randomUUID()
      const { deps, crashed } = createCrashingDeps(step, when)
      void placeOrder(deps, customer, input, key)
      await crashed

      await startRecovery()
      const own = { userId: customer.id }
      await eventually(
        'no order is pending',
        async () =>
          (await stores.collection.countDocuments({ ...own, status: { $in: ['Pending', 'Cancelling'] } })) === 0,
      )
      const placed = when === 'after' && step === 'confirm'
      expect(await stores.collection.countDocuments(own)).toBe(placed ? 1 : 0)
      expect(product.stock).toBe(placed ? 3 : 5)

      const { order, replayed } = await placeOrder(createDeps(), customer, input, key)
      expect(replayed).toBe(placed)
      expect(order.status).toBe('Reçue')
      expect(product.stock).toBe(3)
      expect(await stores.collection.countDocuments(own)).toBe(1)
    },
  )

  it('counts from the insert of a pending order, however long that waited for MongoDB', async () => {
    const customer = createPrincipal()
    const product = productService.addProduct({ stock: 5 })
    const [inserting, waited] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const deps = createDeps({
      pendingOrders: {
        ...stores.pendingOrders,
        create: (order, idempotency) => {
          const creating = stores.pendingOrders.create(order, idempotency) // its batch has not begun
          stores.clock.offset = WORKER_DELAY + 1000
          inserting.resolve()
          return creating
        },
        confirm: async (id) => {
          await waited.promise
          return stores.pendingOrders.confirm(id)
        },
      },
    })
    const placing = placeOrder(deps, customer, { items: [{ productId: product.id, quantity: 1 }] })
    await inserting.promise
    let polls = 0
    const { pendingOrders } = stores
    const counted = { ...pendingOrders, cancelExpired: async () => (polls++, pendingOrders.cancelExpired()) }
    await startRecovery({ offset: WORKER_DELAY + 1000, pendingOrders: counted })
    await eventually('its stock is reserved', () => product.stock === 4)
    const before = polls
    await eventually('recovery has polled twice', () => polls >= before + 2)
    waited.resolve()
    expect((await placing).order.status).toBe('Reçue')
  })

  it('leaves a pending order alone that may still be confirmed in time', async () => {
    const customer = createPrincipal()
    const product = productService.addProduct({ stock: 5 })
    const { deps, crashed } = createCrashingDeps('reserve', 'after')
    void placeOrder(deps, customer, { items: [{ productId: product.id, quantity: 1 }] })
    await crashed
    let polls = 0
    const { pendingOrders } = stores
    const counted = { ...pendingOrders, cancelExpired: async () => (polls++, pendingOrders.cancelExpired()) }
    await startRecovery({ offset: WORKER_DELAY - 10_000, pendingOrders: counted })
    await eventually('recovery has polled three times', () => polls >= 3)
    expect(await stores.collection.findOne({ userId: customer.id })).toMatchObject({ status: 'Pending' })
  })
})

describe('a process that resumes after recovery', () => {
  it.each(['before', 'after'] as const)('confirms nothing: paused %s reserving stock', async (when) => {
    const customer = createPrincipal()
    const product = productService.addProduct({ stock: 5 })
    const [paused, resumed] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const deps = createDeps({
      stock: {
        check: stock.check,
        reserve: async (order) => {
          const reservation = when === 'after' ? await stock.reserve(order) : undefined
          paused.resolve()
          await resumed.promise
          return reservation ?? stock.reserve(order)
        },
      },
    })
    const placing = placeOrder(deps, customer, { items: [{ productId: product.id, quantity: 2 }] })
    const error = placing.then(
      () => undefined,
      (error: unknown) => error,
    )
    await paused.promise
    await startRecovery()
    await eventually(
      'the pending order is removed',
      async () => !(await stores.collection.findOne({ userId: customer.id })),
    )
    resumed.resolve()
    expect(await error).toMatchObject({ code: 'UNAVAILABLE' })
    expect(await stores.collection.findOne({ userId: customer.id })).toBeNull()
    expect(product.stock).toBe(5)
  })

  it('confirms nothing while its pending order is being cancelled', async () => {
    const customer = createPrincipal()
    const product = productService.addProduct({ stock: 5 })
    const { deps, crashed } = createCrashingDeps('confirm', 'before')
    void placeOrder(deps, customer, { items: [{ productId: product.id, quantity: 2 }] })
    await crashed
    const { _id } = (await stores.collection.findOne({ userId: customer.id }))!
    const { promise, resolve } = Promise.withResolvers<void>()
    await startRecovery({ stock: { release: () => promise } })
    onTestFinished(() => resolve())
    await eventually('it is being cancelled', () => stores.collection.findOne({ _id, status: 'Cancelling' }))
    expect(await stores.pendingOrders.confirm(_id)).toBe(false)
  })
})

describe('recovery releases the stock of cancelled orders', () => {
  /** Places an order and cancels it; `released` gives the order once its release is recorded. */
  async function createCancelledOrder() {
    const product = productService.addProduct({ stock: 5 })
    const { order } = await placeOrder(createDeps(), createPrincipal(), {
      items: [{ productId: product.id, quantity: 2 }],
    })
    await stores.orders.changeStatus(order, 'Annulée', { at: stores.now(), by: 'admin' })
    const released = () => stores.collection.findOne({ _id: order._id, releaseAttemptAt: { $exists: false } })
    return { product, order, released }
  }

  it('once, however many instances run', async () => {
    const { product, order, released } = await createCancelledOrder()
    await Promise.all(Array.from({ length: 4 }, () => startRecovery({ offset: 1000 })))
    await eventually('the stock is released', released)
    expect(product.stock).toBe(5)
    expect(await stores.orders.find({ _id: order._id })).toMatchObject({ status: 'Annulée' })
  })

  it('64 at a time when there are many', async () => {
    const orders = await Promise.all(Array.from({ length: 150 }, createCancelledOrder))
    const release: StockClient['release'] = async (id) => {
      maxInFlight = Math.max(maxInFlight, ++inFlight)
      try {
        await stock.release(id)
      } finally {
        inFlight--
      }
    }
    let inFlight = 0
    let maxInFlight = 0
    await startRecovery({ offset: 1000, stock: { release } })
    for (const { released } of orders) await eventually('the stock is released', released)
    for (const { product } of orders) expect(product.stock).toBe(5)
    expect(maxInFlight).toBe(64)
  })

  it('though the release of another order fails', async () => {
    const [failing, other] = [await createCancelledOrder(), await createCancelledOrder()]
    const release: StockClient['release'] = async (id) => {
      if (id === failing.order._id) throw new Error('a bug')
      await stock.release(id)
    }
    await startRecovery({ offset: 1000, stock: { release } })
    await eventually('the stock of the other is released', other.released)
    expect(await failing.released()).toBeNull()
    await stores.collection.deleteOne({ _id: failing.order._id })
  })

  it('after product-service was down', async () => {
    const { product, released } = await createCancelledOrder()
    let attempts = 0
    productService.faults.before = (method) => {
      if (method === 'releaseStock' && ++attempts <= 2) throw new Error('down')
    }
    const { clock } = stores
    await startRecovery({ offset: 1000 })
    await eventually('the stock is released', () => {
      clock.offset += 5000 // the lease of the failed attempt expires
      return released()
    })
    delete productService.faults.before
    expect(attempts).toBeGreaterThan(2)
    expect(product.stock).toBe(5)
  })

  it('once, though recording the release failed', async () => {
    const { product, released } = await createCancelledOrder()
    const { pendingReleases, clock } = stores
    let writes = 0
    const failingOnce = {
      ...pendingReleases,
      markReleased: async (ids: string[]) => {
        if (++writes === 1) throw new Error('not recorded')
        await pendingReleases.markReleased(ids)
      },
    }
    await startRecovery({ offset: 1000, pendingReleases: failingOnce })
    await eventually('the release is recorded', () => {
      clock.offset += 5000
      return released()
    })
    expect(product.stock).toBe(5)
  })
})
