import { randomUUID } from 'node:crypto'
import { ACCOUNT_EVENTS, parseAccountEvent, type AccountEvent } from '@halles/contracts/account-events'
import { openMongo } from '@halles/service/mongo'
import { sealingUnder } from '@halles/service/sealed'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { bearer, createClock, apiClients, registrationInput, testSettings, createFrozenClock } from '../../test/FIX'
import { collectEvents } from '../../test/event-collector.ts'
import { createApp } from '../app.ts'

const SECRET = 'between auth-service and notification-service'
const admin = { ADMIN_EMAIL: 'alix@boutique.test', ADMIN_PASSWORD: 'douze douzaines' }
const OTHER = 'une autre douzaine'
const HOUR = 3_600_000

const time = createClock()
const telling = { KAFKA_BROKERS: inject('kafka'), ACCOUNT_LINK_SECRET: SECRET }
const settings = testSettings({ ...admin, ...telling })
let app: Awaited<ReturnType<typeof createApp>>
let second: typeof app
let adminHeaders: Record<string, string>
let news: Awaited<ReturnType<typeof collectEvents<AccountEvent>>>
beforeAll(async () => {
  app = await createApp(settings, time)
  second = await createApp(settings, time)
  const { value } = await apiClients.REST(app).login({ email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })
  adminHeaders = bearer(value.accessToken)
  news = await collectEvents(inject('kafka'), ACCOUNT_EVENTS, 3, parseAccountEvent)
})
afterAll(async () => {
  await news.close()
  await Promise.all([app.close(), second.close()])
})

const told = (userId: string, type: string): AccountEvent[] =>
  [...news.heard.values()].filter((event) => event.subject === userId && event.type === `account.${type}`)
/** The nth event of a type about a user, once it is told. */
const event = (userId: string, type: string, nth = 1): Promise<AccountEvent> =>
  eventually(`${type} ${nth} of ${userId} is told`, () => told(userId, type)[nth - 1])
/** The token in the nth letter of a type to a user. */
const link = async (userId: string, type = 'email-change-requested', nth = 1): Promise<string> =>
  sealingUnder(SECRET).open((await event(userId, type, nth)).data.link!.sealed)

const spent = { code: 'VALIDATION_FAILED', errors: [{ path: '/token' }] }
const unusedEmail = (): string => `${randomUUID()}@example.test`

async function member(client = apiClients.REST(app)) {
  const wish = registrationInput()
  const { value } = await client.register(wish)
  return { ...wish, id: value.user.id as string, session: value, headers: bearer(value.accessToken) }
}

describe.each(['REST', 'GraphQL'] as const)('through %s', (name) => {
  let client: ReturnType<(typeof apiClients)['REST']>
  beforeAll(() => void (client = apiClients[name](app) as typeof client))

  it('who knows the password gets another address, by the link in the letter to it, once', async () => {
    const { id, email, password, session, headers } = await member(client)
    const { value: elsewhere } = await client.login({ email, password })
    const next = unusedEmail()
    expect(await client.requestEmailChange(next, password, headers)).toEqual({ value: true })
    expect((await event(id, 'email-change-requested')).data).toMatchObject({
      user: { id, email: next, name: 'Camille Martin', locale: 'fr' },
      link: { expiresAt: expect.any(String) },
    })
    expect((await client.me(headers)).value).toMatchObject({ email, emailVerified: false })

    const token = await link(id)
    expect(await client.changeEmail(token)).toEqual({ value: true })
    expect(await client.changeEmail(token)).toMatchObject(spent)
    expect(await client.login({ email, password })).toMatchObject({ code: 'INVALID_CREDENTIALS' })
    expect((await client.login({ email: next.toUpperCase(), password })).value.user).toMatchObject({ id, email: next })
    expect((await event(id, 'email-changed')).data).toEqual({
      user: { id, email, name: 'Camille Martin', locale: 'fr', role: 'user' },
    })

    const { value: refreshed } = await client.refresh(session.refreshToken)
    expect(refreshed.user).toMatchObject({ email: next, emailVerified: true })
    expect(JSON.parse(atob(refreshed.accessToken.split('.')[1]))).toMatchObject({ email: next, ver: 1 })
    expect(await client.refresh(elsewhere.refreshToken)).toMatchObject({ code: 'UNAUTHENTICATED' })
    await eventually('tokens that tell the old address are no good', async () => {
      const { code } = await client.me(headers)
      return code === 'UNAUTHENTICATED'
    })

    const { value: log } = await client.securityLog(id, adminHeaders)
    expect(log.items.find(({ what }: { what: string }) => what === 'email-changed')).toMatchObject({ outcome: 'done' })
    const found = async (search: string) =>
      (await app.inject({ url: `/users?search=${search}`, headers: adminHeaders })).json().items
    expect(await found(next.split('@')[0]!)).toMatchObject([{ id, email: next }])
    expect(await found(email.split('@')[0]!)).toEqual([])
    // The old one is anyone's to register again.
    expect((await client.register({ ...registrationInput(), email })).value.user.id).not.toBe(id)
  })

  it('who does not know the password, or is not signed in, does not', async () => {
    const { id, email, headers } = await member(client)
    expect(await client.requestEmailChange(unusedEmail(), 'not the password', headers)).toMatchObject({
      code: 'INVALID_CREDENTIALS',
    })
    expect(await client.requestEmailChange('no address', 'not the password')).toMatchObject({ code: 'UNAUTHENTICATED' })
    expect((await client.me(headers)).value).toMatchObject({ email })
    const { value } = await client.securityLog(id, adminHeaders)
    expect(value.items[0]).toMatchObject({ what: 'email-changed', outcome: 'refused', byId: id })
  })

  it('an address that has an account gets the same letter, and its reader alone is told', async () => {
    const owner = await member(client)
    const { id, email, password, session, headers } = await member(client)
    expect(await client.requestEmailChange(owner.email.toUpperCase(), password, headers)).toEqual({ value: true })
    const token = await link(id)
    expect(await event(id, 'email-change-requested')).toMatchObject({
      data: { user: { id, email: owner.email.toUpperCase() } },
    })
    expect(await client.changeEmail(token)).toMatchObject({ code: 'EMAIL_TAKEN' })
    expect((await client.me(headers)).value).toMatchObject({ email, emailVerified: false })
    expect((await client.me(owner.headers)).value).toMatchObject({ email: owner.email })
    expect(await client.refresh(session.refreshToken)).toHaveProperty('value')
    // An admin sees that it was tried; who asked does not, by their own data.
    const { items } = (await app.inject({ url: '/security-log', headers: adminHeaders })).json()
    expect(items[0]).toMatchObject({ what: 'email-changed', outcome: 'refused', userId: null })
    const { securityLog } = (await app.inject({ url: '/me/data', headers: headers })).json()
    expect(securityLog).toMatchObject([{ what: 'registration' }])

    await client.deleteAccount(owner.password, owner.headers)
    expect(await client.changeEmail(token)).toEqual({ value: true })
    expect((await client.login({ email: owner.email, password })).value.user).toMatchObject({ id })
    expect(told(owner.id, 'email-changed')).toEqual([])
  })

  it('a link is good for an hour, only the last one, and for nothing else', async () => {
    const { id, password, headers } = await member(client)
    await client.requestEmailChange(unusedEmail(), password, headers)
    const first = await link(id)
    await client.requestEmailChange(unusedEmail(), password, headers)
    const next = await link(id, 'email-change-requested', 2)
    expect(await client.changeEmail(first)).toMatchObject(spent)
    expect(await client.verifyEmail(next)).toMatchObject(spent)
    expect(await client.resetPassword(next, OTHER)).toMatchObject(spent)
    expect(await client.changeEmail(await link(id, 'email-verification-requested'))).toMatchObject(spent)
    time.advance(HOUR)
    expect(await client.changeEmail(next)).toMatchObject(spent)
    for (const made of ['nonsense', `${id}.x`, `${id}.${'A'.repeat(43)}`, '.'])
      expect(await client.changeEmail(made)).toMatchObject(spent)
  })

  it('a link ends when the password is changed or reset, and when the account is closed', async () => {
    const { id, email, password, headers } = await member(client)
    await client.requestEmailChange(unusedEmail(), password, headers)
    await client.changePassword({ currentPassword: password, newPassword: OTHER }, headers)
    expect(await client.changeEmail(await link(id))).toMatchObject(spent)

    await client.requestEmailChange(unusedEmail(), OTHER, headers)
    await client.requestPasswordReset(email)
    await client.resetPassword(await link(id, 'password-reset-requested'), password)
    expect(await client.changeEmail(await link(id, 'email-change-requested', 2))).toMatchObject(spent)

    const { value } = await client.login({ email, password })
    await client.requestEmailChange(unusedEmail(), password, bearer(value.accessToken))
    const last = await link(id, 'email-change-requested', 3)
    await client.setActive(id, false, adminHeaders)
    expect(await client.changeEmail(last)).toMatchObject(spent)
  })

  it('links that were sent to the old address end with it', async () => {
    const { id, email, password, headers } = await member(client)
    await client.requestPasswordReset(email)
    const reset = await link(id, 'password-reset-requested')
    const verification = await link(id, 'email-verification-requested')
    await client.requestEmailChange(unusedEmail(), password, headers)
    expect(await client.changeEmail(await link(id))).toEqual({ value: true })
    expect(await client.resetPassword(reset, OTHER)).toMatchObject(spent)
    expect(await client.verifyEmail(verification)).toMatchObject(spent)
  })

  it.each([
    ['a header after it', 'a@example.test\r\nBcc: b@example.test'],
    ['a line feed in it', 'a\n@example.test'],
    ['markup around it', '<img src=x>@example.test'],
    ['a name around it', 'Mallory <a@example.test>'],
    ['another one beside it', 'a@example.test, b@example.test'],
    ['an option for SMTP', 'a@example.test> SIZE=1'],
    ['too much of it', `${'a'.repeat(250)}@example.test`],
  ])('no address is one with %s', async (_what, email) => {
    const { id, password, headers } = await member(client)
    expect(await client.requestEmailChange(email, password, headers)).toMatchObject({
      code: 'VALIDATION_FAILED',
      errors: [{ path: '/email' }],
    })
    expect((await client.securityLog(id, adminHeaders)).value.items).toHaveLength(1)
  })

  it('an address is kept as it is written, also one that looks like an expression', async () => {
    const { id, password, headers } = await member(client)
    const next = `$name.${randomUUID()}@example.test`
    expect(await client.requestEmailChange(next, password, headers)).toEqual({ value: true })
    expect(await client.changeEmail(await link(id))).toEqual({ value: true })
    expect((await client.login({ email: next, password })).value.user).toMatchObject({ id, email: next })
  })
})

describe('at the same moment', () => {
  const ROUNDS = 10
  /** Someone who has read the letter to an address that they want. */
  async function reader(next: string) {
    const one = await member()
    await apiClients.REST(app).requestEmailChange(next, one.password, one.headers)
    return { ...one, token: await link(one.id) }
  }
  const doneOf = (answers: { value?: unknown }[]) => answers.filter(({ value }) => value).length

  it('of two who take one address, one has it', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const next = unusedEmail()
      const both = await Promise.all([reader(next), reader(next.toUpperCase())])
      const answers = await Promise.all(both.map(({ token }, i) => apiClients.REST([app, second][i]!).changeEmail(token)))
      expect(doneOf(answers)).toBe(1)
      const [winner, loser] = answers[0]!.value ? both : both.toReversed()
      expect(answers.find(({ code }) => code)).toMatchObject({ code: 'EMAIL_TAKEN' })
      const { value } = await apiClients.REST(app).login({ email: next, password: winner!.password })
      expect(value.user.id).toBe(winner!.id)
      expect((await apiClients.REST(app).me(loser!.headers)).value).toMatchObject({ email: loser!.email })
    }
  })

  it('of one who takes it and one who registers with it, one has it', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const next = unusedEmail()
      const { token } = await reader(next)
      const answers = await Promise.all([
        apiClients.REST(app).changeEmail(token),
        apiClients.REST(second).register({ ...registrationInput(), email: next }),
      ])
      expect(doneOf(answers)).toBe(1)
      expect(answers.find(({ code }) => code)).toMatchObject({ code: 'EMAIL_TAKEN' })
    }
  })

  it('a link is used once', async () => {
    const { id, token } = await reader(unusedEmail())
    const answers = await Promise.all([app, second, app, second].map((one) => apiClients.REST(one).changeEmail(token)))
    expect(doneOf(answers)).toBe(1)
    for (const { code } of answers.filter(({ value }) => !value)) expect(code).toBe('VALIDATION_FAILED')
    await event(id, 'email-changed')
    // Told after it, in the same partition.
    await apiClients.REST(app).setRole(id, 'admin', adminHeaders)
    await event(id, 'role-changed')
    expect(told(id, 'email-changed')).toHaveLength(1)
  })
})

it('what was not told before goes to the old address', async () => {
  const own = testSettings({ ...telling, KAFKA_BROKERS: '127.0.0.1:1' })
  const without = await createApp(own)
  const client = apiClients.REST(without)
  const { email, password, ...wish } = registrationInput()
  const { value } = await client.register({ email, password, ...wish })
  const id = value.user.id as string
  const as = bearer(value.accessToken)
  await client.changePassword({ currentPassword: password, newPassword: OTHER }, headers)
  const next = unusedEmail()
  await client.requestEmailChange(next, OTHER, headers)
  const { db, close } = await openMongo(own.MONGODB_URL, 'auth-service')
  const account = await db.collection<{ _id: string; untold: any[] }>('users').findOne({ _id: id })
  const { link } = account!.untold.find(({ type }) => type === 'account.email-change-requested')
  const token = await sealingUnder(SECRET).open(link.sealed)
  expect(JSON.stringify(account)).not.toContain(token.split('.')[1])
  expect(await client.changeEmail(token)).toEqual({ value: true })
  await Promise.all([without.close(), close()])

  const back = await createApp({ ...own, KAFKA_BROKERS: inject('kafka') })
  const to = async (type: string) => (await event(id, type)).data.user.email
  expect(await to('password-changed')).toBe(email)
  expect(await to('email-change-requested')).toBe(next)
  expect(await to('email-changed')).toBe(email)
  await back.close()
})

describe('at the usual pace', () => {
  let strict: typeof app
  beforeAll(async () => {
    // On a busy machine a wait of a second would be over unnoticed.
    strict = await createApp(testSettings({ ...telling, THROTTLING_SCALE: '1' }), createFrozenClock())
  })
  afterAll(() => strict.close())

  it('passwords are tried here as slowly as at signing in', async () => {
    const client = apiClients.REST(strict)
    const { headers, email } = await member(client)
    const codes: unknown[] = []
    for (let i = 0; i < 7; i++) codes.push((await client.requestEmailChange(unusedEmail(), 'wrong', headers)).code)
    expect(codes).toEqual([...Array.from({ length: 6 }, () => 'INVALID_CREDENTIALS'), 'RATE_LIMITED'])
    expect(await client.login({ email, password: 'wrong' })).toMatchObject({ code: 'RATE_LIMITED' })
  })

  it('four letters in an hour go to no new address, and those to its account are not counted with them', async () => {
    const client = apiClients.REST(strict)
    const owner = await member(client)
    // By now no letter to the account is let through.
    for (let i = 0; i < 4; i++) await client.requestPasswordReset(owner.email)
    await event(owner.id, 'password-reset-requested', 3)
    const { id, password, headers } = await member(client)
    for (let i = 0; i < 6; i++) expect(await client.requestEmailChange(owner.email, password, headers)).toEqual({ value: true })
    await event(id, 'email-change-requested', 4)
    await client.changePassword({ currentPassword: password, newPassword: OTHER }, headers)
    await event(id, 'password-changed')
    expect(told(id, 'email-change-requested')).toHaveLength(4)
  })
})

it('no one is asked who has the address that is wanted: the same is read and written for each', async () => {
  const own = testSettings(telling)
  const watched = await createApp(own)
  const client = apiClients.REST(watched)
  const [owner, asker] = [await member(client), await member(client)]
  const { db, close } = await openMongo(own.MONGODB_URL, 'auth-service')
  await eventually(
    'the letters to who registered are dealt with',
    async () => (await db.collection('linkRequests').countDocuments()) === 0,
  )
  await db.command({ profile: 2 })
  const profile = db.collection('system.profile', { readConcern: { level: 'local' } })

  /** What a request asks of users and tries, which it names by their ids; what goes on in the background does not. */
  const work = async (email: string): Promise<string[]> => {
    const [{ ts: since } = { ts: new Date(0) }] = await profile.find().sort({ ts: -1 }).limit(1).toArray()
    expect(await client.requestEmailChange(email, asker.password, asker.headers)).toEqual({ value: true })
    return eventually('the link is put', async () => {
      const done = await profile.find({ ts: { $gt: since }, ns: /\.(users|tries)$/ }).toArray()
      const asked = done
        .map(({ op, ns, command }) => ({ op, ns, filter: command.filter ?? command.query ?? command.q, u: command.u }))
        .filter(({ filter, u }) => filter?._id && !u?.$pull)
        .map(({ op, ns, filter }) => `${op} ${ns.split('.').at(-1)} by ${Object.keys(filter).join()}`)
      return asked.includes('update users by _id,active,password') && asked.toSorted() // some are asked at once
    })
  }
  const taken = await work(owner.email)
  expect(taken).toContain('query users by _id,active')
  expect(await work(unusedEmail())).toEqual(taken)
  expect(await profile.countDocuments({ 'command.filter.emailKey': { $exists: true } })).toBe(0)
  // By this it would be seen.
  await client.login({ email: owner.email, password: owner.password })
  await eventually(
    'a look for an address is seen',
    async () => (await profile.countDocuments({ 'command.filter.emailKey': { $exists: true } })) === 1,
  )
  await db.command({ profile: 0 })
  await Promise.all([watched.close(), close()])
})

it('a shop without Kafka says that it sends no letters', async () => {
  const plain = await createApp(testSettings())
  const client = apiClients.REST(plain)
  const { headers, password } = await member(client)
  expect(await client.requestEmailChange(unusedEmail(), password, headers)).toMatchObject({ code: 'UNAVAILABLE' })
  await plain.close()
})
