import { newId } from '@halles/service/ids'
import { refusalOf } from '@halles/service/refusal'
import { ownDatabase } from '@halles/testkit/database'
import { MongoClient } from 'mongodb'
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest'
import { cableTo } from '../test/cable.ts'
import { ledgerOn, misfitsIn, type Ledger } from '../test/ledger.ts'

const database = ownDatabase(inject('mongodb'), 'product')
let cable: Awaited<ReturnType<typeof cableTo>>
let ledger: Ledger
beforeAll(async () => {
  cable = await cableTo(database)
  ledger = await ledgerOn(cable.url)
})
afterEach(async () => expect(await misfitsIn(ledger.db)).toEqual([]))
afterAll(async () => {
  await ledger.db.dropDatabase()
  await ledger.close()
  cable.close()
})

/** A process that is killed in the middle of a sale: its transaction stays open, and no one will ever end it. */
async function killedWhileSelling(productId: string, appName = 'product-service') {
  const client = new MongoClient(database, { appName })
  const session = client.startSession()
  session.startTransaction()
  const products = client.db().collection<{ _id: string }>('products')
  await products.updateOne({ _id: productId }, { $inc: { stock: -1 } }, { session })
  return { bury: () => client.close() }
}

describe('what a killed process has left locked', () => {
  it('is free again in a moment, and its sale never was', async () => {
    const a = await ledger.put({ stock: 5 })
    const began = performance.now()
    const dead = await killedWhileSelling(a)
    expect(await ledger.reserve([[a, 2]])).toMatchObject({ outcome: 'held' })
    expect(performance.now() - began).toBeLessThan(5000) // which MongoDB itself would take here at the least
    expect(await ledger.stockOf(a)).toBe(3)
    expect(ledger.retries()).toBeGreaterThan(0)
    await dead.bury()
  })

  it('is free again for an admin too', async () => {
    const a = await ledger.put({ stock: 5 })
    const began = performance.now()
    const dead = await killedWhileSelling(a)
    await ledger.products.adjust(a, 1, { by: 'test', reason: 'delivery', at: new Date() })
    expect(performance.now() - began).toBeLessThan(5000)
    expect(await ledger.stockOf(a)).toBe(6)
    await dead.bury()
  })

  it('is left alone when it is of another program', async () => {
    const a = await ledger.put({ stock: 5 })
    const other = await killedWhileSelling(a, 'someone-else')
    await ledger.sweep()
    const sessions = await ledger.mongo.client
      .db('admin', { readConcern: { level: 'local' } } as never)
      .aggregate([
        { $currentOp: { allUsers: true, idleSessions: true } },
        { $match: { type: 'idleSession', appName: 'someone-else', transaction: { $exists: true } } },
      ])
      .toArray()
    expect(sessions.length).toBeGreaterThan(0)
    await other.bury()
    expect(await ledger.reserve([[a, 2]])).toMatchObject({ outcome: 'held' })
  })
})

describe('a connection that breaks', () => {
  it.each([1, 2, 4])('after the commit has arrived, %i times, costs nothing', async (times) => {
    const a = await ledger.put({ stock: 5 })
    const orderId = newId()
    cable.loseAnswers('commitTransaction', times)
    expect(await ledger.reserve([[a, 2]], orderId)).toEqual({ orderId, outcome: 'held', shortages: [] })
    expect(cable.left()).toBe(0)
    expect(await ledger.stockOf(a)).toBe(3)
  })

  it.each(['insert', 'update'])('in the middle of a sale, at the %s, is a new try', async (command) => {
    const a = await ledger.put({ stock: 5 })
    cable.loseAnswers(command, 1)
    const answers = await Promise.all([ledger.reserve([[a, 2]]), ledger.reserve([[a, 2]]), ledger.reserve([[a, 2]])])
    expect(answers.map(({ outcome }) => outcome)).toEqual(['held', 'held', 'refused'])
    expect(cable.left()).toBe(0)
    expect(await ledger.stockOf(a)).toBe(1)
  })

  it('for good is told as such, and the same order is answered once it is back', async () => {
    const a = await ledger.put({ stock: 5 })
    const orderId = newId()
    cable.pullOut()
    const error: unknown = await ledger.reserve([[a, 2]], orderId).catch((reason: unknown) => reason)
    cable.plugIn()
    expect(refusalOf(error)?.code).toMatch(/^(UNAVAILABLE|TIMEOUT)$/)
    expect(await ledger.reserve([[a, 2]], orderId)).toMatchObject({ outcome: 'held' })
    expect(await ledger.stockOf(a)).toBe(3)
  })
})
