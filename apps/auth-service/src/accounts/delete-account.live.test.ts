import { ACCOUNT_DELETIONS, parseAccountDeletion, type AccountDeletion } from '@halles/contracts/account-deletions'
import { connectMongo } from '@halles/mongo/mongo'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { apiClients, registerUser, type ApiClient } from '../../test/api-clients.ts'
import { collectEvents } from '../../test/event-collector.ts'
import {
  adminCredentials,
  adminSettings,
  bearer,
  createClock,
  registrationInput,
  testSettings,
} from '../../test/fixtures.ts'
import { createApp } from '../app.ts'

const time = createClock()
const settings = testSettings({
  ...adminSettings,
  KAFKA_BROKERS: inject('kafka'),
  ACCOUNT_LINK_SECRET: 'between auth-service and notification-service',
})
let app: Awaited<ReturnType<typeof createApp>>
let mongo: Awaited<ReturnType<typeof connectMongo>>
let adminHeaders: Record<string, string>
let collected: Awaited<ReturnType<typeof collectEvents<AccountDeletion>>>
const eventsOf = (userId: string) => [...collected.events.values()].filter(({ subject }) => subject === userId)

beforeAll(async () => {
  app = await createApp(settings, time)
  mongo = await connectMongo(settings.MONGODB_URL, 'auth-service')
  const { value } = await apiClients.REST(app).login(adminCredentials)
  adminHeaders = bearer(value.accessToken)
  collected = await collectEvents(inject('kafka'), ACCOUNT_DELETIONS, 1, parseAccountDeletion)
})
afterAll(async () => {
  await Promise.all([collected.close(), mongo.close()])
  await app.close()
})

describe.each(['REST', 'GraphQL'] as const)('deleteAccount over %s', (name) => {
  let client: ApiClient
  beforeAll(() => void (client = apiClients[name](app)))

  it('erases everything but the id of the account', async () => {
    const { id, email, password, session, headers } = await registerUser(client)
    expect(await client.deleteAccount('another one', headers)).toMatchObject({ code: 'INVALID_CREDENTIALS' })
    expect((await client.me(headers)).value).toMatchObject({ email })
    expect(await client.deleteAccount(password, headers)).toEqual({ value: true })

    const stored = await mongo.db.collection<{ _id: string }>('users').findOne({ _id: id })
    expect(stored).toMatchObject({ name: '', email: '', password: '', words: [], active: false })
    expect(JSON.stringify(stored).toLowerCase()).not.toMatch(new RegExp(`${email.toLowerCase()}|camille|argon2`))
    expect(await client.login({ email, password })).toMatchObject({ code: 'INVALID_CREDENTIALS' })
    expect(await client.login({ email: `DELETED ${id}`, password: '' })).not.toHaveProperty('value')
    expect(await client.refresh(session.refreshToken)).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await client.me(headers)).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await client.deleteAccount(password, headers)).toMatchObject({ code: 'UNAUTHENTICATED' })

    const { value } = await client.securityLog(id, adminHeaders)
    expect(value.items.slice(0, 2)).toMatchObject([
      { what: 'account-deleted', outcome: 'done', byId: id },
      { what: 'account-deleted', outcome: 'refused', byId: id },
    ])
    expect((await client.register({ ...registrationInput(), email })).value.user.id).not.toBe(id)
  })

  it('publishes the deletion at once, and again when the last access token has expired', async () => {
    const { id, email, password, headers } = await registerUser(client)
    await client.deleteAccount(password, headers)
    const [event] = await eventually('the deletion is published', () => eventsOf(id).length > 0 && eventsOf(id))
    expect(event).toMatchObject({ type: 'account.deleted', subject: id, data: { user: { id } } })
    expect(JSON.stringify(event)).not.toContain(email)
    time.advance(600_000)
    // Published after it in the same partition, so a second event would have been collected before it.
    const other = await registerUser(client)
    await client.deleteAccount(other.password, other.headers)
    await eventually('another deletion is published', () => eventsOf(other.id).length > 0)
    expect(eventsOf(id)).toHaveLength(1)
    time.advance(61_000)
    await eventually('the deletion is published again', () => eventsOf(id).length === 2)
    await eventually(
      'no event is pending',
      async () =>
        (await mongo.db
          .collection<{ _id: string }>('users')
          .countDocuments({ _id: id, 'unpublished.id': { $exists: true } })) === 0,
    )
  })

  it('deletes for good: an admin can neither reactivate nor promote the account', async () => {
    const { id, password, headers } = await registerUser(client)
    await client.deleteAccount(password, headers)
    expect((await client.setActive(id, true, adminHeaders)).value).toMatchObject({ id, email: '', active: false })
    expect((await client.setRole(id, 'admin', adminHeaders)).value).toMatchObject({ role: 'user' })
  })

  it('is forbidden without a token and for admins', async () => {
    expect(await client.deleteAccount('whatever')).toMatchObject({ code: 'UNAUTHENTICATED' })
    const { value } = await client.login(adminCredentials)
    expect(await client.deleteAccount(adminCredentials.password, bearer(value.accessToken))).toMatchObject({
      code: 'FORBIDDEN',
    })
  })
})

it('deleteAccount fails with UNAVAILABLE without Kafka', async () => {
  const withoutKafka = await createApp(testSettings())
  const client = apiClients.REST(withoutKafka)
  const { password, headers } = await registerUser(client)
  expect(await client.deleteAccount(password, headers)).toMatchObject({ code: 'UNAVAILABLE' })
  await withoutKafka.close()
})

describe('GET /me/data', () => {
  const read = async (headers: Record<string, string>) => (await app.inject({ url: '/me/data', headers })).json()

  it('exports the account, all sessions and all security events of the user, and of no other', async () => {
    const client = apiClients.REST(app)
    const { id, email, password, headers } = await registerUser(client)
    for (let i = 0; i < 98; i++) await client.login({ email, password })
    const data = await read(headers)
    expect(data).toMatchObject({ exportedAt: expect.any(String), user: { id, email, name: 'Camille Martin' } })
    expect(data.sessions).toHaveLength(99)
    expect(data.sessions.filter(({ current }: { current: boolean }) => current)).toHaveLength(1)
    expect(data.securityLog.map(({ what }: { what: string }) => what)).toEqual([
      ...Array.from({ length: 98 }, () => 'sign-in'),
      'registration',
    ])
    expect(JSON.stringify(data)).not.toMatch(/argon2|token/i)
    expect(new Set(data.securityLog.map(({ userId }: { userId: string }) => userId))).toEqual(new Set([id]))
  })

  it('requires sign-in', async () => {
    expect(await read({})).toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})
