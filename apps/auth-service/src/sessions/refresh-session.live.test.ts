import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, createClock, apiClients, registrationInput, testSettings } from '../../test/FIX'
import { createApp } from '../app.ts'
import { openMongo } from '@halles/service/mongo'

const time = createClock()
const settings = testSettings()
let app: Awaited<ReturnType<typeof createApp>>
let other: typeof app
let mongo: Awaited<ReturnType<typeof openMongo>>
beforeAll(async () => {
  ;[app, other] = await Promise.all([createApp(settings, time), createApp(settings, time)])
  mongo = await openMongo(settings.MONGODB_URL, 'auth-service')
})
afterAll(() => Promise.all([app.close(), other.close(), mongo.close()]))

const decodeClaims = (token: string) => JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString())
const sessionsOf = (userId: string) => mongo.db.collection('sessions').find({ userId, endedAt: null }).toArray()
const ended = { code: 'UNAUTHENTICATED' }

describe.each(['REST', 'GraphQL'] as const)('through %s', (name) => {
  let client: ReturnType<(typeof apiClients)['REST']>
  beforeAll(() => void (client = apiClients[name](app)))
  const signedIn = async () => (await client.register(registrationInput())).value

  it('a refresh goes on with the same session, by new tokens', async () => {
    const first = await signedIn()
    const { value: second } = await client.refresh(first.refreshToken)
    expect(second).toEqual({ ...first, accessToken: expect.any(String), refreshToken: expect.any(String) })
    expect(second.refreshToken).not.toBe(first.refreshToken)
    expect(decodeClaims(second.accessToken).sid).toBe(decodeClaims(first.accessToken).sid)
    expect(decodeClaims(second.accessToken).jti).not.toBe(decodeClaims(first.accessToken).jti)
    expect((await client.me(bearer(second.accessToken))).value).toEqual(first.user)
  })

  it('of 50 refreshes by one token at once, on two instances, all get the same living successor', async () => {
    const first = await signedIn()
    const elsewhere = apiClients[name](other)
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) => (i % 2 ? client : elsewhere).refresh(first.refreshToken)),
    )
    const successors = new Set(answers.map(({ value }) => value.refreshToken))
    expect(successors.size).toBe(1)
    expect(await sessionsOf(first.user.id)).toHaveLength(1)
    for (const { value } of answers) expect(await client.me(bearer(value.accessToken))).toHaveProperty('value')
    expect(await client.refresh([...successors][0])).toHaveProperty('value')
    time.advance(10_001)
    expect(await elsewhere.refresh(first.refreshToken)).toMatchObject(ended)
    expect(await sessionsOf(first.user.id)).toEqual([])
  })

  it('a second tab may come up to 10 s later', async () => {
    const first = await signedIn()
    const { value: second } = await client.refresh(first.refreshToken)
    time.advance(9000)
    expect((await client.refresh(first.refreshToken)).value.refreshToken).toBe(second.refreshToken)
  })

  it('a token that comes back later ends the session, for the thief and for the owner', async () => {
    const first = await signedIn()
    const { value: second } = await client.refresh(first.refreshToken)
    time.advance(10_001)
    expect(await client.refresh(first.refreshToken)).toMatchObject(ended)
    expect(await client.refresh(second.refreshToken)).toMatchObject(ended)
    expect(await sessionsOf(first.user.id)).toEqual([])
  })

  it('a token that is two steps behind ends the session, however soon', async () => {
    const first = await signedIn()
    const { value: second } = await client.refresh(first.refreshToken)
    const { value: third } = await client.refresh(second.refreshToken)
    expect(await client.refresh(first.refreshToken)).toMatchObject(ended)
    expect(await client.refresh(third.refreshToken)).toMatchObject(ended)
  })

  it('one session ending leaves the others of the same person alone', async () => {
    const wish = registrationInput()
    const { value: first } = await client.register(wish)
    const { value: phone } = await client.login({ email: wish.email, password: wish.password })
    await client.logout(first.refreshToken)
    expect(await client.refresh(phone.refreshToken)).toHaveProperty('value')
  })

  it('a made-up token gets nothing, and ends nothing', async () => {
    const first = await signedIn()
    const { sid } = decodeClaims(first.accessToken)
    const [, bits, seal] = first.refreshToken.split('.')
    for (const token of ['nonsense', `${sid}.x.y`, `${sid}.${'A'.repeat(43)}.${seal}`, `${sid}.${bits}.x`]) {
      expect(await client.refresh(token)).toMatchObject(ended)
      expect(await client.logout(token)).toEqual({ value: true })
    }
    expect(await client.refresh(first.refreshToken)).toHaveProperty('value')
  })

  it('an access token is no refresh token', async () => {
    const { accessToken } = await signedIn()
    expect(['UNAUTHENTICATED', 'VALIDATION_FAILED']).toContain((await client.refresh(accessToken)).code)
  })

  it('signing out ends the session, and may be repeated', async () => {
    const { refreshToken, user } = await signedIn()
    expect(await client.logout(refreshToken)).toEqual({ value: true })
    expect(await sessionsOf(user.id)).toEqual([])
    expect(await client.refresh(refreshToken)).toMatchObject(ended)
    expect(await client.logout(refreshToken)).toEqual({ value: true })
  })

  it('a spent token still signs out', async () => {
    const first = await signedIn()
    const { value: second } = await client.refresh(first.refreshToken)
    await client.logout(first.refreshToken)
    expect(await client.refresh(second.refreshToken)).toMatchObject(ended)
  })

  it('a session lives 30 days from its last refresh', async () => {
    const first = await signedIn()
    time.advance(29 * 86_400_000)
    const { value: second } = await client.refresh(first.refreshToken)
    time.advance(29 * 86_400_000)
    const { value: third } = await client.refresh(second.refreshToken)
    time.advance(30 * 86_400_000)
    expect(await client.refresh(third.refreshToken)).toMatchObject(ended)
  })

  it('a refresh tells who someone is now', async () => {
    const { refreshToken, user } = await signedIn()
    await mongo.db.collection<{ _id: string }>('users').updateOne({ _id: user.id }, { $set: { role: 'admin' } })
    const { value: session } = await client.refresh(refreshToken)
    expect(session.user.role).toBe('admin')
    expect(decodeClaims(session.accessToken).role).toBe('admin')
  })

  it('the session of an account that is gone has ended', async () => {
    const { refreshToken, accessToken, user } = await signedIn()
    await mongo.db.collection<{ _id: string }>('users').deleteOne({ _id: user.id })
    expect(await client.refresh(refreshToken)).toMatchObject(ended)
    expect(await client.me(bearer(accessToken))).toMatchObject(ended)
    expect(await sessionsOf(user.id)).toEqual([])
  })
})

it('the database holds no token and no password, and forgets sessions by itself', async () => {
  const wish = registrationInput()
  const { value: session } = await apiClients.REST(app).register(wish)
  const [users, sessions] = await Promise.all([
    mongo.db.collection('users').find().toArray(),
    sessionsOf(session.user.id),
  ])
  const all = JSON.stringify([users, sessions])
  expect(all).not.toContain(wish.password)
  expect(all).not.toContain(session.refreshToken.split('.')[1])
  expect(await mongo.db.collection('sessions').indexes()).toContainEqual(
    expect.objectContaining({ key: { expiresAt: 1 }, expireAfterSeconds: 0 }),
  )
})

it('what became of refreshes is counted', async () => {
  const text = await app.metrics.registry.metrics()
  for (const outcome of ['rotated', 'repeated', 'reused', 'refused'])
    expect(text).toMatch(new RegExp(`auth_refreshes_total\\{outcome="${outcome}".*\\} [1-9]`))
})
