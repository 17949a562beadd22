import { toAppError } from '@halles/errors/app-error'
import { newId } from '@halles/mongo/ids'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { rejectAfter } from '@halles/test-fixtures/wait'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { createStockFixture, findLedgerMismatches, type StockFixture } from '../../test/stock-fixture.ts'

const database = uniqueDatabaseUrl(inject('mongodb'), 'product')
/** Two instances of product-service on one database. */
let first: StockFixture
let second: StockFixture
beforeAll(async () => {
  first = await createStockFixture(database)
  second = await createStockFixture(database)
})
// The invariant after every test: stock + held = opening stock + adjustments.
afterEach(async () => expect(await findLedgerMismatches(first.db)).toEqual([]))
afterAll(async () => {
  await first.db.dropDatabase()
  await Promise.all([first.close(), second.close()])
})

const times = <T>(n: number, make: (i: number) => T): T[] => Array.from({ length: n }, (_, i) => make(i))
const held = { outcome: 'held', shortages: [] }
const count = (results: { outcome: string }[], outcome: string): number =>
  results.filter((result) => result.outcome === outcome).length

describe('a reservation', () => {
  it("takes all of the order's stock", async () => {
    const [a, b] = [await first.addProduct({ stock: 5 }), await first.addProduct({ stock: 2 })]
    const orderId = newId()
    expect(await first.reserve([[a, 3], [b, 2]], orderId)).toEqual({ orderId, ...held }) // prettier-ignore
    expect([await first.readStock(a), await first.readStock(b)]).toEqual([2, 0])
  })

  it('takes nothing and names the shortage when one product is short', async () => {
    const [a, b] = [await first.addProduct({ stock: 5 }), await first.addProduct({ stock: 2 })]
    expect(
      await first.reserve([
        [a, 3],
        [b, 3],
      ]),
    ).toMatchObject({
      // prettier-ignore
      outcome: 'refused',
      shortages: [{ productId: b, exists: true, available: 2 }],
    })
    expect(await first.readStock(a)).toBe(5)
  })

  it('is refused for archived and unknown products', async () => {
    const a = await first.addProduct({ stock: 5 })
    await first.products.archive(a, {}, new Date())
    const shortages = [a, 'no such product'].map((productId) => ({ productId, exists: false, available: 0 }))
    expect(await first.reserve([[a, 1], ['no such product', 1]])).toMatchObject({ outcome: 'refused', shortages }) // prettier-ignore
  })

  it('adds up several lines of one product', async () => {
    const a = await first.addProduct({ stock: 5 })
    expect(await first.reserve([[a, 3], [a, 3]])).toMatchObject({ outcome: 'refused' }) // prettier-ignore
    expect(await first.reserve([[a, 3], [a, 2]])).toMatchObject(held) // prettier-ignore
  })

  it('is idempotent by order: repeated calls, even concurrent or with other lines, change nothing and get the same result', async () => {
    const a = await first.addProduct({ stock: 5 })
    const orderId = newId()
    const results = [
      await first.reserve([[a, 3]], orderId),
      await first.reserve([[a, 1]], orderId),
      ...(await Promise.all(times(20, (i) => (i % 2 ? first : second).reserve([[a, 3]], orderId)))),
    ]
    expect(results).toEqual(results.map(() => ({ orderId, ...held })))
    expect(await first.readStock(a)).toBe(2)
  })

  it('is made once when its first calls are concurrent', async () => {
    const a = await first.addProduct({ stock: 50 })
    const orderId = newId()
    const results = await Promise.all(times(40, (i) => (i % 2 ? first : second).reserve([[a, 3]], orderId)))
    expect(count(results, 'held')).toBe(40)
    expect(await first.readStock(a)).toBe(47)
  })

  it('is not made when its deadline has passed', async () => {
    const a = await first.addProduct({ stock: 5 })
    await expect(first.reserve([[a, 1]], newId(), Date.now() - 1)).rejects.toMatchObject({ code: 'TIMEOUT' })
    expect(await first.readStock(a)).toBe(5)
  })
})

describe('a call whose product another transaction has locked', () => {
  /** Locks the product in a transaction of another application; returns the function that unlocks it. */
  async function lockProduct(id: string) {
    const client = new MongoClient(database, { appName: 'another application' })
    const session = client.startSession()
    session.startTransaction()
    await client.db().collection<{ _id: string }>('products').updateOne({ _id: id }, { $inc: { revision: 1 } }, { session }) // prettier-ignore
    const unlock = async (): Promise<void> => {
      if (session.inTransaction()) await session.abortTransaction()
      await client.close()
    }
    onTestFinished(unlock)
    return unlock
  }

  it('is not retried after its deadline: nothing is reserved', async () => {
    const a = await first.addProduct({ stock: 5 })
    const unlock = await lockProduct(a)
    const orderId = newId()
    const retries = first.retries()
    const failed = first.reserve([[a, 2]], orderId, Date.now() + 500)
    const error = await rejectAfter(3000, failed.catch((reason: unknown) => reason)) // prettier-ignore
    expect(toAppError(error)).toMatchObject({ code: 'TIMEOUT' })
    expect(first.retries()).toBeGreaterThan(retries)
    await unlock()
    expect(await first.readStock(a)).toBe(5)
    expect(await first.db.collection<{ _id: string }>('reservations').findOne({ _id: orderId })).toBeNull()
    expect(await first.reserve([[a, 2]], orderId)).toMatchObject(held)
  })

  it('releases nothing after its deadline, and the stock once when it is repeated', async () => {
    const a = await first.addProduct({ stock: 5 })
    const orderId = newId()
    await first.reserve([[a, 2]], orderId)
    const unlock = await lockProduct(a)
    const failed = first.release(orderId, Date.now() + 500)
    await expect(rejectAfter(3000, failed)).rejects.toMatchObject({ code: 'TIMEOUT' })
    await unlock()
    expect(await first.readStock(a)).toBe(3)
    await first.release(orderId)
    expect(await first.readStock(a)).toBe(5)
  })
})

describe('concurrent reservations', () => {
  it('of 200 orders sell exactly the stock', async () => {
    const a = await first.addProduct({ stock: 150 })
    const others = await Promise.all(times(10, () => first.addProduct({ stock: 1000 })))
    const results = await Promise.all(times(200, (i) => first.reserve([[a, 1], [others[i % 10]!, 2]]))) // prettier-ignore
    expect(count(results, 'held')).toBe(150)
    expect(count(results, 'refused')).toBe(50)
    expect(await first.readStock(a)).toBe(0)
    const remaining = await Promise.all(others.map((id) => first.readStock(id)))
    expect(remaining.reduce((sum, stock) => sum! + stock!, 0)).toBe(10_000 - 2 * 150)
  })

  it('on two instances sell exactly the stock', async () => {
    const [a, b] = [await first.addProduct({ stock: 120 }), await first.addProduct({ stock: 1000 })]
    const results = await Promise.all(times(200, (i) => (i % 2 ? first : second).reserve([[a, 1], [b, 1]]))) // prettier-ignore
    expect(count(results, 'held')).toBe(120)
    expect(count(results, 'refused')).toBe(80)
    expect([await first.readStock(a), await first.readStock(b)]).toEqual([0, 880])
  })

  it('are not affected by a refused order in the same batch', async () => {
    const a = await first.addProduct({ stock: 60 })
    const results = await Promise.all(times(60, (i) => first.reserve([[a, i === 7 ? 999 : 1]])))
    expect(results.filter(({ outcome }) => outcome === 'refused')).toEqual([results[7]])
    expect(results[7]!.shortages).toEqual([{ productId: a, exists: true, available: expect.any(Number) }])
    expect(await first.readStock(a)).toBe(1)
  })

  it('keep the ledger consistent while stock is released, adjusted and replaced on two instances', async () => {
    const ids = await Promise.all(times(4, () => first.addProduct({ stock: 40 })))
    const change = { by: 'test', reason: 'delivery', at: new Date() }
    const content = { name: 'Brie', description: null, price: 1, category: 'Fromagerie', image: null }
    await Promise.all(
      times(120, async (i) => {
        const [one, other] = i % 2 ? [first, second] : [second, first]
        const [a, b] = [ids[i % 4]!, ids[(i + 1) % 4]!]
        const { orderId } = await one.reserve([[a, 2], [b, 1]]) // prettier-ignore
        if (i % 3 === 0) await Promise.all([one.release(orderId), other.release(orderId)])
        if (i % 10 === 0) await other.products.adjustStock(a, 5, change)
        if (i % 30 === 0) await other.products.replace(a, content, {}, 30, change)
      }),
    )
    for (const id of ids) expect(await first.readStock(id)).toBeGreaterThanOrEqual(0)
  })
})

describe('a release', () => {
  it('returns the stock once, however often and on whichever instance it is called', async () => {
    const a = await first.addProduct({ stock: 5 })
    const { orderId } = await first.reserve([[a, 3]])
    const results = await Promise.all(times(10, (i) => (i % 2 ? first : second).release(orderId)))
    expect(results.filter(Boolean).length).toBe(1)
    expect(await first.release(orderId)).toBe(false)
    expect(await first.readStock(a)).toBe(5)
  })

  it('that arrives before its reservation makes that reservation fail for good (tombstone)', async () => {
    const a = await first.addProduct({ stock: 5 })
    const orderId = newId()
    expect(await first.release(orderId)).toBe(false)
    const released = { orderId, outcome: 'released', shortages: [] }
    expect(await first.reserve([[a, 1]], orderId)).toEqual(released)
    expect(await second.reserve([[a, 1]], orderId)).toEqual(released)
    expect(await first.readStock(a)).toBe(5)
  })

  it('that is concurrent with its reservation leaves nothing held', async () => {
    const a = await first.addProduct({ stock: 100 })
    const orders = times(20, () => newId())
    await Promise.all(orders.flatMap((id, i) => [(i % 2 ? first : second).reserve([[a, 1]], id), first.release(id)]))
    expect(await first.readStock(a)).toBe(100)
    const repeated = await Promise.all(orders.map((id) => first.reserve([[a, 1]], id)))
    expect(count(repeated, 'released')).toBe(20)
  })

  it('returns stock to an archived product too, because the ledger counts it', async () => {
    const a = await first.addProduct({ stock: 5 })
    const { orderId } = await first.reserve([[a, 3]])
    await first.products.archive(a, {}, new Date())
    expect(await first.release(orderId)).toBe(true)
    expect(await first.readStock(a)).toBe(5)
  })
})
