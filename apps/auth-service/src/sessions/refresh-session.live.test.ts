import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiClients, type ApiClient } from '../../test/api-clients.ts'
import { bearer, createClock, decodeClaims, registrationInput, testSettings } from '../../test/fixtures.ts'
import { createApp } from '../app.ts'
import { connectMongo } from '@halles/mongo/mongo'

const time = createClock()
const settings = testSettings()
let app: Awaited<ReturnType<typeof createApp>>
let other: typeof app
let mongo: Awaited<ReturnType<typeof connectMongo>>
beforeAll(async () => {
  ;[app, other] = await Promise.all([createApp(settings, time), createApp(settings, time)])
  mongo = await connectMongo(settings.MONGODB_URL, 'auth-service')
})
afterAll(() => Promise.all([app.close(), other.close(), mongo.close()]))

const findOpenSessions = (userId: string) => mongo.db.collection('sessions').find({ userId, endedAt: null }).toArray()
const unauthenticated = { code: 'UNAUTHENTICATED' }

describe.each(['REST', 'GraphQL'] as const)('refreshSession over %s', (name) => {
  let client: ApiClient
  beforeAll(() => void (client = apiClients[name](app)))
  const startSession = async () => (await client.register(registrationInput())).value

  it('continues the session with new tokens', async () => {
    const first = await startSession()
    const { value: second } = await client.refresh(first.refreshToken)
    expect(second).toEqual({ ...first, accessToken: expect.any(String), refreshToken: expect.any(String) })
    expect(second.refreshToken).not.toBe(first.refreshToken)
    expect(decodeClaims(second.accessToken).sid).toBe(decodeClaims(first.accessToken).sid)
    expect(decodeClaims(second.accessToken).jti).not.toBe(decodeClaims(first.accessToken).jti)
    expect((await client.me(bearer(second.accessToken))).value).toEqual(first.user)
  })

  it('answers 50 concurrent refreshes with one token, on two instances, with the same valid successor', async () => {
    const first = await startSession()
    const otherClient = apiClients[name](other)
    const results = await Promise.all(
      Array.from({ length: 50 }, (_, i) => (i % 2 ? client : otherClient).refresh(first.refreshToken)),
    )
    const successors = new Set(results.map(({ value }) => value.refreshToken))
    expect(successors.size).toBe(1)
    expect(await findOpenSessions(first.user.id)).toHaveLength(1)
    for (const { value } of results) expect(await client.me(bearer(value.accessToken))).toHaveProperty('value')
    expect(await client.refresh([...successors][0])).toHaveProperty('value')
    time.advance(10_001)
    expect(await otherClient.refresh(first.refreshToken)).toMatchObject(unauthenticated)
    expect(await findOpenSessions(first.user.id)).toEqual([])
  })

  it('answers a used token with the same successor for 10 s', async () => {
    const first = await startSession()
    const { value: second } = await client.refresh(first.refreshToken)
    time.advance(9000)
    expect((await client.refresh(first.refreshToken)).value.refreshToken).toBe(second.refreshToken)
  })

  it('ends the session, for the thief and the owner, when a token is reused later', async () => {
    const first = await startSession()
    const { value: second } = await client.refresh(first.refreshToken)
    time.advance(10_001)
    expect(await client.refresh(first.refreshToken)).toMatchObject(unauthenticated)
    expect(await client.refresh(second.refreshToken)).toMatchObject(unauthenticated)
    expect(await findOpenSessions(first.user.id)).toEqual([])
  })

  it('ends the session at once when a token is reused whose successor was used too', async () => {
    const first = await startSession()
    const { value: second } = await client.refresh(first.refreshToken)
    const { value: third } = await client.refresh(second.refreshToken)
    expect(await client.refresh(first.refreshToken)).toMatchObject(unauthenticated)
    expect(await client.refresh(third.refreshToken)).toMatchObject(unauthenticated)
  })

  it('keeps the other sessions of a user when one session ends', async () => {
    const input = registrationInput()
    const { value: first } = await client.register(input)
    const { value: phone } = await client.login({ email: input.email, password: input.password })
    await client.logout(first.refreshToken)
    expect(await client.refresh(phone.refreshToken)).toHaveProperty('value')
  })

  it('rejects forged tokens, which end no session', async () => {
    const first = await startSession()
    const { sid } = decodeClaims(first.accessToken)
    const [, bits, signature] = first.refreshToken.split('.')
    for (const token of ['nonsense', `${sid}.x.y`, `${sid}.${'A'.repeat(43)}.${signature}`, `${sid}.${bits}.x`]) {
      expect(await client.refresh(token)).toMatchObject(unauthenticated)
      expect(await client.logout(token)).toEqual({ value: true })
    }
    expect(await client.refresh(first.refreshToken)).toHaveProperty('value')
  })

  it('rejects an access token', async () => {
    const { accessToken } = await startSession()
    expect(['UNAUTHENTICATED', 'VALIDATION_FAILED']).toContain((await client.refresh(accessToken)).code)
  })

  it('rejects a token after logout, which may be repeated', async () => {
    const { refreshToken, user } = await startSession()
    expect(await client.logout(refreshToken)).toEqual({ value: true })
    expect(await findOpenSessions(user.id)).toEqual([])
    expect(await client.refresh(refreshToken)).toMatchObject(unauthenticated)
    expect(await client.logout(refreshToken)).toEqual({ value: true })
  })

  it('accepts a used token for logout', async () => {
    const first = await startSession()
    const { value: second } = await client.refresh(first.refreshToken)
    await client.logout(first.refreshToken)
    expect(await client.refresh(second.refreshToken)).toMatchObject(unauthenticated)
  })

  it('extends the session to 30 days after the last refresh', async () => {
    const first = await startSession()
    time.advance(29 * 86_400_000)
    const { value: second } = await client.refresh(first.refreshToken)
    time.advance(29 * 86_400_000)
    const { value: third } = await client.refresh(second.refreshToken)
    time.advance(30 * 86_400_000)
    expect(await client.refresh(third.refreshToken)).toMatchObject(unauthenticated)
  })

  it('returns the current data of the user', async () => {
    const { refreshToken, user } = await startSession()
    await mongo.db.collection<{ _id: string }>('users').updateOne({ _id: user.id }, { $set: { role: 'admin' } })
    const { value: session } = await client.refresh(refreshToken)
    expect(session.user.role).toBe('admin')
    expect(decodeClaims(session.accessToken).role).toBe('admin')
  })

  it('ends the session of an account that does not exist any more', async () => {
    const { refreshToken, accessToken, user } = await startSession()
    await mongo.db.collection<{ _id: string }>('users').deleteOne({ _id: user.id })
    expect(await client.refresh(refreshToken)).toMatchObject(unauthenticated)
    expect(await client.me(bearer(accessToken))).toMatchObject(unauthenticated)
    expect(await findOpenSessions(user.id)).toEqual([])
  })
})

it('the database contains no plain token or password, and removes expired sessions', async () => {
  const input = registrationInput()
  const { value: session } = await apiClients.REST(app).register(input)
  const [users, sessions] = await Promise.all([
    mongo.db.collection('users').find().toArray(),
    findOpenSessions(session.user.id),
  ])
  const all = JSON.stringify([users, sessions])
  expect(all).not.toContain(input.password)
  expect(all).not.toContain(session.refreshToken.split('.')[1])
  expect(await mongo.db.collection('sessions').indexes()).toContainEqual(
    expect.objectContaining({ key: { expiresAt: 1 }, expireAfterSeconds: 0 }),
  )
})

it('auth_session_refreshes_total counts refreshes by outcome', async () => {
  const text = await app.metrics.registry.metrics()
  for (const outcome of ['rotated', 'repeated', 'reused', 'refused'])
    expect(text).toMatch(new RegExp(`auth_session_refreshes_total\\{outcome="${outcome}".*\\} [1-9]`))
})
