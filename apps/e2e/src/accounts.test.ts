// Accounts and sessions, as browsers and admins use them.
import { randomUUID } from 'node:crypto'
import { pollWithin } from '@halles/test-fixtures/wait'
import { beforeAll, describe, expect, inject, it } from 'vitest'
import { createShopClient, type ApiClient } from './shop-client.ts'

const { gateway } = inject('shop')
const shop = createShopClient(inject('shop'))
const origin = new URL(gateway).origin
let admin: ApiClient
beforeAll(async () => void (admin = await shop.signInAdmin()))

const createAccount = () => ({ name: 'Camille Martin', email: `${randomUUID()}@example.test`, password: randomUUID() })

describe('a browser with its refresh token in a cookie', () => {
  /** Registers a new user and returns the cookie as the browser sends it. */
  async function registerWithCookie(): Promise<string> {
    const answer = await shop.anonymous.rest('POST', '/register', { ...createAccount(), cookie: true }, { origin })
    expect(answer).toMatchObject({ status: 201, body: { accessToken: expect.any(String) } })
    expect(answer.body).not.toHaveProperty('refreshToken')
    const [cookie, ...attributes] = answer.headers.get('set-cookie')!.split('; ')
    expect(attributes).toEqual(expect.arrayContaining(['HttpOnly', 'Secure', 'SameSite=Strict', 'Path=/api']))
    return cookie!
  }
  const refresh = (headers: Record<string, string>) => shop.anonymous.rest('POST', '/refresh', undefined, headers)

  it('refreshes its session and signs out', async () => {
    const cookie = await registerWithCookie()
    const answer = await refresh({ cookie, origin })
    expect(answer).toMatchObject({ status: 200, body: { accessToken: expect.any(String) } })
    const next = answer.headers.get('set-cookie')!.split('; ')[0]!
    expect(next).not.toBe(cookie)
    const out = await shop.anonymous.rest('POST', '/logout', undefined, { cookie: next, origin })
    expect(out.status).toBe(204)
    expect(out.headers.get('set-cookie')).toMatch(/^halles_refresh=; Max-Age=0; Path=\/api;/)
    expect((await refresh({ cookie: next, origin })).body.code).toBe('UNAUTHENTICATED')
  })

  it('is not refreshed or signed out by a page of another origin, whatever headers that sends', async () => {
    const cookie = await registerWithCookie()
    const otherOrigin = 'https://evil.example'
    for (const headers of [
      { cookie, origin: otherOrigin },
      { cookie, origin: otherOrigin, 'x-forwarded-host': 'evil.example' },
      { cookie, origin: otherOrigin, forwarded: 'host=evil.example' },
      { cookie, origin: 'null' },
      { cookie },
    ] as Record<string, string>[])
      for (const path of ['/refresh', '/logout'])
        expect((await shop.anonymous.rest('POST', path, undefined, headers)).body).toMatchObject({ code: 'FORBIDDEN' })
    expect((await refresh({ cookie, origin })).status).toBe(200)
  })

  it('is not authenticated by the cookie alone', async () => {
    const cookie = await registerWithCookie()
    expect((await shop.anonymous.rest('GET', '/me', undefined, { cookie, origin })).status).toBe(401)
    const { errors } = await shop.anonymous.graphql('{ me { id } }', {}, { cookie, origin })
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }])
  })
})

describe('every service refuses an access token within five seconds', () => {
  const waitForRefusal = (client: ApiClient, service: string, readStatus: () => Promise<number>) =>
    pollWithin(`${service} refuses ${client.id}`, async () => (await readStatus()) === 401, 5000)

  it.each<[string, (client: ApiClient) => Promise<unknown>]>([
    ['its user signed out everywhere', (client) => client.rest('DELETE', '/sessions')],
    [
      'an admin ended its sessions',
      ({ id }) => admin.graphql('mutation E($id: ID) { endAllSessions(userId: $id) }', { id }),
    ],
    ['an admin deactivated its account', ({ id }) => admin.rest('PUT', `/users/${id}/active`, { active: false })],
    ['an admin changed its role', ({ id }) => admin.rest('PUT', `/users/${id}/role`, { role: 'admin' })],
  ])('after %s', async (_event, revoke) => {
    const customer = await shop.createCustomer()
    const readStatuses = {
      'auth-service': async () => (await customer.rest('GET', '/me')).status,
      'product-service': async () => (await customer.rest('GET', '/products')).status,
      'order-service': async () => (await customer.rest('GET', `/orders/${customer.id}`)).status,
      'notification-service': async () => (await customer.rest('GET', '/notifications')).status,
      'the gateway': async () => (await customer.graphql('{ me { id } }')).status,
    }
    for (const readStatus of Object.values(readStatuses)) expect(await readStatus()).toBe(200)
    await revoke(customer)
    await Promise.all(
      Object.entries(readStatuses).map(([service, readStatus]) => waitForRefusal(customer, service, readStatus)),
    )
  })
})

it('the security log has the client address that the gateway forwards, by REST and GraphQL, not one that the client claims', async () => {
  const { email, password, ...more } = createAccount()
  const { body } = await shop.anonymous.rest('POST', '/register', { ...more, email, password })
  const headers = { 'x-forwarded-for': '203.0.113.9', 'x-gateway-secret': 'a-guess-at-the-secret' }
  await shop.anonymous.rest('POST', '/login', { email, password }, headers)
  const login = 'mutation L($input: LoginInput!) { login(input: $input) { expiresIn } }'
  await shop.anonymous.graphql(login, { input: { email, password } }, headers)
  const log = await admin.rest('GET', `/security-log?userId=${body.user.id}`)
  const events = log.body.items as { what: string; place: string }[]
  expect(events.map(({ what }) => what)).toEqual(['sign-in', 'sign-in', 'registration'])
  expect(new Set(events.map(({ place }) => place)).size).toBe(1)
})

it('the gateway does not expose the revocation list of auth-service', async () => {
  expect(await admin.rest('GET', '/revocations')).toMatchObject({ status: 404, body: { code: 'NOT_FOUND' } })
})
