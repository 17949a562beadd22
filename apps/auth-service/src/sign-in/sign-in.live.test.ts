import { connectMongo } from '@halles/mongo/mongo'
import { authorizationHeader, createPrincipal } from '@halles/test-fixtures/principals'
import { hash } from '@node-rs/argon2'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { apiClients, type ApiClient } from '../../test/api-clients.ts'
import { bearer, decodeClaims, registrationInput, testSettings, unusedEmail } from '../../test/fixtures.ts'
import { createApp } from '../app.ts'
import { unlimitedRateLimiter } from '../rate-limits/rate-limiter.ts'

const settings = testSettings()
let app: Awaited<ReturnType<typeof createApp>>
beforeAll(async () => void (app = await createApp(settings)))
afterAll(() => app.close())

const toCredentials = ({ email, password }: { email: string; password: string }) => ({ email, password })

describe.each(['REST', 'GraphQL'] as const)('auth-service over %s', (name) => {
  let client: ApiClient
  beforeAll(() => void (client = apiClients[name](app)))

  it('creates an account and signs its owner in', async () => {
    const input = registrationInput({ locale: 'en' })
    const { value: session } = await client.register(input)
    const { password: _password, ...visible } = input
    expect(session).toEqual({
      user: {
        ...visible,
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

  it('defaults the language of an account to French', async () => {
    expect((await client.register(registrationInput())).value.user.locale).toBe('fr')
  })

  it('returns an access token with the claims of user, session and lifetime', async () => {
    const input = registrationInput()
    const { value: session } = await client.register(input)
    const claims = decodeClaims(session.accessToken)
    expect(claims).toEqual({
      sub: session.user.id,
      role: 'user',
      name: input.name,
      email: input.email,
      locale: 'fr',
      sid: expect.any(String),
      ver: 0,
      jti: expect.any(String),
      iss: 'halles',
      aud: 'halles',
      iat: expect.any(Number),
      exp: claims.iat + 600,
    })
    const nextClaims = decodeClaims(
      (await client.login({ email: input.email, password: input.password })).value.accessToken,
    )
    expect(nextClaims.jti).not.toBe(claims.jti)
    expect(nextClaims.sid).not.toBe(claims.sid)
  })

  it.each([
    ['as it was registered', (email: string) => email],
    ['in another case', (email: string) => email.toUpperCase()],
    ['in full-width letters', (email: string) => email.replace('example', 'ｅｘａｍｐｌｅ')],
  ])('accepts the address %s at sign-in', async (_how, variant) => {
    const { name: _name, ...input } = registrationInput()
    const { value: first } = await client.register({ ...input, name: 'Camille' })
    const { value: session } = await client.login({ ...input, email: variant(input.email) })
    expect(session.user).toEqual(first.user)
  })

  it('accepts a password in any Unicode composition at sign-in', async () => {
    const { email, name } = registrationInput()
    await client.register({ name, email, password: 'e\u0301te\u0301 2026 a\u0300 Paris' })
    expect(await client.login({ email, password: 'été 2026 à Paris' })).toHaveProperty('value')
  })

  it('responds the same to an unknown address and a wrong password', async () => {
    const input = registrationInput()
    await client.register(input)
    const wrong = await client.login({ email: input.email, password: 'not the password' })
    const unknown = await client.login({ email: unusedEmail(), password: input.password })
    expect(wrong).toEqual({ code: 'INVALID_CREDENTIALS', errors: undefined })
    expect(unknown).toEqual(wrong)
  })

  it('rejects a registration with an address that has an account, regardless of case', async () => {
    const input = registrationInput()
    await client.register(input)
    expect(await client.register({ ...input, email: input.email.toUpperCase() })).toMatchObject({
      code: 'EMAIL_TAKEN',
      errors: [{ path: '/email' }],
    })
  })

  it('gives an address to one of two concurrent registrations', async () => {
    const input = registrationInput()
    const results = await Promise.all([input, { ...input, email: input.email.toUpperCase() }].map(client.register))
    expect(results.map(({ code }) => code)).toEqual(expect.arrayContaining(['EMAIL_TAKEN', undefined]))
  })

  it.each([
    ['an invalid address', { email: 'camille' }, '/email'],
    ['an address with a line break', { email: 'a@example.test\r\nBcc: b@example.test' }, '/email'],
    ['an address of 255 characters', { email: `${'a'.repeat(255 - 13)}@example.test` }, '/email'],
    ['a short password', { password: 'seven77' }, '/password'],
    ['a password of 129 characters', { password: 'é'.repeat(129) }, '/password'],
    ['an empty name', { name: '' }, '/name'],
    ['a blank name', { name: '   ' }, '/name'],
    ['a name of two lines', { name: 'Camille\r\nBcc: b@example.test' }, '/name'],
    ['a name with bidirectional control characters', { name: 'Camille\u202Enitram' }, '/name'],
    ['a name with a web address', { name: 'Camille, gagnez https://example.test' }, '/name'],
    ['a name that mail clients display as a link', { name: 'Camille Www.example.test' }, '/name'],
    ['a name of 101 characters', { name: 'n'.repeat(101) }, '/name'],
  ])('rejects a registration with %s, with a field error', async (_what, invalid, path) => {
    const { code, errors } = await client.register({ ...registrationInput(), ...invalid })
    expect(code).toBe('VALIDATION_FAILED')
    expect(errors).toEqual([{ path, message: expect.any(String) }])
  })

  it.each([
    ['8 characters', 'tomme 8k'],
    ['128 characters of two code units each', '🧺'.repeat(128)],
    ['blanks', '        '],
  ])('accepts a new password of %s', async (_what, password) => {
    const input = registrationInput({ password })
    expect(await client.register(input)).toHaveProperty('value')
    expect(await client.login({ email: input.email, password })).toHaveProperty('value')
    expect(await client.login({ email: input.email, password: password.slice(0, -2) })).toMatchObject({
      code: 'INVALID_CREDENTIALS',
    })
  })

  it.each([
    ['a common one', 'Password1'],
    ['a common one in French', 'motdepasse'],
    ['a word', 'CAMEMBERT'],
    ["the user's name", 'Camille2026!'],
    ['too short after Unicode normalization', 'ｶﾞｶﾞｶﾞｶﾞ'],
  ])('rejects a new password that is %s', async (_what, password) => {
    const { code, errors } = await client.register(registrationInput({ password }))
    expect(code).toBe('VALIDATION_FAILED')
    expect(errors).toEqual([{ path: '/password', message: expect.stringMatching(/^(is|must) .*[a-z]$/) }])
  })

  it('renews a hash with outdated parameters at sign-in, once', async () => {
    const input = registrationInput()
    const { value: session } = await client.register(input)
    const { db, close } = await connectMongo(settings.MONGODB_URL, 'auth-service')
    onTestFinished(close)
    const users = db.collection<{ _id: string; password: string }>('users')
    const readHash = async () => (await users.findOne({ _id: session.user.id }))!.password
    const weak = await hash(input.password, { memoryCost: 8192, timeCost: 1, parallelism: 1 })
    await users.updateOne({ _id: session.user.id }, { $set: { password: weak } })

    expect(await client.login({ ...toCredentials(input), password: 'not the password' })).toHaveProperty('code')
    expect(await readHash()).toBe(weak)
    expect(await client.login(toCredentials(input))).toHaveProperty('value')
    const strong = await readHash()
    expect(strong).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
    expect(await client.login(toCredentials(input))).toHaveProperty('value')
    expect(await readHash()).toBe(strong)
  })

  it('requires a token for the current user', async () => {
    expect(await client.me()).toMatchObject({ code: 'UNAUTHENTICATED' })
  })

  it('rejects a token of another signer and a modified one', async () => {
    expect(await client.me(await authorizationHeader(createPrincipal()))).toMatchObject({ code: 'UNAUTHENTICATED' })
    const { accessToken } = (await client.register(registrationInput())).value
    const [header, payload, signature] = accessToken.split('.')
    const adminPayload = Buffer.from(JSON.stringify({ ...decodeClaims(accessToken), role: 'admin' })).toString(
      'base64url',
    )
    expect(await client.me(bearer(`${header}.${payload}.${signature}`))).toHaveProperty('value')
    expect(await client.me(bearer(`${header}.${adminPayload}.${signature}`))).toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

it('POST /register rejects unknown fields', async () => {
  const response = await app.inject({
    method: 'POST',
    url: '/register',
    payload: { ...registrationInput(), role: 'admin' },
  })
  expect(response.json()).toMatchObject({ code: 'VALIDATION_FAILED', errors: [{ path: '/role' }] })
})

it('responses with tokens are not cacheable', async () => {
  const response = await app.inject({ method: 'POST', url: '/register', payload: registrationInput() })
  expect(response.statusCode).toBe(201)
  expect(response.headers['cache-control']).toBe('no-store')
})

it('logIn verifies a hash for an unknown address too', async () => {
  const { logIn } = await import('./log-in.ts')
  const verify = vi.fn(async () => false)
  const deps = {
    rateLimiter: unlimitedRateLimiter,
    securityLog: { record: async () => {} },
    users: { findByEmail: async () => undefined },
    passwordHasher: { verify },
    passwordAdmission: { run: (_turn: unknown, work: () => unknown) => work() },
    metrics: { countSignIn: () => {} },
  } as unknown as Parameters<typeof logIn>[0]
  await expect(
    logIn(
      deps,
      { client: { subnet: '127.0.0.1', networks: [], userAgent: undefined, isGone: () => false } },
      { email: 'a@example.test', password: 'whatever' },
    ),
  ).rejects.toThrow(/wrong/)
  expect(verify).toHaveBeenCalledExactlyOnceWith(undefined, 'whatever', expect.anything())
})

it('auth_sign_ins_total counts sign-ins by outcome', async () => {
  const { metrics } = app
  const text = await metrics.registry.metrics()
  for (const outcome of ['registered', 'accepted', 'refused'])
    expect(text).toMatch(new RegExp(`auth_sign_ins_total\\{outcome="${outcome}".*\\} [1-9]`))
  expect(text).toContain('auth_password_hash_queue_length{service="auth-service"} 0')
})

it('/readyz reports the database', async () => {
  expect((await app.inject('/readyz')).json()).toEqual({ status: 'ok', needs: { mongodb: 'ok' } })
})
