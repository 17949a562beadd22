import { serviceApp, type App } from '@halles/service/app'
import { keysAt } from '@halles/service/keys'
import { signedIn } from '@halles/service/person'
import { revocationsAt } from '@halles/service/revocations'
import { freePort } from '@halles/testkit/port'
import { soon } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, doors, newcomer, ownSettings } from '../test/doors.ts'
import { createApp } from './app.ts'

/** Within which every service knows, in milliseconds. */
const KNOWN_WITHIN = 5000

const admin = { ADMIN_EMAIL: 'alix@boutique.test', ADMIN_PASSWORD: 'douze douzaines' }
const settings = ownSettings(admin)
let auth: Awaited<ReturnType<typeof createApp>>
let address: string
let peer: App
let door: ReturnType<(typeof doors)['REST']>
let asAdmin: Record<string, string>

/** Another service, which knows of auth-service its address and no more. */
async function peerOf(url: string): Promise<App> {
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
  peer = await peerOf(address)
  door = doors.REST(auth)
  const { value } = await door.login({ email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })
  asAdmin = bearer(value.accessToken)
})
afterAll(() => Promise.all([auth.close(), peer.close()]))

const statusOf = async (accessToken: string, at: App = peer): Promise<number> =>
  (await at.inject({ url: '/me', headers: bearer(accessToken) })).statusCode
const refusedBy = (at: App, accessToken: string) =>
  soon('the token is refused', async () => (await statusOf(accessToken, at)) === 401, KNOWN_WITHIN)

async function member() {
  const wish = newcomer()
  const { value: first } = await door.register(wish)
  const { value: second } = await door.login({ email: wish.email, password: wish.password })
  for (const { accessToken } of [first, second]) expect(await statusOf(accessToken)).toBe(200)
  return { ...wish, id: first.user.id as string, first, second, as: bearer(first.accessToken) }
}

describe('within five seconds every service, auth-service itself too, refuses the access tokens', () => {
  it('of a session that was signed out, and of no other', async () => {
    const { first, second } = await member()
    await door.logout(second.refreshToken)
    for (const at of [peer, auth]) expect(await refusedBy(at, second.accessToken)).toBe(true)
    expect(await statusOf(first.accessToken)).toBe(200)
  })

  it('of the other sessions of who changed their password', async () => {
    const { password, first, second, as } = await member()
    await door.changePassword({ currentPassword: password, newPassword: 'une autre douzaine' }, as)
    expect(await refusedBy(peer, second.accessToken)).toBe(true)
    expect(await statusOf(first.accessToken)).toBe(200)
  })

  it('of all sessions of who signed out everywhere', async () => {
    const { first, second, as } = await member()
    await door.endAllSessions(as)
    for (const { accessToken } of [first, second]) expect(await refusedBy(peer, accessToken)).toBe(true)
  })

  it('of a session whose refresh token was copied', async () => {
    const { first } = await member()
    const { value: next } = await door.refresh(first.refreshToken)
    const { value: afterNext } = await door.refresh(next.refreshToken)
    await door.refresh(first.refreshToken)
    expect(await refusedBy(peer, afterNext.accessToken)).toBe(true)
  })

  it('of an account that was closed', async () => {
    const { id, first, second } = await member()
    await door.setActive(id, false, asAdmin)
    for (const at of [peer, auth])
      for (const { accessToken } of [first, second]) expect(await refusedBy(at, accessToken)).toBe(true)
  })

  it('of a former role; the next token is good at once, with the new one', async () => {
    const { id, first } = await member()
    await door.setRole(id, 'admin', asAdmin)
    const { value: next } = await door.refresh(first.refreshToken)
    expect(await refusedBy(peer, first.accessToken)).toBe(true)
    const seen = await peer.inject({ url: '/me', headers: bearer(next.accessToken) })
    expect(seen.json()).toMatchObject({ id, role: 'admin' })
  })
})

it('a service that starts later knows from its first request on', async () => {
  const { first, second } = await member()
  await door.logout(second.refreshToken)
  const late = await peerOf(address)
  expect(await statusOf(second.accessToken, late)).toBe(401)
  expect(await statusOf(first.accessToken, late)).toBe(200)
  await late.close()
})

it('while auth-service does not answer, tokens are good and what was revoked stays so; afterwards it is asked again', async () => {
  const own = ownSettings()
  const away = await createApp(own)
  const url = new URL(await away.listen({ host: '127.0.0.1', port: await freePort() }))
  const itsDoor = doors.REST(away)
  const { value: first } = await itsDoor.register(newcomer())
  const { value: second } = await itsDoor.register(newcomer())
  const at = await peerOf(url.origin)
  for (const { accessToken } of [first, second]) expect(await statusOf(accessToken, at)).toBe(200)
  await itsDoor.logout(second.refreshToken)
  expect(await refusedBy(at, second.accessToken)).toBe(true)
  await away.close()
  expect(await statusOf(first.accessToken, at)).toBe(200)
  expect(await statusOf(second.accessToken, at)).toBe(401)

  const back = await createApp(own)
  await back.listen({ host: '127.0.0.1', port: Number(url.port) })
  await doors.REST(back).logout(first.refreshToken)
  expect(await refusedBy(at, first.accessToken)).toBe(true)
  await Promise.all([back.close(), at.close()])
})

it('only what is new is told to who has heard the rest, and nothing older than a token', async () => {
  const { first } = await member()
  await door.logout(first.refreshToken)
  const all = (await auth.inject('/revocations')).json()
  const { sid } = JSON.parse(Buffer.from(first.accessToken.split('.')[1], 'base64url').toString())
  expect(all.life).toBe(660_000)
  expect(all.sessions).toContainEqual({ id: sid, at: expect.any(Number) })
  const later = (await auth.inject(`/revocations?since=${all.until + 60_000}`)).json()
  expect(later).toMatchObject({ sessions: [], users: [] })
})
