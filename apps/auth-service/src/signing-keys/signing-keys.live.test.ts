import { openMongo } from '@halles/service/mongo'
import { ownDatabase } from '@halles/testkit/database'
import { calculateJwkThumbprint, exportJWK, importSPKI } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { createFrozenClock } from '../../test/FIX'
import { createSigningKeys } from './keys.ts'

type Mongo = Awaited<ReturnType<typeof openMongo>>
let mongo: Mongo
let db: Mongo['db']
beforeAll(async () => void (mongo = await openMongo(ownDatabase(inject('mongodb'), 'auth'), 'auth-service')))
afterAll(() => mongo.close())
let n = 0
beforeEach(() => void (db = mongo.client.db(`${mongo.db.databaseName}_${n++}`)))

const LEAD = 600_000
const LIFE = 600_000

/** Another instance adds the next key. */
const rotate = async (now?: () => number): Promise<string> => (await createSigningKeys(db, now)).rotate(LEAD, LIFE)

describe('keys', () => {
  it('are made once by the many instances that start at once, and kept', async () => {
    const instances = await Promise.all(Array.from({ length: 8 }, () => createSigningKeys(db)))
    const again = await createSigningKeys(db)
    const kids = new Set(await Promise.all([...instances, again].map(async (keys) => (await keys.signing()).kid)))
    const secrets = new Set([...instances, again].map((keys) => keys.refreshSecret.toString('hex')))
    expect(kids.size).toBe(1)
    expect(secrets.size).toBe(1)
    expect(again.refreshSecret).toHaveLength(32)
    expect(await db.collection('keys').countDocuments()).toBe(2)
  })

  it('are published without their private half, under their thumbprint', async () => {
    const keys = await createSigningKeys(db)
    const [key, ...others] = await keys.published()
    expect(others).toEqual([])
    expect(Object.keys(key!).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
    expect(key).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' })
    expect(key!.kid).toBe(await calculateJwkThumbprint({ ...key! }))
    const pem = await keys.keyOf(key!.kid)
    expect(await exportJWK(await importSPKI(pem!, 'ES256'))).toMatchObject({ x: key!.x, y: key!.y })
  })

  it('that another instance added are found when a token names them, asking every 2 s at the most', async () => {
    const time = createFrozenClock()
    const keys = await createSigningKeys(db, () => time.now().getTime())
    const kid = await rotate()
    expect(await keys.keyOf(kid)).toBeUndefined()
    time.advance(2100)
    expect(await keys.keyOf(kid)).toContain('PUBLIC KEY')
    expect(await keys.keyOf('unknown')).toBeUndefined()
  })

  it('that were taken away are believed no longer than 30 s', async () => {
    const time = createFrozenClock()
    const keys = await createSigningKeys(db, () => time.now().getTime())
    const { kid } = await keys.signing()
    await rotate()
    await db.collection<{ _id: string }>('keys').deleteOne({ _id: kid })
    time.advance(31_000)
    expect(await keys.keyOf(kid)).toBeUndefined()
  })

  it('that were seen are believed while the database is away; of others it is not known', async () => {
    const time = createFrozenClock()
    const away = await openMongo(ownDatabase(inject('mongodb'), 'auth'), 'auth-service')
    const keys = await createSigningKeys(away.db, () => time.now().getTime())
    const { kid } = await keys.signing()
    await away.close()
    time.advance(31_000)
    expect(await keys.keyOf(kid)).toContain('PUBLIC KEY')
    await expect(keys.keyOf('unknown')).rejects.toMatchObject({ name: 'MongoNotConnectedError' })
  })

  it('are changed over by a command: the next is published before it signs, the old one until its tokens have ended', async () => {
    const time = createFrozenClock()
    const now = () => time.now().getTime()
    const keys = await createSigningKeys(db, now)
    const { kid: old } = await keys.signing()
    const kid = await rotate(now)
    time.advance(31_000)
    expect((await keys.signing()).kid).toBe(old)
    expect((await keys.published()).map((key) => key.kid).sort()).toEqual([kid, old].sort())
    expect((await keys.list()).map(({ state }) => state)).toEqual(['next', 'signing'])
    expect(await keys.keyOf(kid)).toContain('PUBLIC KEY')

    time.advance(LEAD)
    expect((await keys.signing()).kid).toBe(kid)
    expect(await keys.keyOf(old)).toContain('PUBLIC KEY')
    const [signing, checking] = await keys.list()
    expect([signing!.state, checking!.state]).toEqual(['signing', 'checking'])
    expect(signing!.expiresAt).toBeUndefined()
    expect(checking!.expiresAt!.getTime()).toBe(signing!.signsFrom.getTime() + LIFE + 60_000)
    expect(await db.collection('keys').indexes()).toContainEqual(
      expect.objectContaining({ key: { expiresAt: 1 }, expireAfterSeconds: 0 }),
    )
  })

  it('have one next at a time, of two operators at once too', async () => {
    const keys = await createSigningKeys(db)
    const both = await Promise.allSettled([rotate(), rotate()])
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    await expect(rotate()).rejects.toThrow(/^The next key is published already: it signs from 20/)
    expect(await keys.list()).toHaveLength(2)
  })
})
