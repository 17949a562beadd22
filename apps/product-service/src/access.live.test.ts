import { newId } from '@halles/service/ids'
import { openMongo } from '@halles/service/mongo'
import { startGuardedMongodb, type GuardedMongodb } from '@halles/testkit/guard'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ledgerOn } from '../test/ledger.ts'
import { startProductService, type Running } from '../test/running.ts'

let mongodb: GuardedMongodb
let user: Awaited<ReturnType<GuardedMongodb['ownUser']>>
let shop: Running
beforeAll(async () => {
  mongodb = await startGuardedMongodb()
  user = await mongodb.ownUser('product')
  shop = await startProductService({ database: user.asAdmin, MONGODB_URL: user.url, DEMO_CATALOGUE: 'true' })
})
afterAll(async () => {
  await shop?.close()
  await mongodb?.stop()
})

const as = async (url: string, appName = 'product-service') => {
  const client = new MongoClient(url, { appName })
  onTestFinished(() => client.close())
  return client
}

/** A sale that a process has begun and will never end, because it is gone. */
async function leftOpen(client: MongoClient, productId: string): Promise<void> {
  const session = client.startSession()
  session.startTransaction()
  const products = client.db().collection<{ _id: string }>('products')
  await products.updateOne({ _id: productId }, { $inc: { stock: -1 } }, { session })
}

describe('where MongoDB asks who comes, a user who may read and write its own database', () => {
  it('may do no more than that', async () => {
    const client = await as(user.url)
    const other = client.db('somewhere_else').collection<{ _id: string }>('things')
    await expect(other.insertOne({ _id: 'a' })).rejects.toMatchObject({ codeName: 'Unauthorized' })
    await expect(other.findOne()).rejects.toMatchObject({ codeName: 'Unauthorized' })
    const everyone = client.db('admin').aggregate([{ $currentOp: { allUsers: true } }])
    await expect(everyone.toArray()).rejects.toMatchObject({ codeName: 'Unauthorized' })
  })

  it('is told at once and in a sentence when its password is wrong', async () => {
    const wrong = new URL(user.url)
    wrong.password = 'guessed'
    const error: unknown = await openMongo(wrong.href, 'product-service').catch((reason: unknown) => reason)
    expect((error as Error).message).toMatch(/does not let us in: are user, password and authSource/)
    expect((error as Error).message).not.toContain('guessed')
  })

  it('keeps a shelf: lists, searches, sells, gives back and adjusts', async () => {
    expect(
      (await shop.request(undefined, 'GET', '/products?q=fromage&sort=price_asc')).json().items.length,
    ).toBeGreaterThan(0)
    const { _id: id } = await shop.put({ stock: 5 })
    const orderId = newId()
    expect(await shop.reserve(orderId, [{ productId: id, quantity: 2 }])).toMatchObject({
      reservation: { shortages: [] },
    })
    expect(await shop.stockOf(id)).toBe(3)
    await shop.release(orderId)
    const adjusted = await shop.request(shop.admin, 'POST', `/products/${id}/stock`, { delta: 4, reason: 'delivery' })
    expect(adjusted.json().stock).toBe(9)
    expect(await shop.misfits()).toEqual([])
    expect((await shop.app.inject('/readyz')).statusCode).toBe(200)
  })

  it('ends what a killed process of its own has left open, in a moment', async () => {
    const { _id: id } = await shop.put({ stock: 5 })
    const began = performance.now()
    await leftOpen(await as(user.url), id)
    await shop.reserve(newId(), [{ productId: id, quantity: 2 }])
    expect(performance.now() - began).toBeLessThan(5000) // which MongoDB itself would take here at the least
    expect(await shop.stockOf(id)).toBe(3)
  })

  it('does not touch what another user has open, whatever name it goes by', async () => {
    const other = await as(user.asAdmin)
    const { _id: id } = await shop.put({ stock: 5 })
    await leftOpen(other, id)
    const open = async () =>
      (await as(user.asAdmin, 'observer'))
        .db('admin')
        .aggregate([
          { $currentOp: { allUsers: true, idleSessions: true } },
          { $match: { type: 'idleSession', appName: 'product-service', 'transaction.timeInactiveMicros': { $gt: 0 } } },
        ])
        .toArray()
    expect(await open()).toHaveLength(1)
    const ledger = await ledgerOn(user.url)
    onTestFinished(() => ledger.close())
    await ledger.sweep()
    expect(await open()).toHaveLength(1)
  })
})
