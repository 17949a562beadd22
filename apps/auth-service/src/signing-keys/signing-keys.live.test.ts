import { connectMongo } from '@halles/mongo/mongo'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { calculateJwkThumbprint, exportJWK, importSPKI } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { createFrozenClock } from '../../test/fixtures.ts'
import { createSigningKeys } from './signing-keys.ts'

type Mongo = Awaited<ReturnType<typeof connectMongo>>
let mongo: Mongo
let db: Mongo['db']
beforeAll(async () => void (mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb'), 'auth'), 'auth-service')))
afterAll(() => mongo.close())
let n = 0
beforeEach(() => void (db = mongo.client.db(`${mongo.db.databaseName}_${n++}`)))

const LEAD = 600_000
const TOKEN_LIFETIME = 600_000

/** Adds the next key, on another instance. */
const rotate = async (now?: () => number): Promise<string> =>
  (await createSigningKeys(db, now)).rotate(LEAD, TOKEN_LIFETIME)

describe('createSigningKeys', () => {
  it('creates the keys once, also when several instances start at once, and keeps them', async () => {
    const instances = await Promise.all(Array.from({ length: 8 }, () => createSigningKeys(db)))
    const again = await createSigningKeys(db)
    const kids = new Set(
      await Promise.all([...instances, again].map(async (keys) => (await keys.findSigningKey()).kid)),
    )
    const secrets = new Set([...instances, again].map((keys) => keys.refreshSecret.toString('hex')))
    expect(kids.size).toBe(1)
    expect(secrets.size).toBe(1)
    expect(again.refreshSecret).toHaveLength(32)
    expect(await db.collection('keys').countDocuments()).toBe(2)
  })

  it('publishes public keys under their thumbprint, without the private key', async () => {
    const keys = await createSigningKeys(db)
    const [key, ...others] = await keys.listPublicKeys()
    expect(others).toEqual([])
    expect(Object.keys(key!).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
    expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' })
    expect(key!.kid).toBe(await calculateJwkThumbprint({ ...key! }))
    const pem = await keys.findPublicKey(key!.kid)
    expect(await exportJWK(await importSPKI(pem!, 'ES256'))).toMatchObject({ x: key!.x, y: key!.y })
  })

  it('finds a key that another instance added, with at most one look-up of unknown ids every 2 s', async () => {
    const time = createFrozenClock()
    const keys = await createSigningKeys(db, () => time.now().getTime())
    const kid = await rotate()
    expect(await keys.findPublicKey(kid)).toBeUndefined()
    time.advance(2100)
    expect(await keys.findPublicKey(kid)).toContain('PUBLIC KEY')
    expect(await keys.findPublicKey('unknown')).toBeUndefined()
  })

  it('stops accepting a removed key within 30 s', async () => {
    const time = createFrozenClock()
    const keys = await createSigningKeys(db, () => time.now().getTime())
    const { kid } = await keys.findSigningKey()
    await rotate()
    await db.collection<{ _id: string }>('keys').deleteOne({ _id: kid })
    time.advance(31_000)
    expect(await keys.findPublicKey(kid)).toBeUndefined()
  })

  it('finds cached keys while the database is unavailable, and throws for other ids', async () => {
    const time = createFrozenClock()
    const closed = await connectMongo(uniqueDatabaseUrl(inject('mongodb'), 'auth'), 'auth-service')
    const keys = await createSigningKeys(closed.db, () => time.now().getTime())
    const { kid } = await keys.findSigningKey()
    await closed.close()
    time.advance(31_000)
    expect(await keys.findPublicKey(kid)).toContain('PUBLIC KEY')
    await expect(keys.findPublicKey('unknown')).rejects.toMatchObject({ name: 'MongoNotConnectedError' })
  })

  it('rotates: publishes the next key before it signs, and the old one until its tokens have expired', async () => {
    const time = createFrozenClock()
    const now = () => time.now().getTime()
    const keys = await createSigningKeys(db, now)
    const { kid: old } = await keys.findSigningKey()
    const kid = await rotate(now)
    time.advance(31_000)
    expect((await keys.findSigningKey()).kid).toBe(old)
    expect((await keys.listPublicKeys()).map((key) => key.kid).sort()).toEqual([kid, old].sort())
    expect((await keys.list()).map(({ state }) => state)).toEqual(['next', 'signing'])
    expect(await keys.findPublicKey(kid)).toContain('PUBLIC KEY')

    time.advance(LEAD)
    expect((await keys.findSigningKey()).kid).toBe(kid)
    expect(await keys.findPublicKey(old)).toContain('PUBLIC KEY')
    const [signing, checking] = await keys.list()
    expect([signing!.state, checking!.state]).toEqual(['signing', 'checking'])
    expect(signing!.expiresAt).toBeUndefined()
    expect(checking!.expiresAt!.getTime()).toBe(signing!.signsFrom.getTime() + TOKEN_LIFETIME + 60_000)
    expect(await db.collection('keys').indexes()).toContainEqual(
      expect.objectContaining({ key: { expiresAt: 1 }, expireAfterSeconds: 0 }),
    )
  })

  it('allows one next key at a time, also when two operators rotate at once', async () => {
    const keys = await createSigningKeys(db)
    const results = await Promise.allSettled([rotate(), rotate()])
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    await expect(rotate()).rejects.toThrow(/^The next key is published already: it signs from 20/)
    expect(await keys.list()).toHaveLength(2)
  })
})
