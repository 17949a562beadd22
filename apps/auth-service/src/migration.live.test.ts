import { connectMongo, type MongoConnection } from '@halles/mongo/mongo'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { createPendingEventStore } from './account-events/pending-events.ts'
import { createLinkRequestStore } from './account-links/link-requests.ts'
import { openAccountCollection } from './accounts/account-document.ts'
import { createFailedAttemptStore } from './rate-limits/failed-attempts.ts'
import { rateLimits } from './rate-limits/rate-limits.ts'

let mongo: MongoConnection
let db: MongoConnection['db']
beforeAll(async () => void (mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb'), 'auth'), 'auth-service')))
afterAll(() => mongo.close())
let n = 0
beforeEach(() => void (db = mongo.client.db(`${mongo.db.databaseName}_${n++}`)))

const now = new Date()
const later = new Date(now.getTime() + 60_000)

describe('data that an earlier version stored under other names', () => {
  it('keeps unpublished events of accounts', async () => {
    const untold = [{ id: 'e1', type: 'account.password-changed', at: now }]
    const users = db.collection<{ _id: string }>('users')
    await users.insertOne({ _id: 'u1', email: 'a@example.test', emailKey: 'a@example.test', untold } as { _id: string })
    await users.createIndex({ 'untold.id': 1 }, { partialFilterExpression: { 'untold.id': { $exists: true } } })
    const accounts = await openAccountCollection(db)
    await openAccountCollection(db)
    expect(await createPendingEventStore(accounts).findDue(10, now)).toMatchObject([
      { user: { id: 'u1' }, events: [{ id: 'e1', type: 'account.password-changed' }] },
    ])
    expect((await accounts.indexes()).map(({ name }) => name)).not.toContain('untold.id_1')
    expect(await users.countDocuments({ untold: { $exists: true } })).toBe(0)
  })

  it('keeps link requests', async () => {
    const request = { _id: 'r1', purpose: 'password-reset', emailKey: 'a@example.test', freeAt: now, expiresAt: later }
    await db.collection<{ _id: string }>('linkRequests').insertOne(request)
    await db.collection('linkRequests').createIndex({ freeAt: 1 })
    const requests = await createLinkRequestStore(db)
    expect(await requests.lease(now)).toMatchObject({ _id: 'r1', emailKey: 'a@example.test' })
    expect(await requests.lease(now)).toBeNull()
    expect((await db.collection('linkRequests').indexes()).map(({ name }) => name)).not.toContain('freeAt_1')
  })

  it('keeps delays and known subnets of failed attempts, also when several instances start at once', async () => {
    const counter = { level: 6, at: now, allowed: true, refused: 0, expiresAt: later }
    const known = { ...counter, knownUntil: later }
    const tries: { _id: string; openAt: Date }[] = [
      { _id: 'pair:known', openAt: new Date(0), ...known },
      { _id: 'address:blocked', openAt: later, ...counter },
      { _id: 'account:blocked', openAt: later, ...counter },
    ]
    await db.collection<{ _id: string }>('tries').insertMany(tries)
    const stores = await Promise.all([1, 2, 3].map(() => createFailedAttemptStore(db)))
    expect(await stores[0]!.count('accountFromSubnet:known', rateLimits.accountFromSubnet, now)).toMatchObject({
      allowed: true,
      isKnownSubnet: true,
    })
    for (const limit of ['subnet', 'account'] as const)
      expect(await stores[1]!.count(`${limit}:blocked`, rateLimits[limit], now)).toMatchObject({
        allowed: false,
        blockedUntil: later,
      })
    const ids = (await db.collection('failedAttempts').find().toArray()).map(({ _id }) => String(_id))
    expect(ids.sort()).toEqual(['account:blocked', 'accountFromSubnet:known', 'subnet:blocked'])
    expect(await db.listCollections({ name: 'tries' }).toArray()).toEqual([])
  })
})
