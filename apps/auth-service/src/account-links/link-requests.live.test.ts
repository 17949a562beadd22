import { newId } from '@halles/mongo/ids'
import { connectMongo, type MongoConnection } from '@halles/mongo/mongo'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { registrationInput } from '../../test/fixtures.ts'
import { createPendingEvent } from '../account-events/account-event.ts'
import { openAccountCollection } from '../accounts/account-document.ts'
import { createUser } from '../accounts/user.ts'
import { createUserStore } from '../accounts/users.ts'
import { createAccountLinkStore } from './account-links.ts'

let mongo: MongoConnection
beforeAll(async () => {
  mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb'), 'auth'), 'link-requests-test')
})
afterAll(async () => {
  await mongo.db.dropDatabase()
  await mongo.close()
})

it('a link request that is processed again, after a crash, replaces neither its own link nor one of a later request', async () => {
  const accounts = await openAccountCollection(mongo.db)
  const links = createAccountLinkStore(accounts, true)
  const user = createUser(registrationInput(), 'user', new Date())
  await createUserStore(mongo.db, accounts, true).insert(user, 'a hash')
  const [first, second] = [newId(), newId()]
  const expiresAt = new Date(Date.now() + 60_000)
  const save = (requestId: string, digest: string) =>
    links.save(
      user.id,
      'password-reset',
      { digest, expiresAt, requestId },
      createPendingEvent('account.password-reset-requested', new Date()),
    )
  expect(await save(first, 'e-mailed')).toBe(true)
  expect(await save(first, 'issued again')).toBe(false)
  expect(await save(second, 'e-mailed later')).toBe(true)
  expect(await save(first, 'issued again')).toBe(false)
  expect((await accounts.findOne({ _id: user.id }))?.links?.['password-reset']?.digest).toBe('e-mailed later')
})
