import { randomUUID } from 'node:crypto'
import { openMongo } from '@halles/service/mongo'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { bearer, doors, newcomer, ownSettings } from '../test/doors.ts'
import { createApp } from './app.ts'

const admin = { ADMIN_EMAIL: 'alix@boutique.test', ADMIN_PASSWORD: 'douze douzaines' }
const settings = ownSettings(admin)
let app: Awaited<ReturnType<typeof createApp>>
beforeAll(async () => void (app = await createApp(settings)))
afterAll(() => app.close())

const OTHER = 'une autre douzaine'
const credentialsOf = ({ email, password }: { email: string; password: string }) => ({ email, password })

describe.each(['REST', 'GraphQL'] as const)('through %s', (name) => {
  let door: ReturnType<(typeof doors)['REST']>
  let asAdmin: Record<string, string>
  beforeAll(async () => {
    door = doors[name](app) as typeof door
    const { value } = await door.login({ email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })
    asAdmin = bearer(value.accessToken)
  })

  /** Someone with an account, signed in twice. */
  async function member() {
    const wish = newcomer()
    const { value: first } = await door.register(wish)
    const { value: second } = await door.login(credentialsOf(wish))
    return { ...credentialsOf(wish), id: first.user.id as string, first, second, as: bearer(first.accessToken) }
  }
  const refused = (code: string) => expect.objectContaining({ code })
  const refresh = ({ refreshToken }: { refreshToken: string }) => door.refresh(refreshToken)

  describe('another password', () => {
    it('is for who knows the present one, and ends the other sessions', async () => {
      const { email, password, first, second, as } = await member()
      expect(await door.changePassword({ currentPassword: password, newPassword: OTHER }, as)).toEqual({ value: true })
      expect(await refresh(second)).toEqual(refused('UNAUTHENTICATED'))
      expect(await refresh(first)).toHaveProperty('value')
      expect(await door.login({ email, password })).toEqual(refused('INVALID_CREDENTIALS'))
      expect(await door.login({ email, password: OTHER })).toHaveProperty('value')
    })

    it('is not for who does not, and nothing changes', async () => {
      const { email, password, second, as } = await member()
      const change = { currentPassword: 'not the password', newPassword: OTHER }
      expect(await door.changePassword(change, as)).toEqual(refused('INVALID_CREDENTIALS'))
      expect(await refresh(second)).toHaveProperty('value')
      expect(await door.login({ email, password })).toHaveProperty('value')
    })

    it.each([
      ['short', 'seven77'],
      ['tried first', 'azertyuiop'],
      ["one's own name", 'Camille-1987'],
    ])('may not be %s', async (_what, newPassword) => {
      const { password, as } = await member()
      expect(await door.changePassword({ currentPassword: password, newPassword }, as)).toMatchObject({
        code: 'VALIDATION_FAILED',
        errors: [{ path: '/newPassword' }],
      })
    })

    it('needs someone who is signed in, whatever is sent', async () => {
      const change = { currentPassword: 'a', newPassword: 'b' }
      expect(await door.changePassword(change)).toEqual(refused('UNAUTHENTICATED'))
    })

    it('of two at once, one is taken', async () => {
      const { email, password, as } = await member()
      const wishes = ['la premiere des deux', 'la seconde des deux']
      const answers = await Promise.all(
        wishes.map((newPassword) => door.changePassword({ currentPassword: password, newPassword }, as)),
      )
      expect(answers.filter(({ value }) => value)).toHaveLength(1)
      const taken = wishes[answers.findIndex(({ value }) => value)]
      expect(await door.login({ email, password: taken })).toHaveProperty('value')
    })
  })

  describe('sessions', () => {
    it('are listed to their owner, newest first, with the one that asks', async () => {
      const { id, second, as } = await member()
      const { value: page } = await door.sessions(as)
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
      const { value: seenBySecond } = await door.sessions(bearer(second.accessToken))
      expect(seenBySecond.items.map(({ current }: { current: boolean }) => current)).toEqual([true, false])
    })

    it('are ended by their owner, one or all', async () => {
      const { first, second, as } = await member()
      const { value: page } = await door.sessions(as)
      expect(await door.endSession(page.items[0].id, as)).toEqual({ value: true })
      expect(await refresh(second)).toEqual(refused('UNAUTHENTICATED'))
      expect(await door.endSession(page.items[0].id, as)).toEqual(refused('NOT_FOUND'))
      expect((await door.sessions(as)).value.totalCount).toBe(1)
      expect(await door.endAllSessions(as)).toEqual({ value: true })
      expect(await refresh(first)).toEqual(refused('UNAUTHENTICATED'))
    })

    it('are seen and ended by an admin, and by no stranger', async () => {
      const { id, first, second } = await member()
      const stranger = (await member()).as
      const { value: page } = await door.sessions(asAdmin, id)
      expect(page.totalCount).toBe(2)
      expect(await door.sessions(stranger, id)).toEqual(refused('FORBIDDEN'))
      expect(await door.sessions()).toEqual(refused('UNAUTHENTICATED'))
      expect(await door.endSession(page.items[0].id, stranger)).toEqual(refused('NOT_FOUND'))
      expect(await door.endSession(page.items[0].id)).toEqual(refused('UNAUTHENTICATED'))
      expect(await door.endAllSessions(stranger, id)).toEqual(refused('FORBIDDEN'))
      expect(await refresh(second)).toHaveProperty('value')
      expect(await door.endSession(page.items[0].id, asAdmin)).toEqual({ value: true })
      expect(await door.endAllSessions(asAdmin, id)).toEqual({ value: true })
      for (const session of [first, second]) expect(await refresh(session)).toEqual(refused('UNAUTHENTICATED'))
    })
  })

  describe('an admin', () => {
    it('makes a user an admin, which their next token tells, and takes it back', async () => {
      const { id, first } = await member()
      expect((await door.setRole(id, 'admin', asAdmin)).value).toMatchObject({ id, role: 'admin', active: true })
      const { value: next } = await refresh(first)
      expect((await door.securityLog(id, bearer(next.accessToken))).value.items[0]).toMatchObject({
        what: 'role-changed',
      })
      expect((await door.setRole(id, 'user', asAdmin)).value.role).toBe('user')
      expect((await door.user(id, asAdmin)).value.role).toBe('user')
    })

    it('closes an account: its sessions end, and it opens no new one', async () => {
      const { id, email, password, first, second, as } = await member()
      expect((await door.setActive(id, false, asAdmin)).value).toMatchObject({ id, active: false })
      for (const session of [first, second]) expect(await refresh(session)).toEqual(refused('UNAUTHENTICATED'))
      expect(await door.me(as)).toEqual(refused('UNAUTHENTICATED'))
      expect(await door.login({ email, password })).toEqual({ code: 'INVALID_CREDENTIALS', errors: undefined })
      const change = { currentPassword: password, newPassword: OTHER }
      expect(await door.changePassword(change, as)).toEqual(refused('UNAUTHENTICATED'))
      expect((await door.setActive(id, true, asAdmin)).value.active).toBe(true)
      expect(await door.login({ email, password })).toHaveProperty('value')
    })

    it('does neither to themselves, nor to who is not there', async () => {
      const { value: me } = await door.me(asAdmin)
      expect(await door.setRole(me.id, 'user', asAdmin)).toEqual(refused('FORBIDDEN'))
      expect(await door.setActive(me.id, false, asAdmin)).toEqual(refused('FORBIDDEN'))
      expect(await door.setRole('nobody', 'user', asAdmin)).toEqual(refused('NOT_FOUND'))
      expect(await door.setActive('nobody', false, asAdmin)).toEqual(refused('NOT_FOUND'))
    })

    it('is the only one to do that', async () => {
      const { id, as } = await member()
      const other = (await member()).id
      for (const whose of [id, other]) {
        expect(await door.setRole(whose, 'admin', as)).toEqual(refused('FORBIDDEN'))
        expect(await door.setActive(whose, false, as)).toEqual(refused('FORBIDDEN'))
        expect(await door.setRole(whose, 'admin')).toEqual(refused('UNAUTHENTICATED'))
      }
      expect((await door.user(id, as)).value).toMatchObject({ role: 'user', active: true })
    })
  })

  describe('the security log', () => {
    it('tells an admin what happened to an account, by whom and in which request', async () => {
      const { id, email, password, first, second, as } = await member()
      await door.login({ email, password: 'not the password' })
      await door.logout(second.refreshToken)
      await door.changePassword({ currentPassword: 'not the password', newPassword: OTHER }, as)
      await door.changePassword({ currentPassword: password, newPassword: OTHER }, as)
      await door.setActive(id, false, asAdmin)
      const { value: page } = await door.securityLog(id, asAdmin)
      const { value: me } = await door.me(asAdmin)
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
      const { id, as } = await member()
      expect(await door.securityLog(id, as)).toEqual(refused('FORBIDDEN'))
      expect(await door.securityLog(id)).toEqual(refused('UNAUTHENTICATED'))
    })
  })
})

it('users are listed over REST to admins', async () => {
  const door = doors.REST(app)
  const word = `quinquin${randomUUID().slice(0, 8)}`
  const wish = newcomer({ name: `Zoé ${word}` })
  const { value: zoe } = await door.register(wish)
  const { value } = await door.login({ email: admin.ADMIN_EMAIL, password: admin.ADMIN_PASSWORD })
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
