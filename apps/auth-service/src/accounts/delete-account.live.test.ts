import { ACCOUNT_DELETIONS, parseAccountDeletion, type AccountDeletion } from '@halles/contracts/account-deletions'
import { openMongo } from '@halles/service/mongo'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { bearer, createClock, apiClients, registrationInput, testSettings } from '../../test/FIX'
import { collectEvents } from '../../test/event-collector.ts'
import { createApp } from '../app.ts'

const admin = { ADMIN_EMAIL: 'alix@boutique.test', ADMIN_PASSWORD: 'douze douzaines' }
const time = createClock()
const settings = testSettings({
  ...admin,
  KAFKA_BROKERS: inject('kafka'),
  ACCOUNT_LINK_SECRET: 'between auth-service and notification-service',
})
let app: Awaited<ReturnType<typeof createApp>>
let mongo: Awaited<ReturnType<typeof openMongo>>
let adminHeaders: Record<string, string>
let news: Awaited<ReturnType<typeof collectEvents<AccountDeletion>>>
const told = (userId: string) => [...news.heard.values()].filter(({ subject }) => subject === userId)

beforeAll(async () => {
  app = await createApp(settings, time)
  mongo = await openMongo(settings.MONGODB_URL, 'auth-service')
  const { value } = await apiClients.REST(app).login({ email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })
  adminHeaders = bearer(value.accessToken)
  news = await collectEvents(inject('kafka'), ACCOUNT_DELETIONS, 1, parseAccountDeletion)
})
afterAll(async () => {
  await Promise.all([news.close(), mongo.close()])
  await app.close()
})

async function member() {
  const wish = registrationInput()
  const { value } = await apiClients.REST(app).register(wish)
  return { ...wish, id: value.user.id as string, session: value, headers: bearer(value.accessToken) }
}

describe.each(['REST', 'GraphQL'] as const)('through %s', (name) => {
  let client: ReturnType<(typeof apiClients)['REST']>
  beforeAll(() => void (client = apiClients[name](app) as typeof client))

  it('someone deletes their account, and nothing is left but the id', async () => {
    const { id, email, password, session, headers } = await member()
    expect(await client.deleteAccount('another one', headers)).toMatchObject({ code: 'INVALID_CREDENTIALS' })
    expect((await client.me(headers)).value).toMatchObject({ email })
    expect(await client.deleteAccount(password, headers)).toEqual({ value: true })

    const kept = await mongo.db.collection<{ _id: string }>('users').findOne({ _id: id })
    expect(kept).toMatchObject({ name: '', email: '', password: '', words: [], active: false })
    expect(JSON.stringify(kept).toLowerCase()).not.toMatch(new RegExp(`${email.toLowerCase()}|camille|argon2`))
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

  it('others are told at once, and again when the last access token has ended', async () => {
    const { id, email, password, headers } = await member()
    await client.deleteAccount(password, headers)
    const [event] = await eventually('it is told', () => told(id).length > 0 && told(id))
    expect(event).toMatchObject({ type: 'account.deleted', subject: id, data: { user: { id } } })
    expect(JSON.stringify(event)).not.toContain(email)
    time.advance(600_000)
    // Told after it, in the same partition: by then the second news would be there too.
    const other = await member()
    await client.deleteAccount(other.password, other.headers)
    await eventually('another deletion is told', () => told(other.id).length > 0)
    expect(told(id)).toHaveLength(1)
    time.advance(61_000)
    await eventually('it is told again', () => told(id).length === 2)
    await eventually(
      'nothing is left to tell',
      async () =>
        (await mongo.db
          .collection<{ _id: string }>('users')
          .countDocuments({ _id: id, 'untold.id': { $exists: true } })) === 0,
    )
  })

  it('an account that is gone is opened again by no one', async () => {
    const { id, password, headers } = await member()
    await client.deleteAccount(password, headers)
    expect((await client.setActive(id, true, adminHeaders)).value).toMatchObject({ id, email: '', active: false })
    expect((await client.setRole(id, 'admin', adminHeaders)).value).toMatchObject({ role: 'user' })
  })

  it('is not for strangers, nor for admins', async () => {
    expect(await client.deleteAccount('whatever')).toMatchObject({ code: 'UNAUTHENTICATED' })
    const { value } = await client.login({ email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })
    expect(await client.deleteAccount(admin.ADMIN_PASSWORD, bearer(value.accessToken))).toMatchObject({
      code: 'FORBIDDEN',
    })
  })
})

it('needs a Kafka to tell others of it', async () => {
  const plain = await createApp(testSettings())
  const client = apiClients.REST(plain)
  const wish = registrationInput()
  const { value } = await client.register(wish)
  expect(await client.deleteAccount(wish.password, bearer(value.accessToken))).toMatchObject({ code: 'UNAVAILABLE' })
  await plain.close()
})

describe("one's own data", () => {
  const read = async (headers: Record<string, string>) => (await app.inject({ url: '/me/data', headers })).json()

  it('is the account, the sessions and what happened, all of it and nobody else’s', async () => {
    const { id, email, password, headers } = await member()
    const client = apiClients.REST(app)
    for (let i = 0; i < 101; i++) await client.login({ email, password })
    const data = await read(headers)
    expect(data).toMatchObject({ exportedAt: expect.any(String), user: { id, email, name: 'Camille Martin' } })
    expect(data.sessions).toHaveLength(102)
    expect(data.sessions.filter(({ current }: { current: boolean }) => current)).toHaveLength(1)
    expect(data.securityLog.map(({ what }: { what: string }) => what)).toEqual([
      ...Array.from({ length: 101 }, () => 'sign-in'),
      'registration',
    ])
    expect(JSON.stringify(data)).not.toMatch(/argon2|token/i)
    expect(new Set(data.securityLog.map(({ userId }: { userId: string }) => userId))).toEqual(new Set([id]))
  })

  it('is for who is signed in', async () => {
    expect(await read({})).toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})
