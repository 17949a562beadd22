import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiClients, type ApiClient, type ApiResult } from '../../test/api-clients.ts'
import { adminCredentials, adminSettings, bearer, registrationInput, testSettings } from '../../test/fixtures.ts'
import { createApp } from '../app.ts'

const ROUNDS = 15
const settings = testSettings(adminSettings)
// Two instances, because the invariant must hold in the database, not in the memory of one process.
let instances: Awaited<ReturnType<typeof createApp>>[]
beforeAll(async () => {
  const first = await createApp(settings)
  instances = [first, await createApp(settings)]
})
afterAll(async () => void (await Promise.all(instances.map((app) => app.close()))))

type SignedInUser = { email: string; password: string; id: string; headers: Record<string, string> }
type Change = (instance: number, by: SignedInUser, target: SignedInUser) => Promise<ApiResult>

/** A client of one of the instances: GraphQL and REST in turns. */
const clientOf = (instance: number): ApiClient =>
  apiClients[instance % 2 ? 'GraphQL' : 'REST'](instances[instance % 2]!)
async function signIn({ email, password }: { email: string; password: string }): Promise<SignedInUser> {
  const { value } = await clientOf(0).login({ email, password })
  return { email, password, id: value.user.id, headers: bearer(value.accessToken) }
}
async function registerAndSignIn(): Promise<SignedInUser> {
  const input = registrationInput()
  await clientOf(0).register(input)
  return signIn(input)
}

const demote: Change = (instance, by, target) => clientOf(instance).setRole(target.id, 'user', by.headers)
const deactivate: Change = (instance, by, target) => clientOf(instance).setActive(target.id, false, by.headers)

/** Makes all users active admins, on behalf of an admin, and signs them in. */
async function makeActiveAdmins(users: SignedInUser[], by: SignedInUser): Promise<SignedInUser[]> {
  for (const { id } of users.filter(({ id }) => id !== by.id)) {
    await clientOf(0).setActive(id, true, by.headers)
    await clientOf(0).setRole(id, 'admin', by.headers)
  }
  return Promise.all(users.map(signIn))
}

describe.each([
  ['demote each other', 2, [demote, demote]],
  ['deactivate each other', 2, [deactivate, deactivate]],
  ['demote and deactivate each other', 2, [demote, deactivate]],
  ['demote each other in a ring of three', 3, [demote, demote, demote]],
] as [string, number, Change[]][])('admins who %s at the same moment', (_what, count, changes) => {
  let admins: SignedInUser[]
  beforeAll(async () => {
    admins = [await signIn(adminCredentials)]
    for (let i = 1; i < count; i++) admins.push(await registerAndSignIn())
    admins = await makeActiveAdmins(admins, admins[0]!)
  })
  // Leaves only the initial admin, for the next case.
  afterAll(async () => {
    const [first, ...others] = admins
    for (const other of others) await demote(0, first!, other)
  })

  it('leave at least one active admin', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const results = await Promise.all(changes.map((change, i) => change(i, admins[i]!, admins[(i + 1) % count]!)))
      const errors = results.filter(({ value }) => !value).map(({ code }) => code)
      expect(errors.length).toBeGreaterThan(0)
      // A former admin is rejected by the account or, once it is known to be revoked, by the token.
      for (const code of errors) expect(['FORBIDDEN', 'UNAUTHENTICATED']).toContain(code)
      // An admin is left if the change by the one before in the ring was rejected.
      const left = admins.filter((_admin, i) => !results[(i + count - 1) % count]!.value)
      expect(left).toHaveLength(errors.length)
      const [admin] = await Promise.all(left.map(signIn))
      expect(await clientOf(0).me(admin!.headers)).toMatchObject({ value: { role: 'admin', active: true } })
      admins = await makeActiveAdmins(admins, admin!)
    }
  })
})

it('a former admin changes no account, although their token still has the role', async () => {
  const [user, target] = [await registerAndSignIn(), await registerAndSignIn()]
  const admin = await signIn(adminCredentials)
  const [former] = await makeActiveAdmins([user], admin)
  await demote(0, admin, former!)
  for (const instance of [0, 1]) {
    const { code } = await clientOf(instance).setRole(target.id, 'admin', former!.headers)
    expect(['FORBIDDEN', 'UNAUTHENTICATED']).toContain(code)
  }
  expect((await clientOf(0).user(target.id, admin.headers)).value).toMatchObject({ role: 'user' })
})

it('concurrent changes by one admin all succeed', async () => {
  const users: SignedInUser[] = []
  for (let i = 0; i < 8; i++) users.push(await registerAndSignIn())
  const admin = await signIn(adminCredentials)
  const results = await Promise.all(users.map(({ id }, i) => clientOf(i).setRole(id, 'admin', admin.headers)))
  for (const result of results) expect(result).toMatchObject({ value: { role: 'admin' } })
  for (const user of users) await demote(0, admin, user)
})
