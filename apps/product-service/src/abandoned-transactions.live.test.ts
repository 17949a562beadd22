import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { abandonSale, createStockFixture, findLedgerMismatches, type StockFixture } from '../test/stock-fixture.ts'

const database = uniqueDatabaseUrl(inject('mongodb'), 'product')
let stock: StockFixture
beforeAll(async () => {
  stock = await createStockFixture(database)
})
afterEach(async () => expect(await findLedgerMismatches(stock.db)).toEqual([]))
afterAll(async () => {
  await stock.db.dropDatabase()
  await stock.close()
})

async function startKilledInstance(productId: string, appName = 'product-service') {
  const client = new MongoClient(database, { appName })
  await abandonSale(client, productId)
  return { close: () => client.close() }
}

describe('an abandoned transaction of a killed product-service', () => {
  it('is aborted before a reservation that it blocks times out, and its sale never happened', async () => {
    const a = await stock.addProduct({ stock: 5 })
    const startedAt = performance.now()
    const killed = await startKilledInstance(a)
    expect(await stock.reserve([[a, 2]])).toMatchObject({ outcome: 'held' })
    expect(performance.now() - startedAt).toBeLessThan(5000) // less than MongoDB itself takes here
    expect(await stock.readStock(a)).toBe(3)
    expect(stock.retries()).toBeGreaterThan(0)
    await killed.close()
  })

  it('is aborted before a stock adjustment that it blocks times out', async () => {
    const a = await stock.addProduct({ stock: 5 })
    const startedAt = performance.now()
    const killed = await startKilledInstance(a)
    await stock.products.adjustStock(a, 1, { by: 'test', reason: 'delivery', at: new Date() })
    expect(performance.now() - startedAt).toBeLessThan(5000)
    expect(await stock.readStock(a)).toBe(6)
    await killed.close()
  })

  it('is left open when it belongs to another application', async () => {
    const a = await stock.addProduct({ stock: 5 })
    const other = await startKilledInstance(a, 'someone-else')
    await stock.abortAbandonedTransactions()
    const sessions = await stock.mongo.client
      .db('admin', { readConcern: { level: 'local' } } as never)
      .aggregate([
        { $currentOp: { allUsers: true, idleSessions: true } },
        { $match: { type: 'idleSession', appName: 'someone-else', transaction: { $exists: true } } },
      ])
      .toArray()
    expect(sessions.length).toBeGreaterThan(0)
    await other.close()
    expect(await stock.reserve([[a, 2]])).toMatchObject({ outcome: 'held' })
  })
})
