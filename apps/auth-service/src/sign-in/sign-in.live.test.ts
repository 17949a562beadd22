import { openMongo } from '@halles/service/mongo'
import { as, someone } from '@halles/testkit/people'
import { hash } from '@node-rs/argon2'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { bearer, apiClients, registrationInput, testSettings } from '../../test/FIX'
import { createApp } from '../app.ts'
import { unthrottled } from './throttle.ts'

const settings = testSettings()
let app: Awaited<ReturnType<typeof createApp>>
beforeAll(async () => void (app = await createApp(settings)))
afterAll(() => app.close())

const decodeClaims = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
const toCredentials = ({ email, password }: { email: string; password: string }) => ({ email, password })

describe.each(['REST', 'GraphQL'] as const)('through %s', (name) => {
  let client: ReturnType<(typeof apiClients)['REST']>
  beforeAll(() => void (client = apiClients[name](app)))

  it('opening an account signs its owner in', async () => {
    const wish = registrationInput({ locale: 'en' })
    const { value: session } = await client.register(wish)
    const { password: _password, ...seen } = wish
    expect(session).toEqual({
      user: {
        ...seen,
        id: expect.any(String),
        role: 'user',
        active: true,
        emailVerified: false,
        createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
      },
      accessToken: expect.any(String),
      refreshToken: expect.any(String),
      tokenType: 'Bearer',
      expiresIn: 600,
    })
    expect((await client.me(bearer(session.accessToken))).value).toEqual(session.user)
  })

  it('French is the language of who names none', async () => {
    expect((await client.register(registrationInput())).value.user.locale).toBe('fr')
  })

  it('the access token says who it is, for how long, and which session', async () => {
    const wish = registrationInput()
    const { value: session } = await client.register(wish)
    const claims = decodeClaims(session.accessToken)
    expect(claims).toEqual({
      sub: session.user.id,
      role: 'user',
      name: wish.name,
      email: wish.email,
      locale: 'fr',
      sid: expect.any(String),
      ver: 0,
      jti: expect.any(String),
      iss: 'halles',
      aud: 'halles',
      iat: expect.any(Number),
      exp: claims.iat + 600,
    })
    const again = decodeClaims((await client.login({ email: wish.email, password: wish.password })).value.accessToken)
    expect(again.jti).not.toBe(claims.jti)
    expect(again.sid).not.toBe(claims.sid)
  })

  it.each([
    ['as it was typed', (email: string) => email],
    ['in another case', (email: string) => email.toUpperCase()],
    ['in full-width letters', (email: string) => email.replace('example', 'ｅｘａｍｐｌｅ')],
  ])('signing in takes the address %s', async (_how, typed) => {
    const { name: _name, ...wish } = registrationInput()
    const { value: first } = await client.register({ ...wish, name: 'Camille' })
    const { value: session } = await client.login({ ...wish, email: typed(wish.email) })
    expect(session.user).toEqual(first.user)
  })

  it('a password is the same however a keyboard composes it', async () => {
    const { email, name } = registrationInput()
    await client.register({ name, email, password: 'e\u0301te\u0301 2026 a\u0300 Paris' })
    expect(await client.login({ email, password: 'été 2026 à Paris' })).toHaveProperty('value')
  })

  it('an unknown address and a wrong password get one answer, after the same work', async () => {
    const wish = registrationInput()
    await client.register(wish)
    const wrong = await client.login({ email: wish.email, password: 'not the password' })
    const unknown = await client.login({ email: registrationInput().email, password: wish.password })
    expect(wrong).toEqual({ code: 'INVALID_CREDENTIALS', errors: undefined })
    expect(unknown).toEqual(wrong)
  })

  it('an address has one account, whatever its case', async () => {
    const wish = registrationInput()
    await client.register(wish)
    expect(await client.register({ ...wish, email: wish.email.toUpperCase() })).toMatchObject({
      code: 'EMAIL_TAKEN',
      errors: [{ path: '/email' }],
    })
  })

  it('of two who take one address at once, one gets it', async () => {
    const wish = registrationInput()
    const answers = await Promise.all([wish, { ...wish, email: wish.email.toUpperCase() }].map(client.register))
    expect(answers.map(({ code }) => code)).toEqual(expect.arrayContaining(['EMAIL_TAKEN', undefined]))
  })

  it.each([
    ['no address', { email: 'camille' }, '/email'],
    ['an address with a line break', { email: 'a@example.test\r\nBcc: b@example.test' }, '/email'],
    ['an address of 255 characters', { email: `${'a'.repeat(255 - 13)}@example.test` }, '/email'],
    ['a short password', { password: 'seven77' }, '/password'],
    ['a password of 129 characters', { password: 'é'.repeat(129) }, '/password'],
    ['an empty name', { name: '' }, '/name'],
    ['a blank name', { name: '   ' }, '/name'],
    ['a name of two lines', { name: 'Camille\r\nBcc: b@example.test' }, '/name'],
    ['a name that turns the text around', { name: 'Camille\u202Enitram' }, '/name'],
    ['a name with a link', { name: 'Camille, gagnez https://example.test' }, '/name'],
    ['a name that mail readers make a link of', { name: 'Camille Www.example.test' }, '/name'],
    ['a name of 101 characters', { name: 'n'.repeat(101) }, '/name'],
  ])('opening an account refuses %s, and says where', async (_what, fault, path) => {
    const { code, errors } = await client.register({ ...registrationInput(), ...fault })
    expect(code).toBe('VALIDATION_FAILED')
    expect(errors).toEqual([{ path, message: expect.any(String) }])
  })

  it.each([
    ['8 characters', 'tomme 8k'],
    ['128 characters of two code units each', '🧺'.repeat(128)],
    ['blanks', '        '],
  ])('a password may be %s', async (_what, password) => {
    const wish = registrationInput({ password })
    expect(await client.register(wish)).toHaveProperty('value')
    expect(await client.login({ email: wish.email, password })).toHaveProperty('value')
    expect(await client.login({ email: wish.email, password: password.slice(0, -2) })).toMatchObject({
      code: 'INVALID_CREDENTIALS',
    })
  })

  it.each([
    ['tried first', 'Password1'],
    ['tried first, in French', 'motdepasse'],
    ['a word', 'CAMEMBERT'],
    ['your name', 'Camille2026!'],
    ['too short once its letters are put together', 'ｶﾞｶﾞｶﾞｶﾞ'],
  ])('a password may not be %s', async (_what, password) => {
    const { code, errors } = await client.register(registrationInput({ password }))
    expect(code).toBe('VALIDATION_FAILED')
    expect(errors).toEqual([{ path: '/password', message: expect.stringMatching(/^(is|must) .*[a-z]$/) }])
  })

  it('a hash of less work than is usual now is made anew when its owner signs in, once', async () => {
    const wish = registrationInput()
    const { value: session } = await client.register(wish)
    const { db, close } = await openMongo(settings.MONGODB_URL, 'auth-service')
    onTestFinished(close)
    const users = db.collection<{ _id: string; password: string }>('users')
    const hashOf = async () => (await users.findOne({ _id: session.user.id }))!.password
    const weak = await hash(wish.password, { memoryCost: 8192, timeCost: 1, parallelism: 1 })
    await users.updateOne({ _id: session.user.id }, { $set: { password: weak } })

    expect(await client.login({ ...toCredentials(wish), password: 'not the password' })).toHaveProperty('code')
    expect(await hashOf()).toBe(weak)
    expect(await client.login(toCredentials(wish))).toHaveProperty('value')
    const strong = await hashOf()
    expect(strong).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(await client.login(toCredentials(wish))).toHaveProperty('value')
    expect(await hashOf()).toBe(strong)
  })

  it('who I am needs a token', async () => {
    expect(await client.me()).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it('a token that was signed elsewhere is refused, a tampered one too', async () => {
    expect(await client.me(await as(someone()))).toMatchObject({ code: 'UNAUTHENTICATED' })
    const { accessToken } = (await client.register(registrationInput())).value
    const [head, body, seal] = accessToken.split('.')
    const admin = Buffer.from(JSON.stringify({ ...decodeClaims(accessToken), role: 'admin' })).toString('base64url')
    expect(await client.me(bearer(`${head}.${body}.${seal}`))).toHaveProperty('value')
    expect(await client.me(bearer(`${head}.${admin}.${seal}`))).toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

it('neither client knows fields that the contract does not', async () => {
  const answer = await app.inject({ method: 'POST', url: '/register', payload: { ...registrationInput(), role: 'admin' } })
  expect(answer.json()).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: '/role' }] })
})

it('answers with tokens are kept by no cache', async () => {
  const answer = await app.inject({ method: 'POST', url: '/register', payload: registrationInput() })
  expect(answer.statusCode).toBe(201)
  expect(answer.headers['cache-control']).toBe('no-store')
})

it('an unknown address costs a hash, like a known one', async () => {
  const { logIn } = await import('./log-in.ts')
  const matches = vi.fn(async () => false)
  const noOne = {
    throttle: unthrottled,
    security: { note: async () => {} },
    users: { withEmail: async () => undefined },
    passwords: { matches },
    count: { signIn: () => {} },
  } as unknown as Parameters<typeof logIn>[0]
  await expect(
    logIn(
      noOne,
      { client: { place: '127.0.0.1', agent: undefined } },
      { email: 'a@example.test', password: 'whatever' },
    ),
  ).rejects.toThrow(/wrong/)
  expect(matches).toHaveBeenCalledExactlyOnceWith(undefined, 'whatever')
})

it('what became of sign-ins is counted', async () => {
  const { metrics } = app
  const text = await metrics.registry.metrics()
  for (const outcome of ['registered', 'accepted', 'refused'])
    expect(text).toMatch(new RegExp(`auth_sign_ins_total\\{outcome="${outcome}".*\\} [1-9]`))
  expect(text).toContain('auth_hashing_waiting{service="auth-service"} 0')
})

it('is ready while its database answers', async () => {
  expect((await app.inject('/readyz')).json()).toEqual({ status: 'ok', needs: { mongodb: 'ok' } })
})
