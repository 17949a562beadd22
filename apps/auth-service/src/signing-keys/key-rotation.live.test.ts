import type { App } from '@halles/fastify-service/app'
import { connectMongo } from '@halles/mongo/mongo'
import { eventually } from '@halles/test-fixtures/wait'
import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { apiClients } from '../../test/api-clients.ts'
import { bearer, createFrozenClock, registrationInput, testSettings } from '../../test/fixtures.ts'
import { createPeerService } from '../../test/peer-service.ts'
import { createApp } from '../app.ts'
import { runKeysCommand } from './keys-command.ts'
import { createSigningKeys } from './signing-keys.ts'

const time = createFrozenClock()
const settings = testSettings()
let instances: App[]
let peer: App
beforeAll(async () => {
  instances = await Promise.all([createApp(settings, time), createApp(settings, time)])
  const address = await instances[0]!.listen({ host: '127.0.0.1', port: 0 })
  peer = await createPeerService(address, settings)
})
afterAll(() => Promise.all([...instances, peer].map((app) => app.close())))

it('every service accepts every access token during a key rotation under load', async () => {
  const statuses: number[] = []
  const kids = new Set<unknown>()
  const tokens: string[] = []
  let isRunning = true
  const refreshRepeatedly = async (n: number): Promise<void> => {
    const client = apiClients.REST(instances[n % 2]!)
    let { value: session } = await client.register(registrationInput())
    while (isRunning) {
      ;({ value: session } = await client.refresh(session.refreshToken))
      kids.add(decodeProtectedHeader(session.accessToken).kid)
      tokens.push(session.accessToken)
      for (const app of [peer, ...instances])
        statuses.push((await app.inject({ url: '/me', headers: bearer(session.accessToken) })).statusCode)
    }
  }
  const load = Promise.all(Array.from({ length: 8 }, (_, n) => refreshRepeatedly(n)))
  const waitForRequests = async (count: number): Promise<void> => {
    const before = statuses.length
    await eventually('more requests', () => statuses.length >= before + count)
  }

  const { db, close } = await connectMongo(settings.MONGODB_URL, 'operator')
  await waitForRequests(50)
  const rotatedAt = performance.now()
  await (await createSigningKeys(db, () => time.now().getTime())).rotate(60_000, 600_000)
  await waitForRequests(50)
  // The peer's clock is not the test's. It looks up an unknown key at most every 2 s.
  await eventually('the peer may look up keys again', () => performance.now() - rotatedAt > 2500)
  // The caches of all instances have expired, and the next key is published, yet no token is signed with it.
  time.advance(31_000)
  await waitForRequests(50)
  expect(kids.size).toBe(1)
  time.advance(30_000)
  await waitForRequests(100)
  isRunning = false
  await load
  await close()

  expect(kids.size).toBe(2)
  expect(statuses.filter((status) => status !== 200)).toEqual([])
  // The first token was signed with the old key, and is still valid.
  for (const app of [peer, ...instances])
    expect((await app.inject({ url: '/me', headers: bearer(tokens[0]!) })).statusCode).toBe(200)
})

it('runKeysCommand lists and rotates keys, and returns their states', async () => {
  const env = { MONGODB_URL: testSettings().MONGODB_URL }
  expect(await runKeysCommand(['list'], env)).toMatch(/^[\w-]{43} {2}signing {3}signs from 20\S+Z$/)
  const [next, signing, ...more] = (await runKeysCommand(['rotate'], env)).split('\n')
  expect(next).toMatch(/^[\w-]{43} {2}next {6}signs from 20\S+Z$/)
  expect(signing).toMatch(/^[\w-]{43} {2}signing {3}signs from 20\S+Z {2}expires 20\S+Z$/)
  expect(more).toEqual([])
  await expect(runKeysCommand(['rotate'], env)).rejects.toThrow('The next key is published already')
  for (const wrong of [[], ['remove'], ['rotate', '--lead', '5'], ['rotate', '--lead'], ['list', 'all']])
    await expect(runKeysCommand(wrong, env)).rejects.toThrow(/^keys list/)
  await expect(runKeysCommand(['list'], {})).rejects.toThrow(/MONGODB_URL is missing/)
})
