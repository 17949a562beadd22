import { newId } from '@halles/mongo/ids'
import { connectMongo } from '@halles/mongo/mongo'
import { startSecuredMongodb, type SecuredMongodb } from '@halles/test-fixtures/secured-servers'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startProductService, type ProductServiceFixture } from '../test/service-fixture.ts'
import { abandonSale, createStockFixture } from '../test/stock-fixture.ts'

let mongodb: SecuredMongodb
let user: Awaited<ReturnType<SecuredMongodb['ownUser']>>
let service: ProductServiceFixture
beforeAll(async () => {
  mongodb = await startSecuredMongodb()
  user = await mongodb.ownUser('product')
  service = await startProductService({ database: user.asAdmin, MONGODB_URL: user.url, DEMO_CATALOGUE: 'true' })
})
afterAll(async () => {
  await service?.close()
  await mongodb?.stop()
})

const connectAs = (url: string, appName = 'product-service'): MongoClient => {
  const client = new MongoClient(url, { appName })
  onTestFinished(() => client.close())
  return client
}

describe('product-service as a MongoDB user with readWrite on its own database only', () => {
  it("has no access to other databases and to other users' operations", async () => {
    const client = connectAs(user.url)
    const other = client.db('somewhere_else').collection<{ _id: string }>('documents')
    await expect(other.insertOne({ _id: 'a' })).rejects.toMatchObject({ codeName: 'Unauthorized' })
    await expect(other.findOne()).rejects.toMatchObject({ codeName: 'Unauthorized' })
    const allOperations = client.db('admin').aggregate([{ $currentOp: { allUsers: true } }])
    await expect(allOperations.toArray()).rejects.toMatchObject({ codeName: 'Unauthorized' })
  })

  it('fails to start at once when its password is wrong, with an error that says so without the password', async () => {
    const url = new URL(user.url)
    url.password = 'guessed'
    const error: unknown = await connectMongo(url.href, 'product-service').catch((reason: unknown) => reason)
    expect((error as Error).message).toMatch(/user, password and authSource in MONGODB_URL/)
    expect((error as Error).message).not.toContain('guessed')
  })

  it('can list, search, reserve, release and adjust', async () => {
    expect(
      (await service.request(undefined, 'GET', '/products?q=fromage&sort=price_asc')).json().items.length,
    ).toBeGreaterThan(0)
    const { _id: id } = await service.addProduct({ stock: 5 })
    const orderId = newId()
    expect(await service.reserve(orderId, [{ productId: id, quantity: 2 }])).toMatchObject({
      reservation: { shortages: [] },
    })
    expect(await service.readStock(id)).toBe(3)
    await service.release(orderId)
    const adjusted = await service.request(service.admin, 'POST', `/products/${id}/stock`, {
      delta: 4,
      reason: 'delivery',
    })
    expect(adjusted.json().stock).toBe(9)
    expect(await service.findLedgerMismatches()).toEqual([])
    expect((await service.app.inject('/readyz')).statusCode).toBe(200)
  })

  it('aborts the abandoned transaction of a killed instance before a reservation times out', async () => {
    const { _id: id } = await service.addProduct({ stock: 5 })
    const startedAt = performance.now()
    await abandonSale(connectAs(user.url), id)
    await service.reserve(newId(), [{ productId: id, quantity: 2 }])
    expect(performance.now() - startedAt).toBeLessThan(5000) // less than MongoDB itself takes here
    expect(await service.readStock(id)).toBe(3)
  })

  it('leaves the open transaction of another user alone, even with the same appName', async () => {
    const other = connectAs(user.asAdmin)
    const { _id: id } = await service.addProduct({ stock: 5 })
    await abandonSale(other, id)
    const openTransactions = () =>
      connectAs(user.asAdmin, 'observer')
        .db('admin')
        .aggregate([
          { $currentOp: { allUsers: true, idleSessions: true } },
          { $match: { type: 'idleSession', appName: 'product-service', 'transaction.timeInactiveMicros': { $gt: 0 } } },
        ])
        .toArray()
    expect(await openTransactions()).toHaveLength(1)
    const stock = await createStockFixture(user.url)
    onTestFinished(() => stock.close())
    await stock.abortAbandonedTransactions()
    expect(await openTransactions()).toHaveLength(1)
  })
})
