import { describe, expect, it, onTestFinished } from 'vitest'
import { connectMongo } from '@halles/mongo/mongo'
import { apiClients } from '../../test/api-clients.ts'
import { registrationInput, testSettings } from '../../test/fixtures.ts'
import { createApp } from '../app.ts'
import type { Settings } from '../config.ts'

const admin = { ADMIN_NAME: 'Alix Bernard', ADMIN_EMAIL: 'Alix@boutique.test', ADMIN_PASSWORD: 'douze douzaines' }
const adminLogin = { email: 'alix@boutique.test', password: admin.ADMIN_PASSWORD }

/** Starts an auth-service, which is closed at the end of the test. */
async function start(settings: Settings) {
  const app = await createApp(settings)
  onTestFinished(() => app.close())
  return apiClients.REST(app)
}

async function readUsers(settings: Settings) {
  const { db, close } = await connectMongo(settings.MONGODB_URL, 'auth-service')
  const users = await db.collection('users').find().sort({ email: 1 }).toArray()
  await close()
  return users.map(({ email, role, name, locale }) => ({ email, role, name, locale }))
}

describe('createInitialAccounts', () => {
  it('creates the initial admin at the first start', async () => {
    const client = await start(testSettings(admin))
    expect((await client.login(adminLogin)).value.user).toMatchObject({
      role: 'admin',
      name: 'Alix Bernard',
      email: 'Alix@boutique.test',
      locale: 'fr',
    })
  })

  it('creates one admin when several instances start at once', async () => {
    const settings = testSettings(admin)
    await Promise.all(Array.from({ length: 3 }, () => start(settings)))
    expect(await readUsers(settings)).toHaveLength(1)
  })

  it('changes nothing once there is an admin, even with other settings', async () => {
    const settings = testSettings(admin)
    await start(settings)
    const client = await start({ ...settings, ADMIN_EMAIL: 'other@boutique.test', ADMIN_PASSWORD: 'another one' })
    expect(await readUsers(settings)).toHaveLength(1)
    expect(await client.login(adminLogin)).toHaveProperty('value')
  })

  it('does not make a customer an admin who has the address of the initial admin', async () => {
    const settings = testSettings()
    const input = registrationInput({ email: admin.ADMIN_EMAIL })
    await (await start(settings)).register(input)
    const client = await start({ ...settings, ...admin })
    expect(await client.login(adminLogin)).toMatchObject({ code: 'INVALID_CREDENTIALS' })
    expect((await client.login({ email: input.email, password: input.password })).value.user.role).toBe('user')
  })

  it('prevents the start with a common password', async () => {
    const settings = testSettings({ ...admin, ADMIN_PASSWORD: 'administrator' })
    await expect(createApp(settings)).rejects.toThrow('The password of the initial admin is a commonly used one')
  })

  it('creates no account without settings', async () => {
    const settings = testSettings()
    await start(settings)
    expect(await readUsers(settings)).toEqual([])
  })
})

it('createInitialAccounts creates the demo customer if absent, and leaves an existing one unchanged', async () => {
  const demo = { DEMO_CUSTOMER_EMAIL: 'camille@example.test', DEMO_CUSTOMER_PASSWORD: 'un panier plein' }
  const settings = testSettings({ ...admin, ...demo })
  await start(settings)
  const client = await start({ ...settings, DEMO_CUSTOMER_PASSWORD: 'un panier vide' })
  expect(await readUsers(settings)).toEqual([
    { email: 'Alix@boutique.test', role: 'admin', name: 'Alix Bernard', locale: 'fr' },
    { email: 'camille@example.test', role: 'user', name: 'Camille Martin', locale: 'fr' },
  ])
  expect(await client.login({ email: 'camille@example.test', password: 'un panier plein' })).toHaveProperty('value')
})
