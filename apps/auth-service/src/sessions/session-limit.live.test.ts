import { newId } from '@halles/mongo/ids'
import { connectMongo, type MongoConnection } from '@halles/mongo/mongo'
import type { Collection } from 'mongodb'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { apiClients, registerUser } from '../../test/api-clients.ts'
import { adminCredentials, adminSettings, bearer, testSettings } from '../../test/fixtures.ts'
import { createApp } from '../app.ts'
import type { SessionDocument } from './sessions.ts'

const settings = testSettings(adminSettings)
let app: Awaited<ReturnType<typeof createApp>>
let mongo: MongoConnection
let collection: Collection<SessionDocument>
beforeAll(async () => {
  app = await createApp(settings)
  mongo = await connectMongo(settings.MONGODB_URL, 'session-limit-test')
  collection = mongo.db.collection<SessionDocument>('sessions')
})
afterAll(async () => {
  await app.close()
  await mongo.close()
})

/** Inserts sessions of a user that have ended or are open. */
async function insertSessions(userId: string, count: number, fields: Partial<SessionDocument> = {}): Promise<void> {
  const at = new Date()
  const session = { userId, token: 'a digest', rotatedAt: at, createdAt: at, expiresAt: new Date(Date.now() + 600_000) }
  await collection.insertMany(Array.from({ length: count }, () => ({ _id: newId(), ...session, ...fields })))
}

it('an account has at most 100 open sessions: the oldest ends, is revoked, and is in the security log', async () => {
  const client = apiClients.REST(app)
  const { email, password, id, session, headers } = await registerUser(client)
  await insertSessions(id, 98)
  const { value: hundredth } = await client.login({ email, password })
  expect((await client.refresh(session.refreshToken)).code).toBeUndefined()

  const { value: next } = await client.login({ email, password })
  expect(await collection.countDocuments({ userId: id, endedAt: { $exists: false } })).toBe(100)
  expect((await client.refresh(session.refreshToken)).code).toBe('UNAUTHENTICATED')
  for (const { refreshToken } of [hundredth, next]) expect((await client.refresh(refreshToken)).code).toBeUndefined()

  const { sid } = JSON.parse(Buffer.from(headers.authorization!.split('.')[1]!, 'base64url').toString())
  expect((await app.inject('/revocations')).json().sessions).toContainEqual({ id: sid, at: expect.any(Number) })
  const { value: admin } = await client.login(adminCredentials)
  const { value: events } = await client.securityLog(id, bearer(admin.accessToken))
  expect(events.items).toContainEqual(
    expect.objectContaining({ what: 'sessions-ended', userId: id, byId: id, sessionId: sid }),
  )
})

it('concurrent sign-ins leave 100 open sessions', async () => {
  const client = apiClients.REST(app)
  const { email, password, id } = await registerUser(client)
  await insertSessions(id, 110)
  await Promise.all(Array.from({ length: 6 }, () => client.login({ email, password })))
  expect(await collection.countDocuments({ userId: id, endedAt: { $exists: false } })).toBe(100)
})

it('finding the oldest session reads only the open ones', async () => {
  const userId = newId()
  await insertSessions(userId, 3000, { endedAt: new Date() })
  await insertSessions(userId, 101)
  const { executionStats } = await collection
    .find({ userId, endedAt: { $exists: false } })
    .sort({ _id: -1 })
    .skip(100)
    .explain('executionStats')
  expect(executionStats.nReturned).toBe(1)
  expect(executionStats.totalKeysExamined).toBeLessThan(110)
})
