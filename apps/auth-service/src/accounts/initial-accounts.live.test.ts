import { describe, expect, it, onTestFinished } from 'vitest'
import { openMongo } from '@halles/service/mongo'
import { apiClients, registrationInput, testSettings } from '../../test/FIX'
import { createApp } from '../app.ts'
import type { Settings } from '../config.ts'

const admin = { ADMIN_NAME: 'Alix Bernard', ADMIN_EMAIL: 'Alix@boutique.test', ADMIN_PASSWORD: 'douze douzaines' }
const adminHeaders = { email: 'alix@boutique.test', password: admin.ADMIN_PASSWORD }

/** auth-service on these settings, until the test ends. */
async function started(settings: Settings) {
  const app = await createApp(settings)
  onTestFinished(() => app.close())
  return apiClients.REST(app)
}

async function usersOf(settings: Settings) {
  const { db, close } = await openMongo(settings.MONGODB_URL, 'auth-service')
  const users = await db.collection('users').find().sort({ email: 1 }).toArray()
  await close()
  return users.map(({ email, role, name, locale }) => ({ email, role, name, locale }))
}

describe('the first admin', () => {
  it('is made at the first start, and signs in', async () => {
    const client = await started(testSettings(admin))
    expect((await client.login(adminHeaders)).value.user).toMatchObject({
      role: 'admin',
      name: 'Alix Bernard',
      email: 'Alix@boutique.test',
      locale: 'fr',
    })
  })

  it('is made once by instances that start at once', async () => {
    const settings = testSettings(admin)
    await Promise.all(Array.from({ length: 3 }, () => started(settings)))
    expect(await usersOf(settings)).toHaveLength(1)
  })

  it('is left alone once there is an admin, whatever the settings say then', async () => {
    const settings = testSettings(admin)
    await started(settings)
    const client = await started({ ...settings, ADMIN_EMAIL: 'other@boutique.test', ADMIN_PASSWORD: 'another one' })
    expect(await usersOf(settings)).toHaveLength(1)
    expect(await client.login(adminHeaders)).toHaveProperty('value')
  })

  it('does not come to be by a customer having the address', async () => {
    const settings = testSettings()
    const wish = registrationInput({ email: admin.ADMIN_EMAIL })
    await (await started(settings)).register(wish)
    const client = await started({ ...settings, ...admin })
    expect(await client.login(adminHeaders)).toMatchObject({ code: 'INVALID_CREDENTIALS' })
    expect((await client.login({ email: wish.email, password: wish.password })).value.user.role).toBe('user')
  })

  it('is not made with a password that is tried first: the service says so and does not start', async () => {
    const settings = testSettings({ ...admin, ADMIN_PASSWORD: 'administrator' })
    await expect(createApp(settings)).rejects.toThrow('The password of the first admin is one of those')
  })

  it('is made of no settings at all', async () => {
    const settings = testSettings()
    await started(settings)
    expect(await usersOf(settings)).toEqual([])
  })
})

it('a demo customer is made when absent, and left alone afterwards', async () => {
  const demo = { DEMO_CUSTOMER_EMAIL: 'camille@example.test', DEMO_CUSTOMER_PASSWORD: 'un panier plein' }
  const settings = testSettings({ ...admin, ...demo })
  await started(settings)
  const client = await started({ ...settings, DEMO_CUSTOMER_PASSWORD: 'un panier vide' })
  expect(await usersOf(settings)).toEqual([
    { email: 'Alix@boutique.test', role: 'admin', name: 'Alix Bernard', locale: 'fr' },
    { email: 'camille@example.test', role: 'user', name: 'Camille Martin', locale: 'fr' },
  ])
  expect(await client.login({ email: 'camille@example.test', password: 'un panier plein' })).toHaveProperty('value')
})
