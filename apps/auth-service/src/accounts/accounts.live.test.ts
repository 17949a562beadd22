import { randomUUID } from 'node:crypto'
import { connectMongo } from '@halles/mongo/mongo'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiClients, registerUser, type ApiClient } from '../../test/api-clients.ts'
import { adminCredentials, adminSettings, bearer, registrationInput, testSettings } from '../../test/fixtures.ts'
import { createApp } from '../app.ts'

const settings = testSettings(adminSettings)
let app: Awaited<ReturnType<typeof createApp>>
beforeAll(async () => void (app = await createApp(settings)))
afterAll(() => app.close())

const NEW_PASSWORD = 'une autre douzaine'

describe.each(['REST', 'GraphQL'] as const)('accounts over %s', (name) => {
  let client: ApiClient
  let adminHeaders: Record<string, string>
  beforeAll(async () => {
    client = apiClients[name](app)
    const { value } = await client.login(adminCredentials)
    adminHeaders = bearer(value.accessToken)
  })

  /** Registers a user who is signed in twice. */
  async function signInTwice() {
    const { email, password, id, session: first, headers } = await registerUser(client)
    const { value: second } = await client.login({ email, password })
    return { email, password, id, first, second, headers }
  }
  const errorWith = (code: string) => expect.objectContaining({ code })
  const refresh = ({ refreshToken }: { refreshToken: string }) => client.refresh(refreshToken)

  describe('changePassword', () => {
    it('changes the password, given the current one, and ends the other sessions', async () => {
      const { email, password, first, second, headers } = await signInTwice()
      expect(await client.changePassword({ currentPassword: password, newPassword: NEW_PASSWORD }, headers)).toEqual({
        value: true,
      })
      expect(await refresh(second)).toEqual(errorWith('UNAUTHENTICATED'))
      expect(await refresh(first)).toHaveProperty('value')
      expect(await client.login({ email, password })).toEqual(errorWith('INVALID_CREDENTIALS'))
      expect(await client.login({ email, password: NEW_PASSWORD })).toHaveProperty('value')
    })

    it('changes nothing with a wrong current password', async () => {
      const { email, password, second, headers } = await signInTwice()
      const change = { currentPassword: 'not the password', newPassword: NEW_PASSWORD }
      expect(await client.changePassword(change, headers)).toEqual(errorWith('INVALID_CREDENTIALS'))
      expect(await refresh(second)).toHaveProperty('value')
      expect(await client.login({ email, password })).toHaveProperty('value')
    })

    it.each([
      ['short', 'seven77'],
      ['commonly used', 'azertyuiop'],
      ["the user's own name", 'Camille-1987'],
    ])('rejects a new password that is %s', async (_what, newPassword) => {
      const { password, headers } = await signInTwice()
      expect(await client.changePassword({ currentPassword: password, newPassword }, headers)).toMatchObject({
        code: 'VALIDATION_FAILED',
        errors: [{ path: '/newPassword' }],
      })
    })

    it('requires sign-in before it validates the input', async () => {
      const change = { currentPassword: 'a', newPassword: 'b' }
      expect(await client.changePassword(change)).toEqual(errorWith('UNAUTHENTICATED'))
    })

    it('accepts one of two concurrent changes', async () => {
      const { email, password, headers } = await signInTwice()
      const passwords = ['la premiere des deux', 'la seconde des deux']
      const results = await Promise.all(
        passwords.map((newPassword) => client.changePassword({ currentPassword: password, newPassword }, headers)),
      )
      expect(results.filter(({ value }) => value)).toHaveLength(1)
      const accepted = passwords[results.findIndex(({ value }) => value)]
      expect(await client.login({ email, password: accepted })).toHaveProperty('value')
    })
  })

  describe('readSessions and endSession', () => {
    it('list the sessions of their owner, newest first, and mark the current one', async () => {
      const { id, second, headers } = await signInTwice()
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
      const { value: secondPage } = await client.sessions(bearer(second.accessToken))
      expect(secondPage.items.map(({ current }: { current: boolean }) => current)).toEqual([true, false])
    })

    it('end one session or all for their owner', async () => {
      const { first, second, headers } = await signInTwice()
      const { value: page } = await client.sessions(headers)
      expect(await client.endSession(page.items[0].id, headers)).toEqual({ value: true })
      expect(await refresh(second)).toEqual(errorWith('UNAUTHENTICATED'))
      expect(await client.endSession(page.items[0].id, headers)).toEqual(errorWith('NOT_FOUND'))
      expect((await client.sessions(headers)).value.totalCount).toBe(1)
      expect(await client.endAllSessions(headers)).toEqual({ value: true })
      expect(await refresh(first)).toEqual(errorWith('UNAUTHENTICATED'))
    })

    it('give access to an admin, and to no other user', async () => {
      const { id, first, second } = await signInTwice()
      const otherHeaders = (await signInTwice()).headers
      const { value: page } = await client.sessions(adminHeaders, id)
      expect(page.totalCount).toBe(2)
      expect(await client.sessions(otherHeaders, id)).toEqual(errorWith('FORBIDDEN'))
      expect(await client.sessions()).toEqual(errorWith('UNAUTHENTICATED'))
      expect(await client.endSession(page.items[0].id, otherHeaders)).toEqual(errorWith('NOT_FOUND'))
      expect(await client.endSession(page.items[0].id)).toEqual(errorWith('UNAUTHENTICATED'))
      expect(await client.endAllSessions(otherHeaders, id)).toEqual(errorWith('FORBIDDEN'))
      expect(await refresh(second)).toHaveProperty('value')
      expect(await client.endSession(page.items[0].id, adminHeaders)).toEqual({ value: true })
      expect(await client.endAllSessions(adminHeaders, id)).toEqual({ value: true })
      for (const session of [first, second]) expect(await refresh(session)).toEqual(errorWith('UNAUTHENTICATED'))
    })
  })

  describe('setRole and setActive', () => {
    it('make a user an admin, which their next token shows, and a user again', async () => {
      const { id, first } = await signInTwice()
      expect((await client.setRole(id, 'admin', adminHeaders)).value).toMatchObject({ id, role: 'admin', active: true })
      const { value: next } = await refresh(first)
      expect((await client.securityLog(id, bearer(next.accessToken))).value.items[0]).toMatchObject({
        what: 'role-changed',
      })
      expect((await client.setRole(id, 'user', adminHeaders)).value.role).toBe('user')
      expect((await client.user(id, adminHeaders)).value.role).toBe('user')
    })

    it('deactivate an account, which ends its sessions and prevents new ones, and reactivate it', async () => {
      const { id, email, password, first, second, headers } = await signInTwice()
      expect((await client.setActive(id, false, adminHeaders)).value).toMatchObject({ id, active: false })
      for (const session of [first, second]) expect(await refresh(session)).toEqual(errorWith('UNAUTHENTICATED'))
      expect(await client.me(headers)).toEqual(errorWith('UNAUTHENTICATED'))
      expect(await client.login({ email, password })).toEqual({ code: 'INVALID_CREDENTIALS', errors: undefined })
      const change = { currentPassword: password, newPassword: NEW_PASSWORD }
      expect(await client.changePassword(change, headers)).toEqual(errorWith('UNAUTHENTICATED'))
      expect((await client.setActive(id, true, adminHeaders)).value.active).toBe(true)
      expect(await client.login({ email, password })).toHaveProperty('value')
    })

    it('reject the own account of the admin and unknown users', async () => {
      const { value: me } = await client.me(adminHeaders)
      expect(await client.setRole(me.id, 'user', adminHeaders)).toEqual(errorWith('FORBIDDEN'))
      expect(await client.setActive(me.id, false, adminHeaders)).toEqual(errorWith('FORBIDDEN'))
      expect(await client.setRole('nobody', 'user', adminHeaders)).toEqual(errorWith('NOT_FOUND'))
      expect(await client.setActive('nobody', false, adminHeaders)).toEqual(errorWith('NOT_FOUND'))
    })

    it('are forbidden for other users', async () => {
      const { id, headers } = await signInTwice()
      const other = (await signInTwice()).id
      for (const userId of [id, other]) {
        expect(await client.setRole(userId, 'admin', headers)).toEqual(errorWith('FORBIDDEN'))
        expect(await client.setActive(userId, false, headers)).toEqual(errorWith('FORBIDDEN'))
        expect(await client.setRole(userId, 'admin')).toEqual(errorWith('UNAUTHENTICATED'))
      }
      expect((await client.user(id, headers)).value).toMatchObject({ role: 'user', active: true })
    })
  })

  describe('readSecurityLog', () => {
    it('shows an admin the events about an account, with actor and trace', async () => {
      const { id, email, password, first, second, headers } = await signInTwice()
      await client.login({ email, password: 'not the password' })
      await client.logout(second.refreshToken)
      await client.changePassword({ currentPassword: 'not the password', newPassword: NEW_PASSWORD }, headers)
      await client.changePassword({ currentPassword: password, newPassword: NEW_PASSWORD }, headers)
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
      const text = JSON.stringify(page)
      for (const secret of [email, password, NEW_PASSWORD, '127.0.0.1', first.refreshToken, 'Camille'])
        expect(text).not.toContain(secret)
    })

    it('is forbidden for other users', async () => {
      const { id, headers } = await signInTwice()
      expect(await client.securityLog(id, headers)).toEqual(errorWith('FORBIDDEN'))
      expect(await client.securityLog(id)).toEqual(errorWith('UNAUTHENTICATED'))
    })
  })
})

it('GET /users lists users for admins only', async () => {
  const client = apiClients.REST(app)
  const word = `quinquin${randomUUID().slice(0, 8)}`
  const input = registrationInput({ name: `Zoé ${word}` })
  const { value: zoe } = await client.register(input)
  const { value } = await client.login(adminCredentials)
  const list = (headers: Record<string, string>) => app.inject({ url: `/users?search=${word}&first=1`, headers })
  expect((await list(bearer(value.accessToken))).json()).toMatchObject({ items: [zoe.user], totalCount: 1 })
  expect((await list(bearer(zoe.accessToken))).json().code).toBe('FORBIDDEN')
  expect((await list({})).json().code).toBe('UNAUTHENTICATED')
})

it('the security log removes events after SECURITY_LOG_DAYS', async () => {
  const { db, close } = await connectMongo(settings.MONGODB_URL, 'auth-service')
  const events = db.collection('securityLog')
  const [indexes, event] = await Promise.all([events.indexes(), events.findOne()])
  await close()
  expect(indexes).toContainEqual(expect.objectContaining({ key: { expiresAt: 1 }, expireAfterSeconds: 0 }))
  expect(event!['expiresAt'] - event!['at']).toBe(90 * 86_400_000)
})
