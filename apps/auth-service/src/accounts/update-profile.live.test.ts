import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { apiClients, registerUser, type ApiClient } from '../../test/api-clients.ts'
import {
  adminCredentials,
  adminSettings,
  bearer,
  decodeClaims,
  testSettings,
  unusedEmail,
} from '../../test/fixtures.ts'
import { createApp } from '../app.ts'

let app: Awaited<ReturnType<typeof createApp>>
let adminHeaders: Record<string, string>
beforeAll(async () => {
  app = await createApp(testSettings(adminSettings))
  const { value } = await apiClients.REST(app).login(adminCredentials)
  adminHeaders = bearer(value.accessToken)
})
afterAll(() => app.close())

describe.each(Object.entries(apiClients))('updating the profile by %s', (_name, createClient) => {
  let client: ApiClient
  beforeAll(() => void (client = createClient(app)))

  it('replaces name and language, also in the access tokens that follow', async () => {
    const user = await registerUser(client)
    const { value } = await client.updateProfile({ name: '  Zoé Durand ', locale: 'en' }, user.headers)
    expect(value).toMatchObject({ id: user.id, name: 'Zoé Durand', locale: 'en', email: user.email })
    expect((await client.me(user.headers)).value).toEqual(value)
    const before = decodeClaims(user.session.accessToken)
    const refreshed = await client.refresh(user.session.refreshToken)
    expect(decodeClaims(refreshed.value.accessToken)).toMatchObject({
      name: 'Zoé Durand',
      locale: 'en',
      sid: before.sid,
    })
    expect(decodeClaims(refreshed.value.accessToken).ver).toBe(before.ver + 1)
  })

  it('lets admins find the account by its new name and its address only', async () => {
    const user = await registerUser(client)
    const name = `Nouvelle${user.id.slice(-12).replaceAll('-', '')}`
    await client.updateProfile({ name, locale: 'fr' }, user.headers)
    const search = async (text: string): Promise<string[]> => {
      const url = `/users?first=100&search=${encodeURIComponent(text)}`
      const { items } = (await app.inject({ url, headers: adminHeaders })).json()
      return items.map(({ id }: { id: string }) => id)
    }
    expect(await search(name)).toEqual([user.id])
    expect(await search(user.email)).toEqual([user.id])
    expect(await search(`${user.name} ${user.email}`)).toEqual([])
  })

  it('records one event for a change, and none when nothing changes', async () => {
    const user = await registerUser(client)
    for (let i = 0; i < 2; i++) await client.updateProfile({ name: 'Zoé Durand', locale: 'en' }, user.headers)
    const { value } = await client.securityLog(user.id, adminHeaders)
    const changes = value.items.filter(({ what }: { what: string }) => what === 'profile-changed')
    expect(changes).toMatchObject([{ outcome: 'done', userId: user.id, byId: user.id }])
  })

  it.each([
    ['', '/name'],
    ['x'.repeat(101), '/name'],
    ['see https://example.test', '/name'],
    ['two\nlines', '/name'],
  ])('rejects the name %j', async (name, path) => {
    const user = await registerUser(client)
    const { code, errors } = await client.updateProfile({ name, locale: 'fr' }, user.headers)
    expect(code).toBe('VALIDATION_FAILED')
    expect(errors?.map((error) => error.path)).toEqual([path])
  })

  it('requires an active account', async () => {
    const input = { name: 'Zoé', locale: 'fr' }
    expect(await client.updateProfile(input)).toMatchObject({ code: 'UNAUTHENTICATED' })
    const user = await registerUser(client)
    await client.setActive(user.id, false, adminHeaders)
    expect(await client.updateProfile(input, user.headers)).toMatchObject({ code: 'UNAUTHENTICATED' })
  })
})

it('concurrent changes of name and language leave the search words of the name that was stored last', async () => {
  const client = apiClients.REST(app)
  const user = await registerUser(client)
  const names = Array.from({ length: 6 }, (_, i) => `Prénom${i} ${unusedEmail().slice(0, 8)}`)
  await Promise.all(names.map((name) => client.updateProfile({ name, locale: 'en' }, user.headers)))
  const { name } = (await client.me(user.headers)).value
  expect(names).toContain(name)
  const found = async (text: string): Promise<number> =>
    (await app.inject({ url: `/users?search=${encodeURIComponent(text)}`, headers: adminHeaders })).json().totalCount
  expect(await Promise.all(names.map(found))).toEqual(names.map((other) => (other === name ? 1 : 0)))
})
