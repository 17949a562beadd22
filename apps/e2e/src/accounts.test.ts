// Accounts and sessions, as a browser and an admin have them.
import { randomUUID } from 'node:crypto'
import { soon } from '@halles/testkit/wait'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { shopAt, type Visitor } from './kit.ts'

const { gateway } = inject('shop')
const shop = shopAt(inject('shop'))
const origin = new URL(gateway).origin
let admin: Visitor
beforeAll(async () => void (admin = await shop.admin()))

const someone = () => ({ name: 'Camille Martin', email: `${randomUUID()}@example.test`, password: randomUUID() })

describe('a browser that keeps its refresh token in a cookie', () => {
  /** Signs someone new in; gives back the cookie as the browser sends it. */
  async function signedIn(): Promise<string> {
    const answer = await shop.nobody.rest('POST', '/register', { ...someone(), cookie: true }, { origin })
    expect(answer).toMatchObject({ status: 201, body: { accessToken: expect.any(String) } })
    expect(answer.body).not.toHaveProperty('refreshToken')
    const [cookie, ...attributes] = answer.headers.get('set-cookie')!.split('; ')
    expect(attributes).toEqual(expect.arrayContaining(['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/api']))
    return cookie!
  }
  const refresh = (headers: Record<string, string>) => shop.nobody.rest('POST', '/refresh', undefined, headers)

  it('goes on being signed in, and signs out', async () => {
    const cookie = await signedIn()
    const answer = await refresh({ cookie, origin })
    expect(answer).toMatchObject({ status: 200, body: { accessToken: expect.any(String) } })
    const next = answer.headers.get('set-cookie')!.split('; ')[0]!
    expect(next).not.toBe(cookie)
    const out = await shop.nobody.rest('POST', '/logout', undefined, { cookie: next, origin })
    expect(out.status).toBe(204)
    expect(out.headers.get('set-cookie')).toMatch(/^halles_refresh=; Max-Age=0; Path=\/api;/)
    expect((await refresh({ cookie: next, origin })).body.code).toBe('UNAUTHENTICATED')
  })

  it('is not signed in or out by a page of another origin, whatever that says of itself', async () => {
    const cookie = await signedIn()
    const evil = 'https://evil.example'
    for (const headers of [
      { cookie, origin: evil },
      { cookie, origin: evil, 'x-forwarded-host': 'evil.example' },
      { cookie, origin: evil, forwarded: 'host=evil.example' },
      { cookie, origin: 'null' },
      { cookie },
    ] as Record<string, string>[])
      for (const path of ['/refresh', '/logout'])
        expect((await shop.nobody.rest('POST', path, undefined, headers)).body).toMatchObject({ code: 'FORBIDDEN' })
    expect((await refresh({ cookie, origin })).status).toBe(200)
  })

  it('is no one by the cookie alone', async () => {
    const cookie = await signedIn()
    expect((await shop.nobody.rest('GET', '/me', undefined, { cookie, origin })).status).toBe(401)
    const { errors } = await shop.nobody.graphql('{ me { id } }', {}, { cookie, origin })
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
  })
})

describe('within five seconds every door is closed', () => {
  const closed = (visitor: Visitor, what: string, statusOf: () => Promise<number>) =>
    soon(`${what} refuses ${visitor.id}`, async () => (await statusOf()) === 401, 5000)

  it.each<[string, (visitor: Visitor) => Promise<unknown>]>([
    ['who signed out everywhere', (visitor) => visitor.rest('DELETE', '/sessions')],
    [
      'whom an admin signed out',
      ({ id }) => admin.graphql('mutation E($id: ID) { endAllSessions(userId: $id) }', { id }),
    ],
    ['whose account an admin closed', ({ id }) => admin.rest('PUT', `/users/${id}/active`, { active: false })],
    ['whom an admin gave another role', ({ id }) => admin.rest('PUT', `/users/${id}/role`, { role: 'admin' })],
  ])('to %s', async (_who, happens) => {
    const visitor = await shop.customer()
    const doors = {
      'auth-service': async () => (await visitor.rest('GET', '/me')).status,
      'product-service': async () => (await visitor.rest('GET', '/products')).status,
      'order-service': async () => (await visitor.rest('GET', `/orders/${visitor.id}`)).status,
      'notification-service': async () => (await visitor.rest('GET', '/notifications')).status,
      'the gateway': async () => (await visitor.graphql('{ me { id } }')).status,
    }
    for (const statusOf of Object.values(doors)) expect(await statusOf()).toBe(200)
    await happens(visitor)
    await Promise.all(Object.entries(doors).map(([what, statusOf]) => closed(visitor, what, statusOf)))
  })
})

it('where someone signs in from is for the gateway to say, at both doors', async () => {
  const { email, password, ...more } = someone()
  const { body } = await shop.nobody.rest('POST', '/register', { ...more, email, password })
  const headers = { 'x-forwarded-for': '203.0.113.9', 'x-gateway-secret': 'a-guess-at-the-secret' }
  await shop.nobody.rest('POST', '/login', { email, password }, headers)
  const login = 'mutation L($input: LoginInput!) { login(input: $input) { expiresIn } }'
  await shop.nobody.graphql(login, { input: { email, password } }, headers)
  const log = await admin.rest('GET', `/security-log?userId=${body.user.id}`)
  const events = log.body.items as { what: string; place: string }[]
  expect(events.map(({ what }) => what)).toEqual(['sign-in', 'sign-in', 'registration'])
  expect(new Set(events.map(({ place }) => place)).size).toBe(1)
})

it('what services tell each other is told to no one else', async () => {
  expect(await admin.rest('GET', '/revocations')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
})
