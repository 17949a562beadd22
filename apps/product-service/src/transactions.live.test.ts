import { newId } from '@halles/mongo/ids'
import { toAppError } from '@halles/errors/app-error'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { createStockFixture, findLedgerMismatches, type StockFixture } from '../test/stock-fixture.ts'
import { startTcpFaultProxy } from '../test/tcp-fault-proxy.ts'

const database = uniqueDatabaseUrl(inject('mongodb'), 'product')
let proxy: Awaited<ReturnType<typeof startTcpFaultProxy>>
let stock: StockFixture
beforeAll(async () => {
  proxy = await startTcpFaultProxy(database)
  stock = await createStockFixture(proxy.url)
})
afterEach(async () => expect(await findLedgerMismatches(stock.db)).toEqual([]))
afterAll(async () => {
  await stock.db.dropDatabase()
  await stock.close()
  proxy.close()
})

describe('a reservation whose connection to MongoDB breaks', () => {
  it.each([1, 2, 4])('succeeds once when the answer to its commit is lost %i times', async (times) => {
    const a = await stock.addProduct({ stock: 5 })
    const orderId = newId()
    proxy.dropAnswers('commitTransaction', times)
    expect(await stock.reserve([[a, 2]], orderId)).toEqual({ orderId, outcome: 'held', shortages: [] })
    expect(proxy.remainingDrops()).toBe(0)
    expect(await stock.readStock(a)).toBe(3)
  })

  it.each(['insert', 'update'])('is retried when the answer to its %s is lost', async (command) => {
    const a = await stock.addProduct({ stock: 5 })
    proxy.dropAnswers(command, 1)
    const results = await Promise.all([stock.reserve([[a, 2]]), stock.reserve([[a, 2]]), stock.reserve([[a, 2]])])
    expect(results.map(({ outcome }) => outcome)).toEqual(['held', 'held', 'refused'])
    expect(proxy.remainingDrops()).toBe(0)
    expect(await stock.readStock(a)).toBe(1)
  })

  it('fails with UNAVAILABLE or TIMEOUT during an outage, and succeeds for the same order afterwards', async () => {
    const a = await stock.addProduct({ stock: 5 })
    const orderId = newId()
    proxy.disconnect()
    const error: unknown = await stock.reserve([[a, 2]], orderId).catch((reason: unknown) => reason)
    proxy.reconnect()
    expect(toAppError(error)?.code).toMatch(/^(UNAVAILABLE|TIMEOUT)$/)
    expect(await stock.reserve([[a, 2]], orderId)).toMatchObject({ outcome: 'held' })
    expect(await stock.readStock(a)).toBe(3)
  })
})
