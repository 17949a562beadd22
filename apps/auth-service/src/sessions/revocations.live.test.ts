import { serviceApp, type App } from '@halles/service/app'
import { keysAt } from '@halles/service/keys'
import { signedIn } from '@halles/service/person'
import { revocationsAt } from '@halles/service/revocations'
import { freePort } from '@halles/testkit/port'
import { soon } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, apiClients, registrationInput, testSettings } from '../../test/FIX'
import { createApp } from '../app.ts'

/** Within which every service knows, in milliseconds. */
const KNOWN_WITHIN = 5000

const admin = { ADMIN_EMAIL: 'alix@boutique.test', ADMIN_PASSWORD: 'douze douzaines' }
const settings = testSettings(admin)
let auth: Awaited<ReturnType<typeof createApp>>
let address: string
let peer: App
let client: ReturnType<(typeof apiClients)['REST']>
let adminHeaders: Record<string, string>

/** Another service, which knows of auth-service its address and no more. */
async function createPeer(url: string): Promise<App> {
  const jwks = `${url}/.well-known/jwks.json`
  const app = await serviceApp({
    name: 'peer-service',
    logLevel: 'silent',
    keyOf: keysAt(jwks),
    revocations: revocationsAt(jwks),
    issuer: settings.JWT_ISSUER,
    audience: settings.JWT_AUDIENCE,
    needs: {},
  })
  app.get('/me', async ({ person }) => signedIn(person))
  return app
}

beforeAll(async () => {
  auth = await createApp(settings)
  address = await auth.listen({ host: '127.0.0.1', port: 0 })
  peer = await createPeer(address)
  client = apiClients.REST(auth)
  const { value } = await client.login({ email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })
  adminHeaders = bearer(value.accessToken)
})
afterAll(() => Promise.all([auth.close(), peer.close()]))

const statusOf = async (accessToken: string, at: App = peer): Promise<number> =>
  (await at.inject({ url: '/me', headers: bearer(accessToken) })).statusCode
const refusedBy = (at: App, accessToken: string) =>
  soon('the token is refused', async () => (await statusOf(accessToken, at)) === 401, KNOWN_WITHIN)

async function member() {
  const wish = registrationInput()
  const { value: first } = await client.register(wish)
  const { value: second } = await client.login({ email: wish.email, password: wish.password })
  for (const { accessToken } of [first, second]) expect(await statusOf(accessToken)).toBe(200)
  return { ...wish, id: first.user.id as string, first, second, headers: bearer(first.accessToken) }
}

describe('within five seconds every service, auth-service itself too, refuses the access tokens', () => {
  it('of a session that was signed out, and of no other', async () => {
    const { first, second } = await member()
    await client.logout(second.refreshToken)
    for (const at of [peer, auth]) expect(await refusedBy(at, second.accessToken)).toBe(true)
    expect(await statusOf(first.accessToken)).toBe(200)
  })

  it('of the other sessions of who changed their password', async () => {
    const { password, first, second, headers } = await member()
    await client.changePassword({ currentPassword: password, newPassword: 'une autre douzaine' }, headers)
    expect(await refusedBy(peer, second.accessToken)).toBe(true)
    expect(await statusOf(first.accessToken)).toBe(200)
  })

  it('of all sessions of who signed out everywhere', async () => {
    const { first, second, headers } = await member()
    await client.endAllSessions(headers)
    for (const { accessToken } of [first, second]) expect(await refusedBy(peer, accessToken)).toBe(true)
  })

  it('of a session whose refresh token was copied', async () => {
    const { first } = await member()
    const { value: next } = await client.refresh(first.refreshToken)
    const { value: afterNext } = await client.refresh(next.refreshToken)
    await client.refresh(first.refreshToken)
    expect(await refusedBy(peer, afterNext.accessToken)).toBe(true)
  })

  it('of an account that was closed', async () => {
    const { id, first, second } = await member()
    await client.setActive(id, false, adminHeaders)
    for (const at of [peer, auth])
      for (const { accessToken } of [first, second]) expect(await refusedBy(at, accessToken)).toBe(true)
  })

  it('of a former role; the next token is good at once, with the new one', async () => {
    const { id, first } = await member()
    await client.setRole(id, 'admin', adminHeaders)
    const { value: next } = await client.refresh(first.refreshToken)
    expect(await refusedBy(peer, first.accessToken)).toBe(true)
    const seen = await peer.inject({ url: '/me', headers: bearer(next.accessToken) })
    expect(seen.json()).toMatchObject({ id, role: 'admin' })
  })
})

it('a service that starts later knows from its first request on', async () => {
  const { first, second } = await member()
  await client.logout(second.refreshToken)
  const late = await createPeer(address)
  expect(await statusOf(second.accessToken, late)).toBe(401)
  expect(await statusOf(first.accessToken, late)).toBe(200)
  await late.close()
})

it('while auth-service does not answer, tokens are good and what was revoked stays so; afterwards it is asked again', async () => {
  const own = testSettings()
  const away = await createApp(own)
  const url = new URL(await away.listen({ host: '127.0.0.1', port: await freePort() }))
  const awayClient = apiClients.REST(away)
  const { value: first } = await awayClient.register(registrationInput())
  const { value: second } = await awayClient.register(registrationInput())
  const at = await createPeer(url.origin)
  for (const { accessToken } of [first, second]) expect(await statusOf(accessToken, at)).toBe(200)
  await awayClient.logout(second.refreshToken)
  expect(await refusedBy(at, second.accessToken)).toBe(true)
  await away.close()
  expect(await statusOf(first.accessToken, at)).toBe(200)
  expect(await statusOf(second.accessToken, at)).toBe(401)

  const back = await createApp(own)
  await back.listen({ host: '127.0.0.1', port: Number(url.port) })
  await apiClients.REST(back).logout(first.refreshToken)
  expect(await refusedBy(at, first.accessToken)).toBe(true)
  await Promise.all([back.close(), at.close()])
})

it('only what is new is told to who has heard the rest, and nothing older than a token', async () => {
  const { first } = await member()
  await client.logout(first.refreshToken)
  const all = (await auth.inject('/revocations')).json()
  const { sid } = JSON.parse(Buffer.from(first.accessToken.split('.')[1], 'base64url').toString())
  expect(all.life).toBe(660_000)
  expect(all.sessions).toContainEqual({ id: sid, at: expect.any(Number) })
  const later = (await auth.inject(`/revocations?since=${all.until + 60_000}`)).json()
  expect(later).toMatchObject({ sessions: [], users: [] })
})
