import type { App } from '@halles/fastify-service/app'
import { connectMongo, type MongoConnection } from '@halles/mongo/mongo'
import { eventually, pollWithin } from '@halles/test-fixtures/wait'
import { decodeJwt, decodeProtectedHeader, importPKCS8, SignJWT, type JWTPayload } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { apiClients, type ApiClient } from '../../test/api-clients.ts'
import { adminCredentials, adminSettings, bearer, registrationInput, testSettings } from '../../test/fixtures.ts'
import { createPeerService } from '../../test/peer-service.ts'
import { createApp } from '../app.ts'
import { runKeysCommand } from './keys-command.ts'

/** Within which every service rejects a token of a revoked key, in milliseconds. */
const REVOCATION_TIME = 5000

const settings = testSettings(adminSettings)
const { MONGODB_URL } = settings
let mongo: MongoConnection
let instances: App[]
/** Services that know the keys and revocations of one of the instances each. */
let peers: App[]
let client: ApiClient
beforeAll(async () => {
  mongo = await connectMongo(MONGODB_URL, 'key-revocation-test')
  instances = await Promise.all([createApp(settings), createApp(settings)])
  const addresses = await Promise.all(instances.map((app) => app.listen({ host: '127.0.0.1', port: 0 })))
  peers = await Promise.all(addresses.map((url) => createPeerService(url, settings, { pollsRevocations: true })))
  client = apiClients.REST(instances[0]!)
})
afterAll(async () => {
  await Promise.all([...instances, ...peers].map((app) => app.close()))
  await mongo.close()
})

const statusOf = async (accessToken: string, app: App): Promise<number> =>
  (await app.inject({ url: '/me', headers: bearer(accessToken) })).statusCode
const statusesOf = (accessToken: string) =>
  Promise.all([...instances, ...peers].map((app) => statusOf(accessToken, app)))
const all = (status: number) => [...instances, ...peers].map(() => status)
const kidOf = (accessToken: string): string => decodeProtectedHeader(accessToken).kid!
const revoke = (kid: string) => runKeysCommand(['revoke', kid], { MONGODB_URL })

/** Signs a token like `accessToken` with other claims, with the stolen signing key. */
async function forge(accessToken: string, claims: JWTPayload): Promise<string> {
  const kid = kidOf(accessToken)
  const pair = await mongo.db.collection<{ _id: string; privatePem: string }>('keys').findOne({ _id: kid })
  return new SignJWT({ ...decodeJwt(accessToken), ...claims })
    .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid })
    .sign(await importPKCS8(pair!.privatePem, 'ES256'))
}

const now = () => Math.floor(Date.now() / 1000)
const TEN_YEARS = 10 * 365 * 86_400

it.each([
  ['that expires in ten years', () => ({ iat: now(), exp: now() + TEN_YEARS })],
  ['that was issued in ten years', () => ({ iat: now() + TEN_YEARS, exp: now() + TEN_YEARS + 600 })],
  ['that lives an hour', () => ({ iat: now() - 10, exp: now() + 3600 })],
  ['without the time of its issue', () => ({ iat: undefined, exp: now() + 600 })],
])('every service rejects a correctly signed token %s', async (_case, claims) => {
  const { value: session } = await client.register(registrationInput())
  expect(await statusesOf(await forge(session.accessToken, { iat: now(), exp: now() + 600 }))).toEqual(all(200))
  const forged = await forge(session.accessToken, claims() as JWTPayload)
  expect(await statusesOf(forged)).toEqual(all(401))
})

it('every service that runs rejects the tokens of a revoked key within five seconds, and accepts those of its successor', async () => {
  const { value: session } = await client.register(registrationInput())
  const forged = await forge(session.accessToken, { iat: now(), exp: now() + 600 })
  for (const token of [session.accessToken, forged]) expect(await statusesOf(token)).toEqual(all(200))
  const kid = kidOf(session.accessToken)

  expect(await revoke(kid)).toMatch(new RegExp(`signing .*\n${kid} {2}revoked {3}revoked 20`))
  for (const token of [session.accessToken, forged])
    for (const app of [...instances, ...peers])
      expect(
        await pollWithin('the token is rejected', async () => (await statusOf(token, app)) === 401, REVOCATION_TIME),
      ).toBe(true)

  for (const instance of instances) {
    const { value: next } = await apiClients.REST(instance).register(registrationInput())
    expect(kidOf(next.accessToken)).not.toBe(kid)
    // A service looks up an unknown key at most every 2 s.
    await eventually('every service knows the new key', async () =>
      (await statusesOf(next.accessToken)).every((status) => status === 200),
    )
  }
  // The owner goes on with the session that the revoked key signed for.
  const { value: refreshed } = await client.refresh(session.refreshToken)
  expect(await statusesOf(refreshed.accessToken)).toEqual(all(200))
})

it('a key stays revoked in services that start later', async () => {
  const { value: session } = await client.register(registrationInput())
  await revoke(kidOf(session.accessToken))
  const late = await createApp(settings)
  const address = await late.listen({ host: '127.0.0.1', port: 0 })
  const latePeer = await createPeerService(address, settings, { pollsRevocations: true })
  for (const app of [late, latePeer]) expect(await statusOf(session.accessToken, app)).toBe(401)
  const { value: next } = await apiClients.REST(late).login(adminCredentials)
  for (const app of [late, latePeer]) expect(await statusOf(next.accessToken, app)).toBe(200)
  await Promise.all([late.close(), latePeer.close()])
})

it('keys revoke lets the next key sign, may be repeated, and names an unknown key', async () => {
  const own = { MONGODB_URL: testSettings().MONGODB_URL }
  const kid = /^[\w-]{43}/.exec(await runKeysCommand(['list'], own))![0]
  const next = /^[\w-]{43}/.exec(await runKeysCommand(['rotate'], own))![0]
  const table = await runKeysCommand(['revoke', kid], own)
  expect(table).toMatch(new RegExp(`^${next} {2}signing {3}.*\n${kid} {2}revoked {3}revoked 20\\S+Z$`))
  expect((await runKeysCommand(['revoke', kid], own)).split('\n')).toHaveLength(2)
  await expect(runKeysCommand(['revoke', 'nothing'], own)).rejects.toThrow('There is no key nothing')
  // A number is not used again: the next rotation succeeds after the newest key was revoked.
  const [newest] = (await runKeysCommand(['rotate'], own)).split(' ')
  await runKeysCommand(['revoke', newest!], own)
  expect(await runKeysCommand(['rotate'], own)).toMatch(/^[\w-]{43} {2}next /)
})

it('the security log records that a key was revoked', async () => {
  const { value: session } = await client.register(registrationInput())
  await revoke(kidOf(session.accessToken))
  // Until this instance signs with another key, it rejects the admin's token.
  const events = await eventually('an admin reads the security log', async () => {
    const { value } = await client.login(adminCredentials)
    const response = await instances[0]!.inject({ url: '/security-log', headers: bearer(value.accessToken) })
    return response.json().items as { what: string; userId: unknown }[] | undefined
  })
  expect(events).toContainEqual(expect.objectContaining({ what: 'signing-key-revoked', userId: null }))
})
