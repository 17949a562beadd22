import { createLogger, type Logger } from '@halles/telemetry/log'
import { createMetrics } from '@halles/telemetry/metrics'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { eventually } from '@halles/test-fixtures/wait'
import { afterEach, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest'
import { createStockFixture, type StockFixture } from '../../test/stock-fixture.ts'
import { createStockMetrics } from './metrics.ts'
import { newId } from '@halles/mongo/ids'
import { createStockReconciliation, startStockReconciliation, type StockDifference } from './stock-reconciliation.ts'

let fixture: StockFixture
beforeEach(async () => {
  fixture = await createStockFixture(uniqueDatabaseUrl(inject('mongodb'), 'reconciliation'))
})
afterEach(async () => {
  await fixture.db.dropDatabase()
  await fixture.close()
})

const changeStock = (id: string, by: number) =>
  fixture.db.collection<{ _id: string }>('products').updateOne({ _id: id }, { $inc: { stock: by } })

const HOUR = 3_600_000

/** Creates one instance that reconciles whenever it is asked to. `clock.offset` is added to the time, in milliseconds. */
async function createInstance({
  clock = { offset: 0 },
  ...options
}: { clock?: { offset: number }; settleAfter?: number } = {}) {
  const now = () => new Date(Date.now() + clock.offset)
  const { run } = await createStockReconciliation(fixture.mongo, { now, interval: 0, maxDuty: 1, ...options })
  /** Waits until a reconciliation is due again, and returns its result. */
  const reconcile = async () => {
    const before = (await readState())?.['result']?.at.getTime()
    const result = await eventually('a reconciliation has ended', async () => {
      const found = await run()
      return found && found.at.getTime() !== before && found
    })
    return { count: result.count, products: result.products }
  }
  return { run, reconcile }
}
const readState = () => fixture.db.collection('stockReconciliation').findOne()
const clean = { count: 0, products: [] }

describe('stock reconciliation', () => {
  it('finds no difference at any moment while stock is reserved, released and adjusted concurrently', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => fixture.addProduct({ stock: 1000 })))
    const randomId = (): string => ids[Math.floor(Math.random() * ids.length)]!
    let isRunning = true
    const runWorker = async (n: number): Promise<void> => {
      for (let i = 0; isRunning; i++) {
        const orderId = `${n}.${i}`
        const { outcome } = await fixture.reserve([[randomId(), 1], [randomId(), 2]], orderId) // prettier-ignore
        if (outcome === 'held' && i % 3 === 0) await fixture.release(orderId)
        if (i % 10 === 0)
          await fixture.products.adjustStock(randomId(), 5, { reason: 'delivery', by: 'test', at: new Date() })
      }
    }
    const clock = { offset: 0 }
    const { reconcile } = await createInstance({ clock })
    const workers = Promise.all(Array.from({ length: 8 }, (_, n) => runWorker(n)))
    const results = []
    const orders = fixture.db.collection('reservations')
    while (results.length < 20 || (await orders.countDocuments()) < 100) results.push(await reconcile())
    isRunning = false
    await workers
    clock.offset = HOUR // all of that is settled now
    results.push(await reconcile(), await reconcile())
    expect(results.filter(({ count }) => count > 0)).toEqual([])
  })

  it('names products with too much or too little stock, and a movement without a product', async () => {
    const [more, less] = [await fixture.addProduct({ stock: 5 }), await fixture.addProduct({ stock: 5 })]
    await fixture.reserve([[less, 2]])
    await changeStock(more, 1)
    await changeStock(less, -3)
    await fixture.db
      .collection<{ _id: string }>('movements')
      .insertOne({ _id: 'stray', productId: 'unknown', delta: 7, at: new Date() } as never)
    const clock = { offset: 0 }
    const { reconcile } = await createInstance({ clock })
    for (const offset of [0, HOUR]) {
      clock.offset = offset
      const { count, products } = await reconcile()
      expect(count).toBe(3)
      expect(new Set(products)).toEqual(
        new Set([{ productId: more, by: 1 }, { productId: less, by: -3 }, { productId: 'unknown', by: -7 }]), // prettier-ignore
      )
    }
  })

  it('reads what has changed since the last one, and the whole ledger once a day', async () => {
    const id = await fixture.addProduct({ stock: 50 })
    const [old, released] = [newId(), newId()]
    await fixture.reserve([[id, 2]], old)
    await fixture.reserve([[id, 3]], released)
    const clock = { offset: 0 }
    const { reconcile } = await createInstance({ clock, settleAfter: 0 }) // nothing changes while it reconciles
    expect(await reconcile()).toEqual(clean)
    await fixture.release(released) // its reservation is settled, its release is not
    expect(await reconcile()).toEqual(clean)
    await fixture.db.collection<{ _id: string }>('reservations').deleteOne({ _id: old })
    expect(await reconcile()).toEqual(clean)
    await changeStock(id, 4)
    expect(await reconcile()).toEqual({ count: 1, products: [{ productId: id, by: 4 }] })
    clock.offset = 27 * HOUR
    expect(await reconcile()).toEqual({ count: 1, products: [{ productId: id, by: 2 }] })
  })

  it('sums up a ledger of several batches', async () => {
    const id = await fixture.addProduct({ stock: 10_000 })
    const at = new Date()
    const entry = (n: number) => ({ _id: `order ${n}`, state: 'held', items: [{ productId: id, quantity: 1 }], at })
    const reservations = fixture.db.collection<{ _id: string }>('reservations')
    await reservations.insertMany(Array.from({ length: 4500 }, (_, n) => entry(n)))
    await changeStock(id, -4500)
    const { reconcile } = await createInstance({ clock: { offset: HOUR } })
    expect(await reconcile()).toEqual(clean)
    expect(await fixture.db.collection('settledStock').find().project({ _id: 0, sum: 1 }).toArray()).toEqual([
      { sum: 5500 },
    ])
  })

  it('is done by one instance at a time, and by another when that one has died', async () => {
    await fixture.addProduct({ stock: 5 })
    const clock = { offset: 0 }
    const instances = await Promise.all(Array.from({ length: 3 }, () => createInstance({ clock })))
    const states = fixture.db.collection('stockReconciliation')
    const leaseUntil = new Date(Date.now() + HOUR)
    await states.updateOne({}, { $set: { leasedBy: 'an instance that dies', leaseUntil } })
    expect(await Promise.all(instances.map(({ run }) => run()))).toEqual([undefined, undefined, undefined])
    clock.offset = 2 * HOUR
    const results = await Promise.all(instances.map(({ run }) => run()))
    const ended = results.filter((result) => result !== undefined)
    expect(ended.length).toBeGreaterThan(0)
    expect(ended[0]).toMatchObject(clean)
    expect(await readState()).not.toHaveProperty('leasedBy')
  })

  it('sets a gauge to the number of differing products, and logs them as an error', async () => {
    const id = await fixture.addProduct({ stock: 5 })
    const metrics = createMetrics('test')
    const { reconciled } = createStockMetrics(metrics)
    const errors: StockDifference[][] = []
    const log = {
      ...createLogger('test', 'silent'),
      error: ({ products }: { products: StockDifference[] }) => void errors.push(products),
    } as unknown as Logger
    const reconciliation = await createInstance()
    onTestFinished(startStockReconciliation({ reconciliation, onResult: reconciled, log, interval: 20 }))
    const readGauge = async () =>
      /^stock_inconsistent_products\{[^}]*\} (\S+)$/m.exec(await metrics.registry.metrics())?.[1]
    const hasRun = async () =>
      Number(
        /^stock_reconciliation_last_success_timestamp_seconds\{[^}]*\} (\S+)$/m.exec(
          await metrics.registry.metrics(),
        )?.[1],
      ) > 0

    await eventually('the first reconciliation has finished', hasRun)
    expect(await readGauge()).toBe('0')
    expect(errors).toEqual([])
    await changeStock(id, 2)
    await eventually('the gauge is 1', async () => (await readGauge()) === '1')
    await eventually('the difference is logged', () => errors.length > 0)
    expect(errors[0]).toEqual([{ productId: id, by: 2 }])
    await changeStock(id, -2)
    await eventually('the gauge is 0 again', async () => (await readGauge()) === '0')
  })
})
