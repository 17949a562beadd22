import { randomUUID } from 'node:crypto'
import { openMongo } from '@halles/service/mongo'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, apiClients, registrationInput, testSettings } from '../../test/FIX'
import { createApp } from '../app.ts'

const admin = { ADMIN_EMAIL: 'alix@boutique.test', ADMIN_PASSWORD: 'douze douzaines' }
const settings = testSettings(admin)
let app: Awaited<ReturnType<typeof createApp>>
beforeAll(async () => void (app = await createApp(settings)))
afterAll(() => app.close())

const OTHER = 'une autre douzaine'
const toCredentials = ({ email, password }: { email: string; password: string }) => ({ email, password })

describe.each(['REST', 'GraphQL'] as const)('through %s', (name) => {
  let client: ReturnType<(typeof apiClients)['REST']>
  let adminHeaders: Record<string, string>
  beforeAll(async () => {
    client = apiClients[name](app) as typeof client
    const { value } = await client.login({ email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })
    adminHeaders = bearer(value.accessToken)
  })

  /** Someone with an account, signed in twice. */
  async function member() {
    const wish = registrationInput()
    const { value: first } = await client.register(wish)
    const { value: second } = await client.login(toCredentials(wish))
    return { ...toCredentials(wish), id: first.user.id as string, first, second, headers: bearer(first.accessToken) }
  }
  const refused = (code: string) => expect.objectContaining({ code })
  const refresh = ({ refreshToken }: { refreshToken: string }) => client.refresh(refreshToken)

  describe('another password', () => {
    it('is for who knows the present one, and ends the other sessions', async () => {
      const { email, password, first, second, headers } = await member()
      expect(await client.changePassword({ currentPassword: password, newPassword: OTHER }, headers)).toEqual({ value: true })
      expect(await refresh(second)).toEqual(refused('UNAUTHENTICATED'))
      expect(await refresh(first)).toHaveProperty('value')
      expect(await client.login({ email, password })).toEqual(refused('INVALID_CREDENTIALS'))
      expect(await client.login({ email, password: OTHER })).toHaveProperty('value')
    })

    it('is not for who does not, and nothing changes', async () => {
      const { email, password, second, headers } = await member()
      const change = { currentPassword: 'not the password', newPassword: OTHER }
      expect(await client.changePassword(change, headers)).toEqual(refused('INVALID_CREDENTIALS'))
      expect(await refresh(second)).toHaveProperty('value')
      expect(await client.login({ email, password })).toHaveProperty('value')
    })

    it.each([
      ['short', 'seven77'],
      ['tried first', 'azertyuiop'],
      ["one's own name", 'Camille-1987'],
    ])('may not be %s', async (_what, newPassword) => {
      const { password, headers } = await member()
      expect(await client.changePassword({ currentPassword: password, newPassword }, headers)).toMatchObject({
        code: 'VALIDATION_FAILED',
        errors: [{ path: '/newPassword' }],
      })
    })

    it('needs someone who is signed in, whatever is sent', async () => {
      const change = { currentPassword: 'a', newPassword: 'b' }
      expect(await client.changePassword(change)).toEqual(refused('UNAUTHENTICATED'))
    })

    it('of two at once, one is taken', async () => {
      const { email, password, headers } = await member()
      const wishes = ['la premiere des deux', 'la seconde des deux']
      const answers = await Promise.all(
        wishes.map((newPassword) => client.changePassword({ currentPassword: password, newPassword }, headers)),
      )
      expect(answers.filter(({ value }) => value)).toHaveLength(1)
      const taken = wishes[answers.findIndex(({ value }) => value)]
      expect(await client.login({ email, password: taken })).toHaveProperty('value')
    })
  })

  describe('sessions', () => {
    it('are listed to their owner, newest first, with the one that asks', async () => {
      const { id, second, headers } = await member()
      const { value: page } = await client.sessions(headers)
      expect(page).toMatchObject({ totalCount: 2, totalCountIsExact: true, pageInfo: { hasNextPage: false } })
      expect(page.items.map(({ current }: { current: boolean }) => current)).toEqual([false, true])
      expect(page.items[0]).toEqual({
        id: expect.any(String),
        userId: id,
        agent: 'lightMyRequest',
        createdAt: expect.stringMatching(/Z$/),
        refreshedAt: expect.stringMatching(/Z$/),
        expiresAt: expect.stringMatching(/Z$/),
        current: false,
      })
      const { value: seenBySecond } = await client.sessions(bearer(second.accessToken))
      expect(seenBySecond.items.map(({ current }: { current: boolean }) => current)).toEqual([true, false])
    })

    it('are ended by their owner, one or all', async () => {
      const { first, second, headers } = await member()
      const { value: page } = await client.sessions(headers)
      expect(await client.endSession(page.items[0].id, headers)).toEqual({ value: true })
      expect(await refresh(second)).toEqual(refused('UNAUTHENTICATED'))
      expect(await client.endSession(page.items[0].id, headers)).toEqual(refused('NOT_FOUND'))
      expect((await client.sessions(headers)).value.totalCount).toBe(1)
      expect(await client.endAllSessions(headers)).toEqual({ value: true })
      expect(await refresh(first)).toEqual(refused('UNAUTHENTICATED'))
    })

    it('are seen and ended by an admin, and by no stranger', async () => {
      const { id, first, second } = await member()
      const stranger = (await member()).as
      const { value: page } = await client.sessions(adminHeaders, id)
      expect(page.totalCount).toBe(2)
      expect(await client.sessions(stranger, id)).toEqual(refused('FORBIDDEN'))
      expect(await client.sessions()).toEqual(refused('UNAUTHENTICATED'))
      expect(await client.endSession(page.items[0].id, stranger)).toEqual(refused('NOT_FOUND'))
      expect(await client.endSession(page.items[0].id)).toEqual(refused('UNAUTHENTICATED'))
      expect(await client.endAllSessions(stranger, id)).toEqual(refused('FORBIDDEN'))
      expect(await refresh(second)).toHaveProperty('value')
      expect(await client.endSession(page.items[0].id, adminHeaders)).toEqual({ value: true })
      expect(await client.endAllSessions(adminHeaders, id)).toEqual({ value: true })
      for (const session of [first, second]) expect(await refresh(session)).toEqual(refused('UNAUTHENTICATED'))
    })
  })

  describe('an admin', () => {
    it('makes a user an admin, which their next token tells, and takes it back', async () => {
      const { id, first } = await member()
      expect((await client.setRole(id, 'admin', adminHeaders)).value).toMatchObject({ id, role: 'admin', active: true })
      const { value: next } = await refresh(first)
      expect((await client.securityLog(id, bearer(next.accessToken))).value.items[0]).toMatchObject({
        what: 'role-changed',
      })
      expect((await client.setRole(id, 'user', adminHeaders)).value.role).toBe('user')
      expect((await client.user(id, adminHeaders)).value.role).toBe('user')
    })

    it('closes an account: its sessions end, and it opens no new one', async () => {
      const { id, email, password, first, second, headers } = await member()
      expect((await client.setActive(id, false, adminHeaders)).value).toMatchObject({ id, active: false })
      for (const session of [first, second]) expect(await refresh(session)).toEqual(refused('UNAUTHENTICATED'))
      expect(await client.me(headers)).toEqual(refused('UNAUTHENTICATED'))
      expect(await client.login({ email, password })).toEqual({ code: 'INVALID_CREDENTIALS', errors: undefined })
      const change = { currentPassword: password, newPassword: OTHER }
      expect(await client.changePassword(change, headers)).toEqual(refused('UNAUTHENTICATED'))
      expect((await client.setActive(id, true, adminHeaders)).value.active).toBe(true)
      expect(await client.login({ email, password })).toHaveProperty('value')
    })

    it('does neither to themselves, nor to who is not there', async () => {
      const { value: me } = await client.me(adminHeaders)
      expect(await client.setRole(me.id, 'user', adminHeaders)).toEqual(refused('FORBIDDEN'))
      expect(await client.setActive(me.id, false, adminHeaders)).toEqual(refused('FORBIDDEN'))
      expect(await client.setRole('nobody', 'user', adminHeaders)).toEqual(refused('NOT_FOUND'))
      expect(await client.setActive('nobody', false, adminHeaders)).toEqual(refused('NOT_FOUND'))
    })

    it('is the only one to do that', async () => {
      const { id, headers } = await member()
      const other = (await member()).id
      for (const whose of [id, other]) {
        expect(await client.setRole(whose, 'admin', headers)).toEqual(refused('FORBIDDEN'))
        expect(await client.setActive(whose, false, headers)).toEqual(refused('FORBIDDEN'))
        expect(await client.setRole(whose, 'admin')).toEqual(refused('UNAUTHENTICATED'))
      }
      expect((await client.user(id, headers)).value).toMatchObject({ role: 'user', active: true })
    })
  })

  describe('the security log', () => {
    it('tells an admin what happened to an account, by whom and in which request', async () => {
      const { id, email, password, first, second, headers } = await member()
      await client.login({ email, password: 'not the password' })
      await client.logout(second.refreshToken)
      await client.changePassword({ currentPassword: 'not the password', newPassword: OTHER }, headers)
      await client.changePassword({ currentPassword: password, newPassword: OTHER }, headers)
      await client.setActive(id, false, adminHeaders)
      const { value: page } = await client.securityLog(id, adminHeaders)
      const { value: me } = await client.me(adminHeaders)
      expect(page.items.map(({ what, outcome, byId }: any) => [what, outcome, byId])).toEqual([
        ['deactivated', 'done', me.id],
        ['password-changed', 'done', id],
        ['password-changed', 'refused', id],
        ['sign-out', 'done', id],
        ['sign-in', 'refused', null],
        ['sign-in', 'done', id],
        ['registration', 'done', id],
      ])
      for (const event of page.items)
        expect(event).toMatchObject({
          userId: id,
          at: expect.stringMatching(/Z$/),
          place: page.items[0].place,
          traceId: expect.stringMatching(/^[0-9a-f]{32}$/),
        })
      const told = JSON.stringify(page)
      for (const secret of [email, password, OTHER, '127.0.0.1', first.refreshToken, 'Camille'])
        expect(told).not.toContain(secret)
    })

    it('is for admins', async () => {
      const { id, headers } = await member()
      expect(await client.securityLog(id, headers)).toEqual(refused('FORBIDDEN'))
      expect(await client.securityLog(id)).toEqual(refused('UNAUTHENTICATED'))
    })
  })
})

it('users are listed over REST to admins', async () => {
  const client = apiClients.REST(app)
  const word = `quinquin${randomUUID().slice(0, 8)}`
  const wish = registrationInput({ name: `Zoé ${word}` })
  const { value: zoe } = await client.register(wish)
  const { value } = await client.login({ email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })
  const list = (headers: Record<string, string>) => app.inject({ url: `/users?search=${word}&first=1`, headers })
  expect((await list(bearer(value.accessToken))).json()).toMatchObject({ items: [zoe.user], totalCount: 1 })
  expect((await list(bearer(zoe.accessToken))).json().code).toBe('FORBIDDEN')
  expect((await list({})).json().code).toBe('UNAUTHENTICATED')
})

it('the security log goes away by itself', async () => {
  const { db, close } = await openMongo(settings.MONGODB_URL, 'auth-service')
  const events = db.collection('securityLog')
  const [indexes, event] = await Promise.all([events.indexes(), events.findOne()])
  await close()
  expect(indexes).toContainEqual(expect.objectContaining({ key: { expiresAt: 1 }, expireAfterSeconds: 0 }))
  expect(event!['expiresAt'] - event!['at']).toBe(90 * 86_400_000)
})
