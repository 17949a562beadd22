import type { App } from '@halles/fastify-service/app'
import { freePort } from '@halles/test-fixtures/port'
import { pollWithin } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiClients, registerUser, type ApiClient } from '../../test/api-clients.ts'
import {
  adminCredentials,
  adminSettings,
  bearer,
  decodeClaims,
  registrationInput,
  testSettings,
} from '../../test/fixtures.ts'
import { createPeerService } from '../../test/peer-service.ts'
import { createApp } from '../app.ts'

/** Within which every service rejects a revoked token, in milliseconds. */
const REVOCATION_TIME = 5000

const settings = testSettings(adminSettings)
let auth: Awaited<ReturnType<typeof createApp>>
let address: string
let peer: App
let client: ApiClient
let adminHeaders: Record<string, string>

beforeAll(async () => {
  auth = await createApp(settings)
  address = await auth.listen({ host: '127.0.0.1', port: 0 })
  peer = await createPeerService(address, settings, { pollsRevocations: true })
  client = apiClients.REST(auth)
  const { value } = await client.login(adminCredentials)
  adminHeaders = bearer(value.accessToken)
})
afterAll(() => Promise.all([auth.close(), peer.close()]))

const statusOf = async (accessToken: string, app: App = peer): Promise<number> =>
  (await app.inject({ url: '/me', headers: bearer(accessToken) })).statusCode
const isRejectedBy = (app: App, accessToken: string) =>
  pollWithin('the token is rejected', async () => (await statusOf(accessToken, app)) === 401, REVOCATION_TIME)

/** Registers a user who is signed in twice. */
async function signInTwice() {
  const { email, password, id, session: first, headers } = await registerUser(client)
  const { value: second } = await client.login({ email, password })
  for (const { accessToken } of [first, second]) expect(await statusOf(accessToken)).toBe(200)
  return { password, id, first, second, headers }
}

describe('every service, including auth-service, within five seconds', () => {
  it('rejects the access tokens of a session that was signed out, and of no other', async () => {
    const { first, second } = await signInTwice()
    await client.logout(second.refreshToken)
    for (const app of [peer, auth]) expect(await isRejectedBy(app, second.accessToken)).toBe(true)
    expect(await statusOf(first.accessToken)).toBe(200)
  })

  it('rejects the access tokens of the other sessions of a user who changed their password', async () => {
    const { password, first, second, headers } = await signInTwice()
    await client.changePassword({ currentPassword: password, newPassword: 'une autre douzaine' }, headers)
    expect(await isRejectedBy(peer, second.accessToken)).toBe(true)
    expect(await statusOf(first.accessToken)).toBe(200)
  })

  it('rejects the access tokens of all sessions of a user who ended them all', async () => {
    const { first, second, headers } = await signInTwice()
    await client.endAllSessions(headers)
    for (const { accessToken } of [first, second]) expect(await isRejectedBy(peer, accessToken)).toBe(true)
  })

  it('rejects the access tokens of a session whose refresh token was reused', async () => {
    const { first } = await signInTwice()
    const { value: next } = await client.refresh(first.refreshToken)
    const { value: afterNext } = await client.refresh(next.refreshToken)
    await client.refresh(first.refreshToken)
    expect(await isRejectedBy(peer, afterNext.accessToken)).toBe(true)
  })

  it('rejects the access tokens of a deactivated account', async () => {
    const { id, first, second } = await signInTwice()
    await client.setActive(id, false, adminHeaders)
    for (const app of [peer, auth])
      for (const { accessToken } of [first, second]) expect(await isRejectedBy(app, accessToken)).toBe(true)
  })

  it('rejects the access tokens with a former role, and accepts a refreshed one with the new role at once', async () => {
    const { id, first } = await signInTwice()
    await client.setRole(id, 'admin', adminHeaders)
    const { value: next } = await client.refresh(first.refreshToken)
    expect(await isRejectedBy(peer, first.accessToken)).toBe(true)
    const response = await peer.inject({ url: '/me', headers: bearer(next.accessToken) })
    expect(response.json()).toMatchObject({ id, role: 'admin' })
  })
})

it('a service that starts after a revocation rejects the token from its first request on', async () => {
  const { first, second } = await signInTwice()
  await client.logout(second.refreshToken)
  const late = await createPeerService(address, settings, { pollsRevocations: true })
  expect(await statusOf(second.accessToken, late)).toBe(401)
  expect(await statusOf(first.accessToken, late)).toBe(200)
  await late.close()
})

it('while auth-service is unavailable, a service accepts valid tokens and rejects revoked ones, and polls again afterwards', async () => {
  const own = testSettings()
  const stopped = await createApp(own)
  const url = new URL(await stopped.listen({ host: '127.0.0.1', port: await freePort() }))
  const stoppedClient = apiClients.REST(stopped)
  const { value: first } = await stoppedClient.register(registrationInput())
  const { value: second } = await stoppedClient.register(registrationInput())
  const service = await createPeerService(url.origin, settings, { pollsRevocations: true })
  for (const { accessToken } of [first, second]) expect(await statusOf(accessToken, service)).toBe(200)
  await stoppedClient.logout(second.refreshToken)
  expect(await isRejectedBy(service, second.accessToken)).toBe(true)
  await stopped.close()
  expect(await statusOf(first.accessToken, service)).toBe(200)
  expect(await statusOf(second.accessToken, service)).toBe(401)

  const restarted = await createApp(own)
  await restarted.listen({ host: '127.0.0.1', port: Number(url.port) })
  await apiClients.REST(restarted).logout(first.refreshToken)
  expect(await isRejectedBy(service, first.accessToken)).toBe(true)
  await Promise.all([restarted.close(), service.close()])
})

it('GET /revocations returns only revocations after `since`, and keeps each for longer than a token lives', async () => {
  const { first } = await signInTwice()
  await client.logout(first.refreshToken)
  const all = (await auth.inject('/revocations')).json()
  const { sid } = decodeClaims(first.accessToken)
  expect(all.life).toBe(660_000)
  expect(all.sessions).toContainEqual({ id: sid, at: expect.any(Number) })
  const later = (await auth.inject(`/revocations?since=${all.until + 60_000}`)).json()
  expect(later).toMatchObject({ sessions: [], users: [] })
})
