import { createLogger, type Logger } from '@halles/telemetry/log'
import { createMetrics } from '@halles/telemetry/metrics'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { createStockFixture, type StockFixture } from '../../test/stock-fixture.ts'
import { createStockMetrics } from './metrics.ts'
import { findStockDifferences, startStockReconciliation, type StockDifference } from './stock-reconciliation.ts'

let fixture: StockFixture
beforeAll(async () => {
  fixture = await createStockFixture(uniqueDatabaseUrl(inject('mongodb'), 'reconciliation'))
})
afterAll(() => fixture.close())

const changeStock = (id: string, by: number) =>
  fixture.db.collection<{ _id: string }>('products').updateOne({ _id: id }, { $inc: { stock: by } })

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
    const workers = Promise.all(Array.from({ length: 8 }, (_, n) => runWorker(n)))
    const results = []
    const orders = fixture.db.collection('reservations')
    while (results.length < 20 || (await orders.countDocuments()) < 100)
      results.push(await findStockDifferences(fixture.db))
    isRunning = false
    await workers
    expect(results.filter(({ count }) => count > 0)).toEqual([])
  })

  it('names products with too much or too little stock, and a movement without a product', async () => {
    const [more, less] = [await fixture.addProduct({ stock: 5 }), await fixture.addProduct({ stock: 5 })]
    await fixture.reserve([[less, 2]])
    await changeStock(more, 1)
    await changeStock(less, -3)
    await fixture.db
      .collection<{ _id: string }>('movements')
      .insertOne({ _id: 'stray', productId: 'unknown', delta: 7 } as never)
    onTestFinished(async () => {
      await changeStock(more, -1)
      await changeStock(less, 3)
      await fixture.db.collection<{ _id: string }>('movements').deleteOne({ _id: 'stray' })
    })
    const { count, products } = await findStockDifferences(fixture.db)
    expect(count).toBe(3)
    expect(new Set(products)).toEqual(
      new Set([{ productId: more, by: 1 }, { productId: less, by: -3 }, { productId: 'unknown', by: -7 }]), // prettier-ignore
    )
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
    const findDifferences = () => findStockDifferences(fixture.db)
    onTestFinished(startStockReconciliation({ findDifferences, onResult: reconciled, log, interval: 20 }))
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

  it('takes a small part of the time, however slow the query is', async () => {
    let runs = 0
    const startedAt = performance.now()
    const findDifferences = () => new Promise<never>((_, reject) => setTimeout(reject, 20, new Error(`slow ${++runs}`)))
    const log = createLogger('test', 'silent')
    const stop = startStockReconciliation({ findDifferences, onResult: () => {}, log, interval: 1 })
    await eventually('three reconciliations have run', () => runs >= 3)
    stop()
    expect(performance.now() - startedAt).toBeGreaterThan(2 * 19 * 19) // two pauses, each 19 times as long as a run
  })
})
