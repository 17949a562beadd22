import { ACCOUNT_EVENTS, parseAccountEvent, type AccountEvent } from '@halles/contracts/account-events'
import { connectMongo } from '@halles/mongo/mongo'
import { createEncryption } from '@halles/auth/encryption'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { apiClients, registerUser, type ApiClient } from '../../test/api-clients.ts'
import { collectEvents } from '../../test/event-collector.ts'
import {
  adminCredentials,
  adminSettings,
  bearer,
  createClock,
  createFrozenClock,
  registrationInput,
  testSettings,
  unusedEmail,
} from '../../test/fixtures.ts'
import { createApp } from '../app.ts'

const LINK_SECRET = 'between auth-service and notification-service'
const NEW_PASSWORD = 'une autre douzaine'
const HOUR = 3_600_000

const time = createClock()
const settings = testSettings({ ...adminSettings, KAFKA_BROKERS: inject('kafka'), ACCOUNT_LINK_SECRET: LINK_SECRET })
let app: Awaited<ReturnType<typeof createApp>>
let adminHeaders: Record<string, string>
let collected: Awaited<ReturnType<typeof collectEvents<AccountEvent>>>
beforeAll(async () => {
  app = await createApp(settings, time)
  const { value } = await apiClients.REST(app).login(adminCredentials)
  adminHeaders = bearer(value.accessToken)
  collected = await collectEvents(inject('kafka'), ACCOUNT_EVENTS, 3, parseAccountEvent)
})
afterAll(async () => {
  await collected.close()
  await app.close()
})

/** All events about a user, without duplicates. */
const allEventsOf = (userId: string): AccountEvent[] =>
  [...collected.events.values()].filter(({ subject }) => subject === userId)
/** The same without the request to verify the address, which every registration makes. */
const eventsOf = (userId: string): AccountEvent[] => {
  const first = allEventsOf(userId).find(({ type }) => type === 'account.email-verification-requested')
  return allEventsOf(userId).filter((event) => event !== first)
}
const waitForEvents = (userId: string, count: number) =>
  eventually(`${count} events of ${userId}`, () => eventsOf(userId).length >= count && eventsOf(userId))

/** Decrypts the link token in an event. */
const decryptToken = (event: AccountEvent | undefined): Promise<string> =>
  createEncryption(LINK_SECRET).decrypt(event!.data.link!.sealed)

it('a user who reset their password by a link can sign in from that subnet despite failed attempts from others', async () => {
  const gatewaySettings = { GATEWAY_SECRET: 'between-gateway-and-services', THROTTLING_SCALE: '1' }
  const frozenClock = createFrozenClock()
  const limited = await createApp(
    testSettings({ ...gatewaySettings, KAFKA_BROKERS: inject('kafka'), ACCOUNT_LINK_SECRET: LINK_SECRET }),
    frozenClock,
  )
  onTestFinished(() => limited.close())
  const post = (address: string, url: string, payload: object) =>
    limited.inject({
      method: 'POST',
      url,
      headers: { 'x-gateway-secret': gatewaySettings.GATEWAY_SECRET, 'x-forwarded-for': address },
      payload,
    })
  const { email, ...input } = registrationInput()
  const { user } = (await post('203.0.113.1', '/register', { email, ...input })).json()
  for (let i = 0; i < 51; i++) await post(`198.51.100.${i}`, '/login', { email, password: 'a guess' })
  const signIn = async () => (await post('203.0.113.2', '/login', { email, password: NEW_PASSWORD })).statusCode
  expect(await signIn()).toBe(429)

  await post('203.0.113.2', '/password/forgotten', { email })
  const token = await decryptToken((await waitForEvents(user.id, 1))[0])
  expect((await post('203.0.113.2', '/password/reset', { token, newPassword: NEW_PASSWORD })).statusCode).toBe(204)
  expect(await signIn()).toBe(200)
})

describe.each(['REST', 'GraphQL'] as const)('auth-service over %s', (name) => {
  let client: ApiClient
  beforeAll(() => void (client = apiClients[name](app)))
  const invalidLink = { code: 'VALIDATION_FAILED', errors: [{ path: '/token' }] }

  it('resets a forgotten password by an e-mailed link, once', async () => {
    const { id, email, password, session } = await registerUser(client)
    expect(await client.requestPasswordReset(email.toUpperCase())).toEqual({ value: true })
    const [event] = await waitForEvents(id, 1)
    expect(event).toMatchObject({
      type: 'account.password-reset-requested',
      subject: id,
      data: { user: { id, email, name: 'Camille Martin', locale: 'fr', role: 'user' } },
    })
    const token = await decryptToken(event)
    expect(JSON.stringify(event)).not.toContain(token.split('.')[1])

    expect(await client.resetPassword(token, 'azertyuiop')).toMatchObject({ errors: [{ path: '/newPassword' }] })
    expect(await client.resetPassword(token, NEW_PASSWORD)).toEqual({ value: true })
    expect(await client.resetPassword(token, 'encore une autre')).toMatchObject(invalidLink)
    expect(await client.refresh(session.refreshToken)).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await client.login({ email, password })).toMatchObject({ code: 'INVALID_CREDENTIALS' })
    expect((await client.login({ email, password: NEW_PASSWORD })).value.user.emailVerified).toBe(true)
    expect((await waitForEvents(id, 2))[1]!.type).toBe('account.password-changed')
  })

  it('accepts a link for an hour, and only the latest one', async () => {
    const { id, email } = await registerUser(client)
    await client.requestPasswordReset(email)
    const first = await decryptToken((await waitForEvents(id, 1))[0])
    await client.requestPasswordReset(email)
    const second = await decryptToken((await waitForEvents(id, 2))[1])
    expect(await client.resetPassword(first, NEW_PASSWORD)).toMatchObject(invalidLink)
    time.advance(HOUR)
    expect(await client.resetPassword(second, NEW_PASSWORD)).toMatchObject(invalidLink)
    for (const forged of ['nonsense', `${id}.x`, `${id}.${'A'.repeat(43)}`, '.'])
      expect(await client.resetPassword(forged, NEW_PASSWORD)).toMatchObject(invalidLink)
  })

  it('rejects a link after the password was changed or the account deactivated', async () => {
    const { id, email, password, headers } = await registerUser(client)
    await client.requestPasswordReset(email)
    const token = await decryptToken((await waitForEvents(id, 1))[0])
    await client.changePassword({ currentPassword: password, newPassword: NEW_PASSWORD }, headers)
    expect(await client.resetPassword(token, 'encore une autre')).toMatchObject(invalidLink)
    await client.requestPasswordReset(email)
    const next = await decryptToken((await waitForEvents(id, 3))[2])
    await client.setActive(id, false, adminHeaders)
    expect(await client.resetPassword(next, 'encore une autre')).toMatchObject(invalidLink)
  })

  it('asks every new user to verify their address', async () => {
    const { id, email, headers } = await registerUser(client)
    const [event] = await eventually('the event is published', () => allEventsOf(id).length > 0 && allEventsOf(id))
    expect(event).toMatchObject({
      type: 'account.email-verification-requested',
      traceparent: expect.any(String),
      data: { user: { email } },
    })
    expect(await client.verifyEmail(await decryptToken(event))).toEqual({ value: true })
    expect((await client.me(headers)).value).toMatchObject({ emailVerified: true })
  })

  it('verifies an address by a link, which cannot be used for another purpose', async () => {
    const { id, email, headers } = await registerUser(client)
    expect((await client.me(headers)).value.emailVerified).toBe(false)
    expect(await client.requestEmailVerification()).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect(await client.requestEmailVerification(headers)).toEqual({ value: true })
    const [event] = await waitForEvents(id, 1)
    expect(event!.type).toBe('account.email-verification-requested')
    const token = await decryptToken(event)
    expect(await client.resetPassword(token, NEW_PASSWORD)).toMatchObject(invalidLink)
    expect(await client.verifyEmail(token)).toEqual({ value: true })
    expect(await client.verifyEmail(token)).toMatchObject(invalidLink)
    expect((await client.me(headers)).value).toMatchObject({ email, emailVerified: true })
  })

  it('publishes an event about a change of role', async () => {
    const { id } = await registerUser(client)
    await client.setRole(id, 'admin', adminHeaders)
    const [event] = await waitForEvents(id, 1)
    expect(event).toMatchObject({ type: 'account.role-changed', data: { user: { role: 'admin' } } })
  })

  it('responds to a password reset for an address without an account as for any other', async () => {
    expect(await client.requestPasswordReset(unusedEmail())).toEqual({ value: true })
  })
})

it('auth-service sends at most four e-mails in a row to an address, and does not tell the requester', async () => {
  const own = testSettings({ KAFKA_BROKERS: inject('kafka'), ACCOUNT_LINK_SECRET: LINK_SECRET, THROTTLING_SCALE: '1' })
  const limited = await createApp(own)
  const client = apiClients.REST(limited)
  const input = registrationInput()
  const { value } = await client.register(input)
  for (let i = 0; i < 8; i++) expect(await client.requestPasswordReset(input.email)).toEqual({ value: true })
  const { db, close } = await connectMongo(own.MONGODB_URL, 'auth-service')
  await eventually(
    'all link requests are processed',
    async () => (await db.collection('linkRequests').countDocuments()) === 0,
  )
  await eventually(
    'all events are published',
    async () => (await db.collection('users').countDocuments({ 'unpublished.id': { $exists: true } })) === 0,
  )
  await close()
  await limited.close()
  // One of them is that of the registration. The fourth exceeds the burst of three, and its delay blocks the next ones.
  await waitForEvents(value.user.id, 3)
  expect(allEventsOf(value.user.id)).toHaveLength(4)
})

it('auth-service keeps events while Kafka is unavailable, and stores no plain link token', async () => {
  const own = testSettings({ KAFKA_BROKERS: '127.0.0.1:1', ACCOUNT_LINK_SECRET: LINK_SECRET })
  const disconnected = await createApp(own)
  const client = apiClients.REST(disconnected)
  const input = registrationInput()
  const { value } = await client.register(input)
  expect(await client.requestPasswordReset(input.email)).toEqual({ value: true })
  const { db, close } = await connectMongo(own.MONGODB_URL, 'auth-service')
  const users = db.collection<{ _id: string; unpublished?: unknown[] }>('users')
  const account = await eventually('the events are stored', async () => {
    const found = await users.findOne({ _id: value.user.id })
    return found?.unpublished?.length === 2 && found
  })
  await disconnected.close()
  const unpublished = account.unpublished as { type: string; link: { sealed: string } }[]
  const { link } = unpublished.find(({ type }) => type === 'account.password-reset-requested')!
  const token = await createEncryption(LINK_SECRET).decrypt(link.sealed)
  expect(JSON.stringify(account)).not.toContain(token.split('.')[1])

  const reconnected = await createApp({ ...own, KAFKA_BROKERS: inject('kafka') })
  expect(await decryptToken((await waitForEvents(value.user.id, 1))[0])).toBe(token)
  await eventually(
    'no event is pending',
    async () => ((await users.findOne({ _id: value.user.id }))?.unpublished?.length ?? 0) === 0,
  )
  await Promise.all([reconnected.close(), close()])
})

it('requestPasswordReset fails with UNAVAILABLE without Kafka', async () => {
  const withoutKafka = await createApp(testSettings())
  expect(await apiClients.REST(withoutKafka).requestPasswordReset(unusedEmail())).toMatchObject({ code: 'UNAVAILABLE' })
  await withoutKafka.close()
})
