import { connectMongo } from '@halles/mongo/mongo'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createFrozenClock, registrationInput, testSettings, unusedEmail } from '../../test/fixtures.ts'
import { createApp } from '../app.ts'

const GATEWAY_SECRET = 'between-gateway-and-services'
const time = createFrozenClock()
const settings = testSettings({ GATEWAY_SECRET, THROTTLING_SCALE: '1' })
let app: Awaited<ReturnType<typeof createApp>>
let other: typeof app
beforeAll(async () => {
  ;[app, other] = await Promise.all([createApp(settings, time), createApp(settings, time)])
})
afterAll(() => Promise.all([app.close(), other.close()]))

const SECOND = 1000
const MINUTE = 60 * SECOND
let n = 0
/** A client address in a network (/24) that no other test uses. */
const newAddress = (): string => `203.${Math.floor(++n / 250)}.${n % 250}.1`
/** The headers by which the gateway forwards a request of a client. */
const forwardedFor = (address: string) => ({ 'x-gateway-secret': GATEWAY_SECRET, 'x-forwarded-for': address })

const post = (url: string, address: string, payload: object, instance = app) =>
  instance.inject({ method: 'POST', url, headers: forwardedFor(address), payload })
const signIn = (address: string, email: string, password: string, instance = app) =>
  post('/login', address, { email, password }, instance)
const tryWrongPassword = async (address: string, email: string, instance = app): Promise<string> =>
  (await signIn(address, email, 'not the password', instance)).json().code

/** Registers a user, whose client subnet is known from then on. */
async function registerFrom(address = newAddress()) {
  const { name, email, password } = registrationInput()
  await post('/register', address, { name, email, password })
  return { email, password, address }
}

async function tryWrongPasswords(times: number, address: string, email: string): Promise<void> {
  for (let i = 0; i < times; i++) expect(await tryWrongPassword(address, email)).toBe('INVALID_CREDENTIALS')
}

describe('sign-in attempts for one account from one subnet', () => {
  it('are delayed exponentially after five failures, with the delay in Retry-After', async () => {
    const { email } = await registerFrom()
    const address = newAddress()
    await tryWrongPasswords(5, address, email)
    for (const delay of [1, 2, 4, 8, 16]) {
      expect(await tryWrongPassword(address, email)).toBe('INVALID_CREDENTIALS')
      const response = await signIn(address, email, 'not the password')
      expect(response.json()).toMatchObject({ status: 429, code: 'RATE_LIMITED' })
      expect(response.headers['retry-after']).toBe(String(delay))
      time.advance(delay * SECOND)
    }
  })

  it('are delayed by at most 15 minutes', async () => {
    const { email } = await registerFrom()
    const address = newAddress()
    for (let i = 0; i < 25; i++) {
      expect(await tryWrongPassword(address, email)).toBe('INVALID_CREDENTIALS')
      time.advance(15 * MINUTE - SECOND)
    }
    time.advance(SECOND)
    expect(await tryWrongPassword(address, email)).toBe('INVALID_CREDENTIALS')
  })

  it('are limited alike for an address without an account', async () => {
    const { email } = registrationInput()
    const address = newAddress()
    await tryWrongPasswords(6, address, email)
    expect(await tryWrongPassword(address, email)).toBe('RATE_LIMITED')
  })

  it('share one budget in REST and GraphQL, on all instances, under every alias, regardless of case', async () => {
    const { email } = await registerFrom()
    const address = newAddress()
    const aliases = Array.from({ length: 12 }, (_, i) => `a${i}: login(input: $input) { accessToken }`).join(' ')
    const payload = {
      query: `mutation ($input: LoginInput!) { ${aliases} }`,
      variables: { input: { email: email.toUpperCase(), password: 'not the password' } },
    }
    const codes: string[] = []
    for (let i = 0; i < 7; i++) {
      const response = await (i % 2 ? app : other).inject({
        method: 'POST',
        url: '/graphql',
        headers: forwardedFor(address),
        payload,
      })
      for (const { extensions } of response.json().errors) codes.push(extensions.code)
    }
    expect(codes.filter((code) => code === 'INVALID_CREDENTIALS').length).toBeLessThanOrEqual(6)
    expect(codes.at(-1)).toBe('RATE_LIMITED')
    expect(await tryWrongPassword(address, email)).toBe('RATE_LIMITED')
    expect(await tryWrongPassword(address, email, other)).toBe('RATE_LIMITED')
  })

  it('are limited alike when they are concurrent', async () => {
    const { email } = await registerFrom()
    const address = newAddress()
    const codes = await Promise.all(
      Array.from({ length: 60 }, (_, i) => tryWrongPassword(address, email, i % 2 ? app : other)),
    )
    expect(codes.filter((code) => code !== 'RATE_LIMITED')).toHaveLength(6)
  })

  it('are counted together for all addresses of a /64', async () => {
    const { email } = await registerFrom()
    for (let i = 1; i <= 6; i++) expect(await tryWrongPassword(`2001:db8:0:7::${i}`, email)).toBe('INVALID_CREDENTIALS')
    expect(await tryWrongPassword('2001:db8:0:7:ffff::1', email)).toBe('RATE_LIMITED')
    expect(await tryWrongPassword('2001:db8:0:8::1', email)).toBe('INVALID_CREDENTIALS')
  })

  it('are counted by the connection when X-Forwarded-For does not come from the gateway', async () => {
    const { email } = await registerFrom()
    const codes: string[] = []
    for (let i = 0; i < 8; i++) {
      const response = await app.inject({
        method: 'POST',
        url: '/login',
        remoteAddress: '198.51.100.1',
        headers: { ...forwardedFor(newAddress()), 'x-gateway-secret': 'a-guess-at-the-secret' },
        payload: { email, password: 'not the password' },
      })
      codes.push(response.json().code)
    }
    expect(codes.at(-1)).toBe('RATE_LIMITED')
  })
})

describe('the owner of an account that is under attack', () => {
  it('can sign in from a known subnet despite failed attempts from others', async () => {
    const { email, password, address } = await registerFrom()
    expect((await signIn(address, email, password)).statusCode).toBe(200)
    for (let i = 0; i < 51; i++) expect(await tryWrongPassword(newAddress(), email)).toBe('INVALID_CREDENTIALS')
    expect(await tryWrongPassword(newAddress(), email)).toBe('RATE_LIMITED')
    expect((await signIn(address, email, password)).statusCode).toBe(200)
  })

  it('can sign in from a known subnet despite failed attempts of others from there', async () => {
    const { email, password, address } = await registerFrom()
    expect((await signIn(address, email, password)).statusCode).toBe(200)
    for (let i = 0; i < 51; i++) expect(await tryWrongPassword(address, unusedEmail())).toBe('INVALID_CREDENTIALS')
    expect(await tryWrongPassword(address, unusedEmail())).toBe('RATE_LIMITED')
    expect((await signIn(address, email, password)).statusCode).toBe(200)
  })

  it('is delayed by at most a minute in a new subnet', async () => {
    const { email, password } = await registerFrom()
    for (let i = 0; i < 70; i++) {
      expect(await tryWrongPassword(newAddress(), email)).toBe('INVALID_CREDENTIALS')
      if (i >= 50) time.advance(MINUTE)
    }
    expect((await signIn(newAddress(), email, password)).statusCode).toBe(200)
  })

  it('spends no attempt when another limit blocks the sign-in', async () => {
    const { email, password } = await registerFrom()
    for (let i = 0; i < 51; i++) await tryWrongPassword(newAddress(), email)
    const address = newAddress()
    for (let i = 0; i < 20; i++) expect(await tryWrongPassword(address, email)).toBe('RATE_LIMITED')
    time.advance(MINUTE)
    expect((await signIn(address, email, password)).statusCode).toBe(200)
  })

  it('has a new budget after a successful sign-in', async () => {
    const { email, password, address } = await registerFrom()
    for (let round = 0; round < 4; round++) {
      await tryWrongPasswords(4, address, email)
      expect((await signIn(address, email, password)).statusCode).toBe(200)
    }
  })

  it('gets the budget back over time', async () => {
    const { email, address } = await registerFrom()
    await tryWrongPasswords(5, address, email)
    time.advance(50 * MINUTE)
    await tryWrongPasswords(5, address, email)
    expect(await tryWrongPassword(address, email)).toBe('INVALID_CREDENTIALS')
    expect(await tryWrongPassword(address, email)).toBe('RATE_LIMITED')
  })
})

it('a subnet that tries many accounts is limited, and others are not', async () => {
  const address = newAddress()
  const codes: string[] = []
  for (let i = 0; i < 55; i++) codes.push(await tryWrongPassword(address, unusedEmail()))
  expect(codes.filter((code) => code === 'INVALID_CREDENTIALS')).toHaveLength(51)
  const { email, password, address: otherAddress } = await registerFrom()
  expect((await signIn(otherAddress, email, password)).statusCode).toBe(200)
})

it('a subnet with many successful sign-ins is not limited', async () => {
  const office = newAddress()
  const users = await Promise.all(Array.from({ length: 10 }, () => registerFrom()))
  for (let round = 0; round < 6; round++) {
    const responses = await Promise.all(users.map(({ email, password }) => signIn(office, email, password)))
    expect(responses.map(({ statusCode }) => statusCode)).toEqual(users.map(() => 200))
  }
})

it('registrations from one subnet are limited after twenty, since the response reveals whether an address has an account', async () => {
  const address = newAddress()
  const owner = await registerFrom()
  const register = async (email: string) => (await post('/register', address, registrationInput({ email }))).json().code
  for (let i = 0; i < 21; i++) expect(await register(owner.email)).toBe('EMAIL_TAKEN')
  expect(await register(owner.email)).toBe('RATE_LIMITED')
  expect(await register(unusedEmail())).toBe('RATE_LIMITED')
  expect((await post('/register', newAddress(), registrationInput())).statusCode).toBe(201)
})

it('the collection failedAttempts contains no plain address or subnet, and expires', async () => {
  const { email, address } = await registerFrom()
  await tryWrongPassword(address, email)
  const { db, close } = await connectMongo(settings.MONGODB_URL, 'auth-service')
  const all = await db.collection<{ _id: string }>('failedAttempts').find().toArray()
  const indexes = await db.collection('failedAttempts').indexes()
  await close()
  expect(all.length).toBeGreaterThan(3)
  expect(JSON.stringify(all)).not.toContain(email)
  expect(JSON.stringify(all)).not.toContain(address)
  for (const one of all)
    expect(one).toMatchObject({ _id: expect.stringMatching(/^[a-zA-Z]+:[\w-]{43}$/), expiresAt: expect.any(Date) })
  expect(indexes).toContainEqual(expect.objectContaining({ key: { expiresAt: 1 }, expireAfterSeconds: 0 }))
})

it('auth_rate_limited_total counts rejected attempts by limit', async () => {
  const text = await app.metrics.registry.metrics()
  for (const limit of ['accountFromSubnet', 'account', 'subnet', 'registrationsFromSubnet'])
    expect(text).toMatch(new RegExp(`auth_rate_limited_total\\{limit="${limit}".*\\} [1-9]`))
})
