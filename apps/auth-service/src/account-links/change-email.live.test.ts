import { randomUUID } from 'node:crypto'
import { ACCOUNT_EVENTS, parseAccountEvent, type AccountEvent } from '@halles/contracts/account-events'
import { connectMongo } from '@halles/mongo/mongo'
import { createEncryption } from '@halles/auth/encryption'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { apiClients, registerUser, type ApiClient } from '../../test/api-clients.ts'
import { collectEvents } from '../../test/event-collector.ts'
import {
  adminCredentials,
  adminSettings,
  bearer,
  createClock,
  createFrozenClock,
  decodeClaims,
  registrationInput,
  testSettings,
  unusedEmail,
} from '../../test/fixtures.ts'
import { createApp } from '../app.ts'

const LINK_SECRET = 'between auth-service and notification-service'
const NEW_PASSWORD = 'une autre douzaine'
const HOUR = 3_600_000

const time = createClock()
const kafkaSettings = { KAFKA_BROKERS: inject('kafka'), ACCOUNT_LINK_SECRET: LINK_SECRET }
const settings = testSettings({ ...adminSettings, ...kafkaSettings })
let app: Awaited<ReturnType<typeof createApp>>
let second: typeof app
let adminHeaders: Record<string, string>
let collected: Awaited<ReturnType<typeof collectEvents<AccountEvent>>>
beforeAll(async () => {
  app = await createApp(settings, time)
  second = await createApp(settings, time)
  const { value } = await apiClients.REST(app).login(adminCredentials)
  adminHeaders = bearer(value.accessToken)
  collected = await collectEvents(inject('kafka'), ACCOUNT_EVENTS, 3, parseAccountEvent)
})
afterAll(async () => {
  await collected.close()
  await Promise.all([app.close(), second.close()])
})

const eventsOf = (userId: string, type: string): AccountEvent[] =>
  [...collected.events.values()].filter((event) => event.subject === userId && event.type === `account.${type}`)
/** Waits for the nth event of a type about a user. */
const waitForEvent = (userId: string, type: string, nth = 1): Promise<AccountEvent> =>
  eventually(`${type} ${nth} of ${userId} is published`, () => eventsOf(userId, type)[nth - 1])
/** Waits for the nth event of a type about a user, and decrypts its link token. */
const waitForToken = async (userId: string, type = 'email-change-requested', nth = 1): Promise<string> =>
  createEncryption(LINK_SECRET).decrypt((await waitForEvent(userId, type, nth)).data.link!.sealed)

const invalidLink = { code: 'VALIDATION_FAILED', errors: [{ path: '/token' }] }

describe.each(['REST', 'GraphQL'] as const)('changeEmail over %s', (name) => {
  let client: ApiClient
  beforeAll(() => void (client = apiClients[name](app)))

  it('changes the address, once, by the link that was e-mailed to the new one', async () => {
    const { id, email, password, session, headers } = await registerUser(client)
    const { value: elsewhere } = await client.login({ email, password })
    const newEmail = unusedEmail()
    expect(await client.requestEmailChange(newEmail, password, headers)).toEqual({ value: true })
    expect((await waitForEvent(id, 'email-change-requested')).data).toMatchObject({
      user: { id, email: newEmail, name: 'Camille Martin', locale: 'fr' },
      link: { expiresAt: expect.any(String) },
    })
    expect((await client.me(headers)).value).toMatchObject({ email, emailVerified: false })

    const token = await waitForToken(id)
    expect(await client.changeEmail(token)).toEqual({ value: true })
    expect(await client.changeEmail(token)).toMatchObject(invalidLink)
    expect(await client.login({ email, password })).toMatchObject({ code: 'INVALID_CREDENTIALS' })
    expect((await client.login({ email: newEmail.toUpperCase(), password })).value.user).toMatchObject({
      id,
      email: newEmail,
    })
    expect((await waitForEvent(id, 'email-changed')).data).toEqual({
      user: { id, email, name: 'Camille Martin', locale: 'fr', role: 'user' },
    })

    const { value: refreshed } = await client.refresh(session.refreshToken)
    expect(refreshed.user).toMatchObject({ email: newEmail, emailVerified: true })
    expect(decodeClaims(refreshed.accessToken)).toMatchObject({ email: newEmail, ver: 1 })
    expect(await client.refresh(elsewhere.refreshToken)).toMatchObject({ code: 'UNAUTHENTICATED' })
    await eventually('tokens with the old address are revoked', async () => {
      const { code } = await client.me(headers)
      return code === 'UNAUTHENTICATED'
    })

    const { value: log } = await client.securityLog(id, adminHeaders)
    expect(log.items.find(({ what }: { what: string }) => what === 'email-changed')).toMatchObject({ outcome: 'done' })
    const find = async (search: string) =>
      (await app.inject({ url: `/users?search=${search}`, headers: adminHeaders })).json().items
    expect(await find(newEmail.split('@')[0]!)).toMatchObject([{ id, email: newEmail }])
    expect(await find(email.split('@')[0]!)).toEqual([])
    // The previous address can be registered again.
    expect((await client.register({ ...registrationInput(), email })).value.user.id).not.toBe(id)
  })

  it('requires the password and a signed-in user', async () => {
    const { id, email, headers } = await registerUser(client)
    expect(await client.requestEmailChange(unusedEmail(), 'not the password', headers)).toMatchObject({
      code: 'INVALID_CREDENTIALS',
    })
    expect(await client.requestEmailChange('no address', 'not the password')).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect((await client.me(headers)).value).toMatchObject({ email })
    const { value } = await client.securityLog(id, adminHeaders)
    expect(value.items[0]).toMatchObject({ what: 'email-changed', outcome: 'refused', byId: id })
  })

  it('sends the same e-mail to an address that has an account, and reveals that only to its reader', async () => {
    const owner = await registerUser(client)
    const { id, email, password, session, headers } = await registerUser(client)
    expect(await client.requestEmailChange(owner.email.toUpperCase(), password, headers)).toEqual({ value: true })
    const token = await waitForToken(id)
    expect(await waitForEvent(id, 'email-change-requested')).toMatchObject({
      data: { user: { id, email: owner.email.toUpperCase() } },
    })
    expect(await client.changeEmail(token)).toMatchObject({ code: 'EMAIL_TAKEN' })
    expect((await client.me(headers)).value).toMatchObject({ email, emailVerified: false })
    expect((await client.me(owner.headers)).value).toMatchObject({ email: owner.email })
    expect(await client.refresh(session.refreshToken)).toHaveProperty('value')
    // The attempt is visible to admins, but not in the requester's own data.
    const { items } = (await app.inject({ url: '/security-log', headers: adminHeaders })).json()
    expect(items[0]).toMatchObject({ what: 'email-changed', outcome: 'refused', userId: null })
    const { securityLog } = (await app.inject({ url: '/me/data', headers: headers })).json()
    expect(securityLog).toMatchObject([{ what: 'registration' }])

    await client.deleteAccount(owner.password, owner.headers)
    expect(await client.changeEmail(token)).toEqual({ value: true })
    expect((await client.login({ email: owner.email, password })).value.user).toMatchObject({ id })
    expect(eventsOf(owner.id, 'email-changed')).toEqual([])
  })

  it('accepts a link for an hour, only the latest one, and for no other purpose', async () => {
    const { id, password, headers } = await registerUser(client)
    await client.requestEmailChange(unusedEmail(), password, headers)
    const first = await waitForToken(id)
    await client.requestEmailChange(unusedEmail(), password, headers)
    const latest = await waitForToken(id, 'email-change-requested', 2)
    expect(await client.changeEmail(first)).toMatchObject(invalidLink)
    expect(await client.verifyEmail(latest)).toMatchObject(invalidLink)
    expect(await client.resetPassword(latest, NEW_PASSWORD)).toMatchObject(invalidLink)
    expect(await client.changeEmail(await waitForToken(id, 'email-verification-requested'))).toMatchObject(invalidLink)
    time.advance(HOUR)
    expect(await client.changeEmail(latest)).toMatchObject(invalidLink)
    for (const forged of ['nonsense', `${id}.x`, `${id}.${'A'.repeat(43)}`, '.'])
      expect(await client.changeEmail(forged)).toMatchObject(invalidLink)
  })

  it('rejects a link after the password was changed or reset, or the account deactivated', async () => {
    const { id, email, password, headers } = await registerUser(client)
    await client.requestEmailChange(unusedEmail(), password, headers)
    await client.changePassword({ currentPassword: password, newPassword: NEW_PASSWORD }, headers)
    expect(await client.changeEmail(await waitForToken(id))).toMatchObject(invalidLink)

    await client.requestEmailChange(unusedEmail(), NEW_PASSWORD, headers)
    await client.requestPasswordReset(email)
    await client.resetPassword(await waitForToken(id, 'password-reset-requested'), password)
    expect(await client.changeEmail(await waitForToken(id, 'email-change-requested', 2))).toMatchObject(invalidLink)

    const { value } = await client.login({ email, password })
    await client.requestEmailChange(unusedEmail(), password, bearer(value.accessToken))
    const last = await waitForToken(id, 'email-change-requested', 3)
    await client.setActive(id, false, adminHeaders)
    expect(await client.changeEmail(last)).toMatchObject(invalidLink)
  })

  it('invalidates the links that were sent to the previous address', async () => {
    const { id, email, password, headers } = await registerUser(client)
    await client.requestPasswordReset(email)
    const reset = await waitForToken(id, 'password-reset-requested')
    const verification = await waitForToken(id, 'email-verification-requested')
    await client.requestEmailChange(unusedEmail(), password, headers)
    expect(await client.changeEmail(await waitForToken(id))).toEqual({ value: true })
    expect(await client.resetPassword(reset, NEW_PASSWORD)).toMatchObject(invalidLink)
    expect(await client.verifyEmail(verification)).toMatchObject(invalidLink)
  })

  it.each([
    ['a header after it', 'a@example.test\r\nBcc: b@example.test'],
    ['a line feed in it', 'a\n@example.test'],
    ['markup around it', '<img src=x>@example.test'],
    ['a name around it', 'Mallory <a@example.test>'],
    ['another one beside it', 'a@example.test, b@example.test'],
    ['an option for SMTP', 'a@example.test> SIZE=1'],
    ['too much of it', `${'a'.repeat(250)}@example.test`],
  ])('rejects an address with %s', async (_what, email) => {
    const { id, password, headers } = await registerUser(client)
    expect(await client.requestEmailChange(email, password, headers)).toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ path: '/email' }],
    })
    expect((await client.securityLog(id, adminHeaders)).value.items).toHaveLength(1)
  })

  it('stores an address that looks like a MongoDB expression as it is', async () => {
    const { id, password, headers } = await registerUser(client)
    const newEmail = `$name.${randomUUID()}@example.test`
    expect(await client.requestEmailChange(newEmail, password, headers)).toEqual({ value: true })
    expect(await client.changeEmail(await waitForToken(id))).toEqual({ value: true })
    expect((await client.login({ email: newEmail, password })).value.user).toMatchObject({ id, email: newEmail })
  })
})

describe('concurrent changes of e-mail addresses', () => {
  const ROUNDS = 10
  /** Registers a user, and requests a link to change their address. */
  async function requestLink(newEmail: string) {
    const user = await registerUser(apiClients.REST(app))
    await apiClients.REST(app).requestEmailChange(newEmail, user.password, user.headers)
    return { ...user, token: await waitForToken(user.id) }
  }
  const countSuccesses = (results: { value?: unknown }[]) => results.filter(({ value }) => value).length

  it('give an address that two users take to one of them', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const newEmail = unusedEmail()
      const users = await Promise.all([requestLink(newEmail), requestLink(newEmail.toUpperCase())])
      const results = await Promise.all(
        users.map(({ token }, i) => apiClients.REST([app, second][i]!).changeEmail(token)),
      )
      expect(countSuccesses(results)).toBe(1)
      const [winner, loser] = results[0]!.value ? users : users.toReversed()
      expect(results.find(({ code }) => code)).toMatchObject({ code: 'EMAIL_TAKEN' })
      const { value } = await apiClients.REST(app).login({ email: newEmail, password: winner!.password })
      expect(value.user.id).toBe(winner!.id)
      expect((await apiClients.REST(app).me(loser!.headers)).value).toMatchObject({ email: loser!.email })
    }
  })

  it('give an address that one user takes and another registers with to one of them', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const newEmail = unusedEmail()
      const { token } = await requestLink(newEmail)
      const results = await Promise.all([
        apiClients.REST(app).changeEmail(token),
        apiClients.REST(second).register({ ...registrationInput(), email: newEmail }),
      ])
      expect(countSuccesses(results)).toBe(1)
      expect(results.find(({ code }) => code)).toMatchObject({ code: 'EMAIL_TAKEN' })
    }
  })

  it('redeem a link once', async () => {
    const { id, token } = await requestLink(unusedEmail())
    const results = await Promise.all([app, second, app, second].map((one) => apiClients.REST(one).changeEmail(token)))
    expect(countSuccesses(results)).toBe(1)
    for (const { code } of results.filter(({ value }) => !value)) expect(code).toBe('VALIDATION_FAILED')
    await waitForEvent(id, 'email-changed')
    // Published after it in the same partition, so a duplicate would have been collected before it.
    await apiClients.REST(app).setRole(id, 'admin', adminHeaders)
    await waitForEvent(id, 'role-changed')
    expect(eventsOf(id, 'email-changed')).toHaveLength(1)
  })
})

it('changeEmail keeps the previous address as recipient of events that are still unpublished', async () => {
  const own = testSettings({ ...kafkaSettings, KAFKA_BROKERS: '127.0.0.1:1' })
  const disconnected = await createApp(own)
  const client = apiClients.REST(disconnected)
  const { email, password, ...input } = registrationInput()
  const { value } = await client.register({ email, password, ...input })
  const id = value.user.id as string
  const headers = bearer(value.accessToken)
  await client.changePassword({ currentPassword: password, newPassword: NEW_PASSWORD }, headers)
  const newEmail = unusedEmail()
  await client.requestEmailChange(newEmail, NEW_PASSWORD, headers)
  const { db, close } = await connectMongo(own.MONGODB_URL, 'auth-service')
  const account = await db.collection<{ _id: string; unpublished: any[] }>('users').findOne({ _id: id })
  const { link } = account!.unpublished.find(({ type }) => type === 'account.email-change-requested')
  const token = await createEncryption(LINK_SECRET).decrypt(link.sealed)
  expect(JSON.stringify(account)).not.toContain(token.split('.')[1])
  expect(await client.changeEmail(token)).toEqual({ value: true })
  await Promise.all([disconnected.close(), close()])

  const reconnected = await createApp({ ...own, KAFKA_BROKERS: inject('kafka') })
  const recipientOf = async (type: string) => (await waitForEvent(id, type)).data.user.email
  expect(await recipientOf('password-changed')).toBe(email)
  expect(await recipientOf('email-change-requested')).toBe(newEmail)
  expect(await recipientOf('email-changed')).toBe(email)
  await reconnected.close()
})

describe('requestEmailChange with the default rate limits', () => {
  let limited: typeof app
  beforeAll(async () => {
    // With a running clock, a delay of a second could pass unnoticed on a busy machine.
    limited = await createApp(testSettings({ ...kafkaSettings, THROTTLING_SCALE: '1' }), createFrozenClock())
  })
  afterAll(() => limited.close())

  it('counts a wrong password as a failed sign-in', async () => {
    const client = apiClients.REST(limited)
    const { headers, email } = await registerUser(client)
    const codes: unknown[] = []
    for (let i = 0; i < 7; i++) codes.push((await client.requestEmailChange(unusedEmail(), 'wrong', headers)).code)
    expect(codes).toEqual([...Array.from({ length: 6 }, () => 'INVALID_CREDENTIALS'), 'RATE_LIMITED'])
    expect(await client.login({ email, password: 'wrong' })).toMatchObject({ code: 'RATE_LIMITED' })
  })

  it('sends at most four e-mails in a row to a new address, not counting those to the account that has it', async () => {
    const client = apiClients.REST(limited)
    const owner = await registerUser(client)
    // E-mails to the account are blocked now.
    for (let i = 0; i < 4; i++) await client.requestPasswordReset(owner.email)
    await waitForEvent(owner.id, 'password-reset-requested', 3)
    const { id, password, headers } = await registerUser(client)
    for (let i = 0; i < 6; i++)
      expect(await client.requestEmailChange(owner.email, password, headers)).toEqual({ value: true })
    await waitForEvent(id, 'email-change-requested', 4)
    await client.changePassword({ currentPassword: password, newPassword: NEW_PASSWORD }, headers)
    await waitForEvent(id, 'password-changed')
    expect(eventsOf(id, 'email-change-requested')).toHaveLength(4)
  })
})

it('requestEmailChange makes the same database operations whether or not the new address has an account', async () => {
  const own = testSettings(kafkaSettings)
  const profiled = await createApp(own)
  const client = apiClients.REST(profiled)
  const [owner, requester] = [await registerUser(client), await registerUser(client)]
  const { db, close } = await connectMongo(own.MONGODB_URL, 'auth-service')
  await eventually(
    'the link requests of the registrations are processed',
    async () => (await db.collection('linkRequests').countDocuments()) === 0,
  )
  await db.command({ profile: 2 })
  const profile = db.collection('system.profile', { readConcern: { level: 'local' } })

  /**
   * Requests a change to an address, and returns the operations on users and failed attempts. Those of the request filter
   * by id; those of background workers do not, and are left out.
   */
  const findOperations = async (email: string): Promise<string[]> => {
    const [{ ts: since } = { ts: new Date(0) }] = await profile.find().sort({ ts: -1 }).limit(1).toArray()
    expect(await client.requestEmailChange(email, requester.password, requester.headers)).toEqual({ value: true })
    return eventually('the link is saved', async () => {
      const entries = await profile.find({ ts: { $gt: since }, ns: /\.(users|failedAttempts)$/ }).toArray()
      const operations = entries
        .map(({ op, ns, command }) => ({ op, ns, filter: command.filter ?? command.query ?? command.q, u: command.u }))
        .filter(({ filter, u }) => filter?._id && !u?.$pull)
        .map(({ op, ns, filter }) => `${op} ${ns.split('.').at(-1)} by ${Object.keys(filter).join()}`)
      return operations.includes('update users by _id,active,password') && operations.toSorted() // some are concurrent
    })
  }
  const operations = await findOperations(owner.email)
  expect(operations).toContain('query users by _id,active')
  expect(await findOperations(unusedEmail())).toEqual(operations)
  expect(await profile.countDocuments({ 'command.filter.emailKey': { $exists: true } })).toBe(0)
  // A look-up by address would be in the profile, as that of this sign-in is.
  await client.login({ email: owner.email, password: owner.password })
  await eventually(
    'the look-up by address is in the profile',
    async () => (await profile.countDocuments({ 'command.filter.emailKey': { $exists: true } })) === 1,
  )
  await db.command({ profile: 0 })
  await Promise.all([profiled.close(), close()])
})

it('requestEmailChange fails with UNAVAILABLE without Kafka', async () => {
  const withoutKafka = await createApp(testSettings())
  const client = apiClients.REST(withoutKafka)
  const { headers, password } = await registerUser(client)
  expect(await client.requestEmailChange(unusedEmail(), password, headers)).toMatchObject({ code: 'UNAVAILABLE' })
  await withoutKafka.close()
})
