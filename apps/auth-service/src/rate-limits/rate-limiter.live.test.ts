import { openMongo } from '@halles/service/mongo'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { registrationInput, testSettings, createFrozenClock } from '../../test/FIX'
import { createApp } from '../app.ts'

const SECRET = 'between-gateway-and-services'
const time = createFrozenClock()
const settings = testSettings({ GATEWAY_SECRET: SECRET, THROTTLING_SCALE: '1' })
let app: Awaited<ReturnType<typeof createApp>>
let other: typeof app
beforeAll(async () => {
  ;[app, other] = await Promise.all([createApp(settings, time), createApp(settings, time)])
})
afterAll(() => Promise.all([app.close(), other.close()]))

const SECOND = 1000
const MINUTE = 60 * SECOND
let n = 0
/** An address that no other test asks from. */
const somewhere = (): string => `203.0.${Math.floor(++n / 250)}.${n % 250}`
const through = (place: string) => ({ 'x-gateway-secret': SECRET, 'x-forwarded-for': place })

const post = (url: string, place: string, payload: object, by = app) =>
  by.inject({ method: 'POST', url, headers: through(place), payload })
const signIn = (place: string, email: string, password: string, by = app) =>
  post('/login', place, { email, password }, by)
const guess = async (place: string, email: string, by = app): Promise<string> =>
  (await signIn(place, email, 'not the password', by)).json().code

/** Someone with an account, who signed up and in at a place of their own. */
async function member(place = somewhere()) {
  const { name, email, password } = registrationInput()
  await post('/register', place, { name, email, password })
  return { email, password, place }
}

async function guesses(times: number, place: string, email: string): Promise<void> {
  for (let i = 0; i < times; i++) expect(await guess(place, email)).toBe('INVALID_CREDENTIALS')
}

describe('guessing the password of one account from one place', () => {
  it('has five tries, then waits ever longer, and is told how long', async () => {
    const { email } = await member()
    const place = somewhere()
    await guesses(5, place, email)
    for (const wait of [1, 2, 4, 8, 16]) {
      expect(await guess(place, email)).toBe('INVALID_CREDENTIALS')
      const answer = await signIn(place, email, 'not the password')
      expect(answer.json()).toMatchObject({ status: 429, code: 'RATE_LIMITED' })
      expect(answer.headers['retry-after']).toBe(String(wait))
      time.advance(wait * SECOND)
    }
  })

  it('waits for a quarter of an hour at the most', async () => {
    const { email } = await member()
    const place = somewhere()
    for (let i = 0; i < 25; i++) {
      expect(await guess(place, email)).toBe('INVALID_CREDENTIALS')
      time.advance(15 * MINUTE - SECOND)
    }
    time.advance(SECOND)
    expect(await guess(place, email)).toBe('INVALID_CREDENTIALS')
  })

  it('does not go faster for an account that does not exist', async () => {
    const { email } = registrationInput()
    const place = somewhere()
    await guesses(6, place, email)
    expect(await guess(place, email)).toBe('RATE_LIMITED')
  })

  it('spends one budget at both apiClients, on all instances, under every alias, however the address is written', async () => {
    const { email } = await member()
    const place = somewhere()
    const aliases = Array.from({ length: 12 }, (_, i) => `a${i}: login(input: $input) { accessToken }`).join(' ')
    const payload = {
      query: `mutation ($input: LoginInput!) { ${aliases} }`,
      variables: { input: { email: email.toUpperCase(), password: 'not the password' } },
    }
    const codes: string[] = []
    for (let i = 0; i < 7; i++) {
      const answer = await (i % 2 ? app : other).inject({
        method: 'POST',
        url: '/graphql',
        headers: through(place),
        payload,
      })
      for (const { extensions } of answer.json().errors) codes.push(extensions.code)
    }
    expect(codes.filter((code) => code === 'INVALID_CREDENTIALS').length).toBeLessThanOrEqual(6)
    expect(codes.at(-1)).toBe('RATE_LIMITED')
    expect(await guess(place, email)).toBe('RATE_LIMITED')
    expect(await guess(place, email, other)).toBe('RATE_LIMITED')
  })

  it('is not won by asking all at once', async () => {
    const { email } = await member()
    const place = somewhere()
    const codes = await Promise.all(Array.from({ length: 60 }, (_, i) => guess(place, email, i % 2 ? app : other)))
    expect(codes.filter((code) => code !== 'RATE_LIMITED')).toHaveLength(6)
  })

  it('is not won by another address of the same /64', async () => {
    const { email } = await member()
    for (let i = 1; i <= 6; i++) expect(await guess(`2001:db8:0:7::${i}`, email)).toBe('INVALID_CREDENTIALS')
    expect(await guess('2001:db8:0:7:ffff::1', email)).toBe('RATE_LIMITED')
    expect(await guess('2001:db8:0:8::1', email)).toBe('INVALID_CREDENTIALS')
  })

  it('is not won by saying where one comes from without being the gateway', async () => {
    const { email } = await member()
    const codes: string[] = []
    for (let i = 0; i < 8; i++) {
      const answer = await app.inject({
        method: 'POST',
        url: '/login',
        remoteAddress: '198.51.100.1',
        headers: { ...through(somewhere()), 'x-gateway-secret': 'a-guess-at-the-secret' },
        payload: { email, password: 'not the password' },
      })
      codes.push(answer.json().code)
    }
    expect(codes.at(-1)).toBe('RATE_LIMITED')
  })
})

describe('the owner of an account', () => {
  it('is let in where they were before, however many guess elsewhere', async () => {
    const { email, password, place } = await member()
    expect((await signIn(place, email, password)).statusCode).toBe(200)
    for (let i = 0; i < 51; i++) expect(await guess(somewhere(), email)).toBe('INVALID_CREDENTIALS')
    expect(await guess(somewhere(), email)).toBe('RATE_LIMITED')
    expect((await signIn(place, email, password)).statusCode).toBe(200)
  })

  it('is let in where they were before, however often others guess there', async () => {
    const { email, password, place } = await member()
    expect((await signIn(place, email, password)).statusCode).toBe(200)
    for (let i = 0; i < 51; i++) expect(await guess(place, registrationInput().email)).toBe('INVALID_CREDENTIALS')
    expect(await guess(place, registrationInput().email)).toBe('RATE_LIMITED')
    expect((await signIn(place, email, password)).statusCode).toBe(200)
  })

  it('waits for a minute at the most at a new place', async () => {
    const { email, password } = await member()
    for (let i = 0; i < 70; i++) {
      expect(await guess(somewhere(), email)).toBe('INVALID_CREDENTIALS')
      if (i >= 50) time.advance(MINUTE)
    }
    expect((await signIn(somewhere(), email, password)).statusCode).toBe(200)
  })

  it('who is refused for what others did has not used up a try', async () => {
    const { email, password } = await member()
    for (let i = 0; i < 51; i++) await guess(somewhere(), email)
    const place = somewhere()
    for (let i = 0; i < 20; i++) expect(await guess(place, email)).toBe('RATE_LIMITED')
    time.advance(MINUTE)
    expect((await signIn(place, email, password)).statusCode).toBe(200)
  })

  it('who mistypes and then gets it right begins anew', async () => {
    const { email, password, place } = await member()
    for (let round = 0; round < 4; round++) {
      await guesses(4, place, email)
      expect((await signIn(place, email, password)).statusCode).toBe(200)
    }
  })

  it('has their tries back after a while', async () => {
    const { email, place } = await member()
    await guesses(5, place, email)
    time.advance(50 * MINUTE)
    await guesses(5, place, email)
    expect(await guess(place, email)).toBe('INVALID_CREDENTIALS')
    expect(await guess(place, email)).toBe('RATE_LIMITED')
  })
})

it('one place that tries one password on many accounts is slowed down, and others are not', async () => {
  const place = somewhere()
  const codes: string[] = []
  for (let i = 0; i < 55; i++) codes.push(await guess(place, registrationInput().email))
  expect(codes.filter((code) => code === 'INVALID_CREDENTIALS')).toHaveLength(51)
  const { email, password, place: elsewhere } = await member()
  expect((await signIn(elsewhere, email, password)).statusCode).toBe(200)
})

it('a place where many sign in with success is not slowed down', async () => {
  const office = somewhere()
  const people = await Promise.all(Array.from({ length: 10 }, () => member()))
  for (let round = 0; round < 6; round++) {
    const answers = await Promise.all(people.map(({ email, password }) => signIn(office, email, password)))
    expect(answers.map(({ statusCode }) => statusCode)).toEqual(people.map(() => 200))
  }
})

it('one place opens twenty accounts at once, then ever fewer: the answer tells which addresses have one', async () => {
  const place = somewhere()
  const taken = await member()
  const register = async (email: string) => (await post('/register', place, registrationInput({ email }))).json().code
  for (let i = 0; i < 21; i++) expect(await register(taken.email)).toBe('EMAIL_TAKEN')
  expect(await register(taken.email)).toBe('RATE_LIMITED')
  expect(await register(registrationInput().email)).toBe('RATE_LIMITED')
  expect((await post('/register', somewhere(), registrationInput())).statusCode).toBe(201)
})

it('what is counted can be read from the database by no one, and goes away by itself', async () => {
  const { email, place } = await member()
  await guess(place, email)
  const { db, close } = await openMongo(settings.MONGODB_URL, 'auth-service')
  const all = await db.collection<{ _id: string }>('tries').find().toArray()
  const indexes = await db.collection('tries').indexes()
  await close()
  expect(all.length).toBeGreaterThan(3)
  expect(JSON.stringify(all)).not.toContain(email)
  expect(JSON.stringify(all)).not.toContain(place)
  for (const one of all)
    expect(one).toMatchObject({ _id: expect.stringMatching(/^[a-zA-Z]+:[\w-]{43}$/), expiresAt: expect.any(Date) })
  expect(indexes).toContainEqual(expect.objectContaining({ key: { expiresAt: 1 }, expireAfterSeconds: 0 }))
})

it('tries that came too fast are counted', async () => {
  const text = await app.metrics.registry.metrics()
  for (const counted of ['pair', 'account', 'address', 'registrations'])
    expect(text).toMatch(new RegExp(`auth_throttled_total\\{counted="${counted}".*\\} [1-9]`))
})
