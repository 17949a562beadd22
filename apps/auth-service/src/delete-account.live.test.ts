import { ACCOUNT_DELETIONS, parseAccountDeletion, type AccountDeletion } from '@halles/contracts/account-deletions'
import { openMongo } from '@halles/service/mongo'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { bearer, clock, doors, newcomer, ownSettings } from '../test/doors.ts'
import { hearing } from '../test/hearing.ts'
import { createApp } from './app.ts'

const admin = { ADMIN_EMAIL: 'alix@boutique.test', ADMIN_PASSWORD: 'douze douzaines' }
const time = clock()
const settings = ownSettings({
  ...admin,
  KAFKA_BROKERS: inject('kafka'),
  ACCOUNT_LINK_SECRET: 'between auth-service and notification-service',
})
let app: Awaited<ReturnType<typeof createApp>>
let mongo: Awaited<ReturnType<typeof openMongo>>
let asAdmin: Record<string, string>
let news: Awaited<ReturnType<typeof hearing<AccountDeletion>>>
const told = (userId: string) => [...news.heard.values()].filter(({ subject }) => subject === userId)

beforeAll(async () => {
  app = await createApp(settings, time)
  mongo = await openMongo(settings.MONGODB_URL, 'auth-service')
  const { value } = await doors.REST(app).login({ email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })
  asAdmin = bearer(value.accessToken)
  news = await hearing(inject('kafka'), ACCOUNT_DELETIONS, 1, parseAccountDeletion)
})
afterAll(async () => {
  await Promise.all([news.close(), mongo.close()])
  await app.close()
})

async function member() {
  const wish = newcomer()
  const { value } = await doors.REST(app).register(wish)
  return { ...wish, id: value.user.id as string, session: value, as: bearer(value.accessToken) }
}

describe.each(['REST', 'GraphQL'] as const)('through %s', (name) => {
  let door: ReturnType<(typeof doors)['REST']>
  beforeAll(() => void (door = doors[name](app) as typeof door))

  it('someone deletes their account, and nothing is left but the id', async () => {
    const { id, email, password, session, as } = await member()
    expect(await door.deleteAccount('another one', as)).toMatchObject({ code: 'INVALID_CREDENTIALS' })
    expect((await door.me(as)).value).toMatchObject({ email })
    expect(await door.deleteAccount(password, as)).toEqual({ value: true })

    const kept = await mongo.db.collection<{ _id: string }>('users').findOne({ _id: id })
    expect(kept).toMatchObject({ name: '', email: '', password: '', words: [], active: false })
    expect(JSON.stringify(kept).toLowerCase()).not.toMatch(new RegExp(`${email.toLowerCase()}|camille|argon2`))
    expect(await door.login({ email, password })).toMatchObject({ code: 'INVALID_CREDENTIALS' })
    expect(await door.login({ email: `DELETED ${id}`, password: '' })).not.toHaveProperty('value')
    expect(await door.refresh(session.refreshToken)).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await door.me(as)).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await door.deleteAccount(password, as)).toMatchObject({ code: 'UNAUTHENTICATED' })

    const { value } = await door.securityLog(id, asAdmin)
    expect(value.items.slice(0, 2)).toMatchObject([
      { what: 'account-deleted', outcome: 'done', byId: id },
      { what: 'account-deleted', outcome: 'refused', byId: id },
    ])
    expect((await door.register({ ...newcomer(), email })).value.user.id).not.toBe(id)
  })

  it('others are told at once, and again when the last access token has ended', async () => {
    const { id, email, password, as } = await member()
    await door.deleteAccount(password, as)
    const [event] = await eventually('it is told', () => told(id).length > 0 && told(id))
    expect(event).toMatchObject({ type: 'account.deleted', subject: id, data: { user: { id } } })
    expect(JSON.stringify(event)).not.toContain(email)
    time.move(600_000)
    // Told after it, in the same partition: by then the second news would be there too.
    const other = await member()
    await door.deleteAccount(other.password, other.as)
    await eventually('another deletion is told', () => told(other.id).length > 0)
    expect(told(id)).toHaveLength(1)
    time.move(61_000)
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
    const { id, password, as } = await member()
    await door.deleteAccount(password, as)
    expect((await door.setActive(id, true, asAdmin)).value).toMatchObject({ id, email: '', active: false })
    expect((await door.setRole(id, 'admin', asAdmin)).value).toMatchObject({ role: 'user' })
  })

  it('is not for strangers, nor for admins', async () => {
    expect(await door.deleteAccount('whatever')).toMatchObject({ code: 'UNAUTHENTICATED' })
    const { value } = await door.login({ email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })
    expect(await door.deleteAccount(admin.ADMIN_PASSWORD, bearer(value.accessToken))).toMatchObject({
      code: 'FORBIDDEN',
    })
  })
})

it('needs a Kafka to tell others of it', async () => {
  const plain = await createApp(ownSettings())
  const door = doors.REST(plain)
  const wish = newcomer()
  const { value } = await door.register(wish)
  expect(await door.deleteAccount(wish.password, bearer(value.accessToken))).toMatchObject({ code: 'UNAVAILABLE' })
  await plain.close()
})

describe("one's own data", () => {
  const read = async (headers: Record<string, string>) => (await app.inject({ url: '/me/data', headers })).json()

  it('is the account, the sessions and what happened, all of it and nobody else’s', async () => {
    const { id, email, password, as } = await member()
    const door = doors.REST(app)
    for (let i = 0; i < 101; i++) await door.login({ email, password })
    const data = await read(as)
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
