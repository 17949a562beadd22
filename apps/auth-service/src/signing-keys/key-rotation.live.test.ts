import { serviceApp, type App } from '@halles/service/app'
import { keysAt } from '@halles/service/keys'
import { openMongo } from '@halles/service/mongo'
import { signedIn } from '@halles/service/person'
import { eventually } from '@halles/testkit/wait'
import { decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bearer, apiClients, registrationInput, testSettings, createFrozenClock } from '../../test/FIX'
import { createApp } from '../app.ts'
import { runKeysCommand } from './keys-command.ts'
import { createSigningKeys } from './keys.ts'

const time = createFrozenClock()
const settings = testSettings()
let instances: App[]
let peer: App
beforeAll(async () => {
  instances = await Promise.all([createApp(settings, time), createApp(settings, time)])
  const address = await instances[0]!.listen({ host: '127.0.0.1', port: 0 })
  peer = await serviceApp({
    name: 'peer-service',
    logLevel: 'silent',
    keyOf: keysAt(`${address}/.well-known/jwks.json`),
    issuer: settings.JWT_ISSUER,
    audience: settings.JWT_AUDIENCE,
    needs: {},
  })
  peer.get('/me', async ({ person }) => signedIn(person))
})
afterAll(() => Promise.all([...instances, peer].map((app) => app.close())))

it('while keys change, under load, every token is good in every service', async () => {
  const answers: number[] = []
  const kids = new Set<unknown>()
  const tokens: string[] = []
  let going = true
  const shopper = async (n: number): Promise<void> => {
    const client = apiClients.REST(instances[n % 2]!)
    let { value: session } = await client.register(registrationInput())
    while (going) {
      ;({ value: session } = await client.refresh(session.refreshToken))
      kids.add(decodeProtectedHeader(session.accessToken).kid)
      tokens.push(session.accessToken)
      for (const app of [peer, ...instances])
        answers.push((await app.inject({ url: '/me', headers: bearer(session.accessToken) })).statusCode)
    }
  }
  const load = Promise.all(Array.from({ length: 8 }, (_, n) => shopper(n)))
  const grown = async (by: number): Promise<void> => {
    const before = answers.length
    await eventually('more requests', () => answers.length >= before + by)
  }

  const { db, close } = await openMongo(settings.MONGODB_URL, 'operator')
  await grown(50)
  const asked = performance.now()
  await (await createSigningKeys(db, () => time.now().getTime())).rotate(60_000, 600_000)
  await grown(50)
  // The peer has the time of day, and asks for keys again after 2 s of it.
  await eventually('the peer may ask again', () => performance.now() - asked > 2500)
  // What every instance has read is old by now, and the next key is published, yet no token is signed by it.
  time.advance(31_000)
  await grown(50)
  expect(kids.size).toBe(1)
  time.advance(30_000)
  await grown(100)
  going = false
  await load
  await close()

  expect(kids.size).toBe(2)
  expect(answers.filter((status) => status !== 200)).toEqual([])
  // The first token was signed by the old key, and is good to the end.
  for (const app of [peer, ...instances])
    expect((await app.inject({ url: '/me', headers: bearer(tokens[0]!) })).statusCode).toBe(200)
})

it('an operator lists and changes keys by a command, which says what it did', async () => {
  const env = { MONGODB_URL: testSettings().MONGODB_URL }
  expect(await runKeysCommand(['list'], env)).toMatch(/^[\w-]{43} {2}signing {3}signs from 20\S+Z$/)
  const [next, signing, ...more] = (await runKeysCommand(['rotate'], env)).split('\n')
  expect(next).toMatch(/^[\w-]{43} {2}next {6}signs from 20\S+Z$/)
  expect(signing).toMatch(/^[\w-]{43} {2}signing {3}signs from 20\S+Z {2}goes 20\S+Z$/)
  expect(more).toEqual([])
  await expect(runKeysCommand(['rotate'], env)).rejects.toThrow('The next key is published already')
  for (const wrong of [[], ['remove'], ['rotate', '--lead', '5'], ['rotate', '--lead'], ['list', 'all']])
    await expect(runKeysCommand(wrong, env)).rejects.toThrow(/^keys list/)
  await expect(runKeysCommand(['list'], {})).rejects.toThrow(/MONGODB_URL is missing/)
})
