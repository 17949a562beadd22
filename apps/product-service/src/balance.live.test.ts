import type { Logger } from '@halles/service/log'
import { logger } from '@halles/service/log'
import { metricsOf } from '@halles/service/metrics'
import { ownDatabase } from '@halles/testkit/database'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { ledgerOn, type Ledger } from '../test/ledger.ts'
import { balanceIn, type OffBalance } from './balance.ts'
import { stockMetricsIn } from './metrics.ts'
import { watchBalance } from './watch-balance.ts'

let ledger: Ledger
beforeAll(async () => {
  ledger = await ledgerOn(ownDatabase(inject('mongodb'), 'balance'))
})
afterAll(() => ledger.close())

const change = (id: string, by: number) =>
  ledger.db.collection<{ _id: string }>('products').updateOne({ _id: id }, { $inc: { stock: by } })

describe('the balance of the ledger', () => {
  it('is even at every moment, whatever is sold, given back and adjusted meanwhile', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => ledger.put({ stock: 1000 })))
    const any = (): string => ids[Math.floor(Math.random() * ids.length)]!
    let selling = true
    const sell = async (n: number): Promise<void> => {
      for (let i = 0; selling; i++) {
        const orderId = `${n}.${i}`
        const { outcome } = await ledger.reserve([[any(), 1], [any(), 2]], orderId) // prettier-ignore
        if (outcome === 'held' && i % 3 === 0) await ledger.release(orderId)
        if (i % 10 === 0) await ledger.products.adjust(any(), 5, { reason: 'delivery', by: 'test', at: new Date() })
      }
    }
    const selling8 = Promise.all(Array.from({ length: 8 }, (_, n) => sell(n)))
    const balance = balanceIn(ledger.db)
    const seen = []
    const orders = ledger.db.collection('reservations')
    while (seen.length < 20 || (await orders.countDocuments()) < 100) seen.push(await balance.off())
    selling = false
    await selling8
    expect(seen.filter(({ count }) => count > 0)).toEqual([])
  })

  it('names a product that has too many or too few, and one that is nobody’s', async () => {
    const [more, less] = [await ledger.put({ stock: 5 }), await ledger.put({ stock: 5 })]
    await ledger.reserve([[less, 2]])
    await change(more, 1)
    await change(less, -3)
    await ledger.db
      .collection<{ _id: string }>('movements')
      .insertOne({ _id: 'stray', productId: 'gone', delta: 7 } as never)
    onTestFinished(async () => {
      await change(more, -1)
      await change(less, 3)
      await ledger.db.collection<{ _id: string }>('movements').deleteOne({ _id: 'stray' })
    })
    const { count, products } = await balanceIn(ledger.db).off()
    expect(count).toBe(3)
    expect(new Set(products)).toEqual(
      new Set([{ productId: more, by: 1 }, { productId: less, by: -3 }, { productId: 'gone', by: -7 }]), // prettier-ignore
    )
  })

  it('is told as a gauge and, when it is off, in the log', async () => {
    const id = await ledger.put({ stock: 5 })
    const metrics = metricsOf('test')
    const { balance: onBalance } = stockMetricsIn(metrics)
    const errors: OffBalance[][] = []
    const log = {
      ...logger('test', 'silent'),
      error: ({ products }: { products: OffBalance[] }) => void errors.push(products),
    } as unknown as Logger
    onTestFinished(watchBalance({ balance: balanceIn(ledger.db), onBalance, log, every: 20 }))
    const gauge = async () => /^stock_off_balance_products\{[^}]*\} (\S+)$/m.exec(await metrics.registry.metrics())?.[1]
    const checked = async () =>
      Number(/^stock_balance_timestamp_seconds\{[^}]*\} (\S+)$/m.exec(await metrics.registry.metrics())?.[1]) > 0

    await eventually('it is summed up', checked)
    expect(await gauge()).toBe('0')
    expect(errors).toEqual([])
    await change(id, 2)
    await eventually('the gauge shows it', async () => (await gauge()) === '1')
    await eventually('the log names it', () => errors.length > 0)
    expect(errors[0]).toEqual([{ productId: id, by: 2 }])
    await change(id, -2)
    await eventually('it is even again', async () => (await gauge()) === '0')
  })

  it('is looked at for a small part of the time, however long it takes', async () => {
    let looks = 0
    const began = performance.now()
    const slow = { off: () => new Promise<never>((_, reject) => setTimeout(reject, 20, new Error(`slow ${++looks}`))) }
    const stop = watchBalance({ balance: slow, onBalance: () => {}, log: logger('test', 'silent'), every: 1 })
    await eventually('three looks', () => looks >= 3)
    stop()
    expect(performance.now() - began).toBeGreaterThan(2 * 19 * 19) // two pauses, each 19 times what a look takes
  })
})
