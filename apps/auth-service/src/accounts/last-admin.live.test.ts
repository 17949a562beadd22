import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, apiClients, registrationInput, testSettings } from '../../test/FIX'
import { createApp } from '../app.ts'

const ROUNDS = 15
const admin = { ADMIN_EMAIL: 'alix@boutique.test', ADMIN_PASSWORD: 'douze douzaines' }
const settings = testSettings(admin)
// Two instances: what keeps admins from ending each other is not in the memory of one.
let apps: Awaited<ReturnType<typeof createApp>>[]
beforeAll(async () => {
  const first = await createApp(settings)
  apps = [first, await createApp(settings)]
})
afterAll(async () => void (await Promise.all(apps.map((app) => app.close()))))

type Member = { email: string; password: string; id: string; headers: Record<string, string> }
type Wish = (at: number, by: Member, of: Member) => Promise<{ value?: unknown; code?: string }>

const doorAt = (at: number) => apiClients[at % 2 ? 'GraphQL' : 'REST'](apps[at % 2]!) as ReturnType<(typeof apiClients)['REST']>
async function signedIn({ email, password }: { email: string; password: string }): Promise<Member> {
  const { value } = await doorAt(0).login({ email, password })
  return { email, password, id: value.user.id, headers: bearer(value.accessToken) }
}
const alix = () => signedIn({ email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })

const demote: Wish = (at, by, of) => doorAt(at).setRole(of.id, 'user', by.headers)
const close: Wish = (at, by, of) => doorAt(at).setActive(of.id, false, by.headers)

/** Makes all of them admins again, whose accounts are open, and signs them in. */
async function restored(members: Member[], by: Member): Promise<Member[]> {
  for (const { id } of members.filter(({ id }) => id !== by.id)) {
    await doorAt(0).setActive(id, true, by.headers)
    await doorAt(0).setRole(id, 'admin', by.headers)
  }
  return Promise.all(members.map(signedIn))
}

describe.each([
  ['take the role from each other', 2, [demote, demote]],
  ['close the accounts of each other', 2, [close, close]],
  ['do one and the other', 2, [demote, close]],
  ['take it from one another, in a ring of three', 3, [demote, demote, demote]],
] as [string, number, Wish[]][])('admins who %s at the same moment', (_what, count, wishes) => {
  let members: Member[]
  beforeAll(async () => {
    members = [await alix()]
    for (let i = 1; i < count; i++) {
      const wish = registrationInput()
      await doorAt(0).register(wish)
      members.push({ ...(await signedIn(wish)) })
    }
    members = await restored(members, members[0]!)
  })
  // Only the first is left, for the next ones to begin with.
  afterAll(async () => {
    const [first, ...others] = members
    for (const one of others) await demote(0, first!, one)
  })

  it('never leave none', async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const answers = await Promise.all(wishes.map((wish, i) => wish(i, members[i]!, members[(i + 1) % count]!)))
      const refused = answers.filter(({ value }) => !value).map(({ code }) => code)
      expect(refused.length).toBeGreaterThan(0)
      // Whoever is none any more is told so, by the account or by what is known of their token.
      for (const code of refused) expect(['FORBIDDEN', 'UNAUTHENTICATED']).toContain(code)
      // Who was not ended: the one before them was refused.
      const left = members.filter((_member, i) => !answers[(i + count - 1) % count]!.value)
      expect(left).toHaveLength(refused.length)
      const [one] = await Promise.all(left.map(signedIn))
      expect(await doorAt(0).me(one!.headers)).toMatchObject({ value: { role: 'admin', active: true } })
      members = await restored(members, one!)
    }
  })
})

it('who is an admin no more changes no account, though their token says so still', async () => {
  const [wish, other] = [registrationInput(), registrationInput()]
  for (const one of [wish, other]) await doorAt(0).register(one)
  const first = await alix()
  const [former] = await restored([await signedIn(wish)], first)
  const friend = await signedIn(other)
  await demote(0, first, former!)
  for (const at of [0, 1]) {
    const { code } = await doorAt(at).setRole(friend.id, 'admin', former!.headers)
    expect(['FORBIDDEN', 'UNAUTHENTICATED']).toContain(code)
  }
  expect((await doorAt(0).user(friend.id, first.headers)).value).toMatchObject({ role: 'user' })
})

it('many changes by one admin are all made', async () => {
  const members: Member[] = []
  for (let i = 0; i < 8; i++) {
    const wish = registrationInput()
    await doorAt(0).register(wish)
    members.push(await signedIn(wish))
  }
  const first = await alix()
  const answers = await Promise.all(members.map(({ id }, i) => doorAt(i).setRole(id, 'admin', first.headers)))
  for (const answer of answers) expect(answer).toMatchObject({ value: { role: 'admin' } })
  for (const member of members) await demote(0, first, member)
})
