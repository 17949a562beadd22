import { ACCOUNT_EVENTS, parseAccountEvent, type AccountEvent } from '@halles/contracts/account-events'
import { openMongo } from '@halles/service/mongo'
import { sealingUnder } from '@halles/service/sealed'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { bearer, createClock, apiClients, registrationInput, testSettings, createFrozenClock } from '../../test/FIX'
import { collectEvents } from '../../test/event-collector.ts'
import { createApp } from '../app.ts'

const SECRET = 'between auth-service and notification-service'
const admin = { ADMIN_EMAIL: 'alix@boutique.test', ADMIN_PASSWORD: 'douze douzaines' }
const OTHER = 'une autre douzaine'
const HOUR = 3_600_000

const time = createClock()
const settings = testSettings({ ...admin, KAFKA_BROKERS: inject('kafka'), ACCOUNT_LINK_SECRET: SECRET })
let app: Awaited<ReturnType<typeof createApp>>
let adminHeaders: Record<string, string>
let news: Awaited<ReturnType<typeof collectEvents<AccountEvent>>>
beforeAll(async () => {
  app = await createApp(settings, time)
  const { value } = await apiClients.REST(app).login({ email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })
  adminHeaders = bearer(value.accessToken)
  news = await collectEvents(inject('kafka'), ACCOUNT_EVENTS, 3, parseAccountEvent)
})
afterAll(async () => {
  await news.close()
  await app.close()
})

/** What was told of a user, repeats aside. */
const allOf = (userId: string): AccountEvent[] => [...news.heard.values()].filter(({ subject }) => subject === userId)
/** And beside the request to prove their address that every registration makes. */
const eventsOf = (userId: string): AccountEvent[] => {
  const first = allOf(userId).find(({ type }) => type === 'account.email-verification-requested')
  return allOf(userId).filter((event) => event !== first)
}
const toldOf = (userId: string, count: number) =>
  eventually(`${count} events of ${userId}`, () => eventsOf(userId).length >= count && eventsOf(userId))

/** The token in the letter that an event is for. */
const tokenIn = (event: AccountEvent | undefined): Promise<string> =>
  sealingUnder(SECRET).open(event!.data.link!.sealed)

it('who used the link in their letter is let in where they did, however many guess elsewhere', async () => {
  const behind = { GATEWAY_SECRET: 'between-gateway-and-services', THROTTLING_SCALE: '1' }
  const still = createFrozenClock()
  const guarded = await createApp(
    testSettings({ ...behind, KAFKA_BROKERS: inject('kafka'), ACCOUNT_LINK_SECRET: SECRET }),
    still,
  )
  onTestFinished(() => guarded.close())
  const post = (place: string, url: string, payload: object) =>
    guarded.inject({
      method: 'POST',
      url,
      headers: { 'x-gateway-secret': behind.GATEWAY_SECRET, 'x-forwarded-for': place },
      payload,
    })
  const { email, ...wish } = registrationInput()
  const { user } = (await post('203.0.113.1', '/register', { email, ...wish })).json()
  for (let i = 0; i < 51; i++) await post(`198.51.100.${i}`, '/login', { email, password: 'a guess' })
  const signIn = async () => (await post('203.0.113.2', '/login', { email, password: OTHER })).statusCode
  expect(await signIn()).toBe(429)

  await post('203.0.113.2', '/password/forgotten', { email })
  const token = await tokenIn((await toldOf(user.id, 1))[0])
  expect((await post('203.0.113.2', '/password/reset', { token, newPassword: OTHER })).statusCode).toBe(204)
  expect(await signIn()).toBe(200)
})

describe.each(['REST', 'GraphQL'] as const)('through %s', (name) => {
  let client: ReturnType<(typeof apiClients)['REST']>
  beforeAll(() => void (client = apiClients[name](app) as typeof client))

  async function member() {
    const wish = registrationInput()
    const { value } = await client.register(wish)
    return { ...wish, id: value.user.id as string, session: value, headers: bearer(value.accessToken) }
  }
  const spent = { code: 'VALIDATION_FAILED', errors: [{ path: '/token' }] }

  it('who forgot their password gets a link, for one use, and by it a new one', async () => {
    const { id, email, password, session } = await member()
    expect(await client.requestPasswordReset(email.toUpperCase())).toEqual({ value: true })
    const [event] = await toldOf(id, 1)
    expect(event).toMatchObject({
      type: 'account.password-reset-requested',
      subject: id,
      data: { user: { id, email, name: 'Camille Martin', locale: 'fr', role: 'user' } },
    })
    const token = await tokenIn(event)
    expect(JSON.stringify(event)).not.toContain(token.split('.')[1])

    expect(await client.resetPassword(token, 'azertyuiop')).toMatchObject({ errors: [{ path: '/newPassword' }] })
    expect(await client.resetPassword(token, OTHER)).toEqual({ value: true })
    expect(await client.resetPassword(token, 'encore une autre')).toMatchObject(spent)
    expect(await client.refresh(session.refreshToken)).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await client.login({ email, password })).toMatchObject({ code: 'INVALID_CREDENTIALS' })
    expect((await client.login({ email, password: OTHER })).value.user.emailVerified).toBe(true)
    expect((await toldOf(id, 2))[1]!.type).toBe('account.password-changed')
  })

  it('a link is good for an hour, and only the last one', async () => {
    const { id, email } = await member()
    await client.requestPasswordReset(email)
    const first = await tokenIn((await toldOf(id, 1))[0])
    await client.requestPasswordReset(email)
    const second = await tokenIn((await toldOf(id, 2))[1])
    expect(await client.resetPassword(first, OTHER)).toMatchObject(spent)
    time.advance(HOUR)
    expect(await client.resetPassword(second, OTHER)).toMatchObject(spent)
    for (const made of ['nonsense', `${id}.x`, `${id}.${'A'.repeat(43)}`, '.'])
      expect(await client.resetPassword(made, OTHER)).toMatchObject(spent)
  })

  it('a link ends when the password is changed, and when the account is closed', async () => {
    const { id, email, password, headers } = await member()
    await client.requestPasswordReset(email)
    const token = await tokenIn((await toldOf(id, 1))[0])
    await client.changePassword({ currentPassword: password, newPassword: OTHER }, headers)
    expect(await client.resetPassword(token, 'encore une autre')).toMatchObject(spent)
    await client.requestPasswordReset(email)
    const next = await tokenIn((await toldOf(id, 3))[2])
    await client.setActive(id, false, adminHeaders)
    expect(await client.resetPassword(next, 'encore une autre')).toMatchObject(spent)
  })

  it('who registers is asked to prove their address', async () => {
    const { id, email, headers } = await member()
    const [event] = await eventually('it is told', () => allOf(id).length > 0 && allOf(id))
    expect(event).toMatchObject({
      type: 'account.email-verification-requested',
      traceparent: expect.any(String),
      data: { user: { email } },
    })
    expect(await client.verifyEmail(await tokenIn(event))).toEqual({ value: true })
    expect((await client.me(headers)).value).toMatchObject({ emailVerified: true })
  })

  it('an address is proven by a link, which is for nothing else', async () => {
    const { id, email, headers } = await member()
    expect((await client.me(headers)).value.emailVerified).toBe(false)
    expect(await client.requestEmailVerification()).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await client.requestEmailVerification(headers)).toEqual({ value: true })
    const [event] = await toldOf(id, 1)
    expect(event!.type).toBe('account.email-verification-requested')
    const token = await tokenIn(event)
    expect(await client.resetPassword(token, OTHER)).toMatchObject(spent)
    expect(await client.verifyEmail(token)).toEqual({ value: true })
    expect(await client.verifyEmail(token)).toMatchObject(spent)
    expect((await client.me(headers)).value).toMatchObject({ email, emailVerified: true })
  })

  it('a change of role is told', async () => {
    const { id } = await member()
    await client.setRole(id, 'admin', adminHeaders)
    const [event] = await toldOf(id, 1)
    expect(event).toMatchObject({ type: 'account.role-changed', data: { user: { role: 'admin' } } })
  })

  it('an address without an account gets the same answer, and no letter', async () => {
    expect(await client.requestPasswordReset(registrationInput().email)).toEqual({ value: true })
  })
})

it('four letters in an hour go to no address, and who wants them is not told', async () => {
  const own = testSettings({ KAFKA_BROKERS: inject('kafka'), ACCOUNT_LINK_SECRET: SECRET, THROTTLING_SCALE: '1' })
  const strict = await createApp(own)
  const client = apiClients.REST(strict)
  const wish = registrationInput()
  const { value } = await client.register(wish)
  for (let i = 0; i < 8; i++) expect(await client.requestPasswordReset(wish.email)).toEqual({ value: true })
  const { db, close } = await openMongo(own.MONGODB_URL, 'auth-service')
  await eventually('all are dealt with', async () => (await db.collection('linkRequests').countDocuments()) === 0)
  await eventually(
    'all are told',
    async () => (await db.collection('users').countDocuments({ 'untold.id': { $exists: true } })) === 0,
  )
  await close()
  await strict.close()
  // The registration's is one of them. The one beyond those that wait for nothing makes the next ones wait.
  await toldOf(value.user.id, 3)
  expect(allOf(value.user.id)).toHaveLength(4)
})

it('events wait with the account while Kafka is away, and no token is in the database', async () => {
  const own = testSettings({ KAFKA_BROKERS: '127.0.0.1:1', ACCOUNT_LINK_SECRET: SECRET })
  const without = await createApp(own)
  const client = apiClients.REST(without)
  const wish = registrationInput()
  const { value } = await client.register(wish)
  expect(await client.requestPasswordReset(wish.email)).toEqual({ value: true })
  const { db, close } = await openMongo(own.MONGODB_URL, 'auth-service')
  const users = db.collection<{ _id: string; untold?: unknown[] }>('users')
  const account = await eventually('the events are kept', async () => {
    const found = await users.findOne({ _id: value.user.id })
    return found?.untold?.length === 2 && found
  })
  await without.close()
  const untold = account.untold as { type: string; link: { sealed: string } }[]
  const { link } = untold.find(({ type }) => type === 'account.password-reset-requested')!
  const token = await sealingUnder(SECRET).open(link.sealed)
  expect(JSON.stringify(account)).not.toContain(token.split('.')[1])

  const back = await createApp({ ...own, KAFKA_BROKERS: inject('kafka') })
  expect(await tokenIn((await toldOf(value.user.id, 1))[0])).toBe(token)
  await eventually(
    'it is told no more',
    async () => ((await users.findOne({ _id: value.user.id }))?.untold?.length ?? 0) === 0,
  )
  await Promise.all([back.close(), close()])
})

it('a shop without Kafka says that it sends no letters', async () => {
  const plain = await createApp(testSettings())
  expect(await apiClients.REST(plain).requestPasswordReset(registrationInput().email)).toMatchObject({ code: 'UNAVAILABLE' })
  await plain.close()
})
