import { connectMongo } from '@halles/mongo/mongo'
import { createLogger } from '@halles/telemetry/log'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest'
import { createFrozenClock, registrationInput } from '../../test/fixtures.ts'
import { openAccountCollection } from '../accounts/account-document.ts'
import { createUser, toEmailKey } from '../accounts/user.ts'
import { createUserStore } from '../accounts/users.ts'
import { parseLinkToken } from './account-link.ts'
import { createAccountLinkStore } from './account-links.ts'
import { issueRequestedLinks } from './issue-links.ts'
import { createLinkRequestStore } from './link-requests.ts'

const purpose = 'password-reset'
/** Longer than a worker leases a request. */
const AFTER_LEASE = 31_000

async function createFixture() {
  const { db, close } = await connectMongo(uniqueDatabaseUrl(inject('mongodb'), 'auth'), 'auth-test')
  onTestFinished(close)
  const accounts = await openAccountCollection(db)
  const linkRequests = await createLinkRequestStore(db)
  const users = createUserStore(db, accounts, true)
  const clock = createFrozenClock()
  const user = createUser(registrationInput(), 'user', clock.now())
  await users.insert(user, 'a hash')
  const emailKey = toEmailKey(user.email)
  const deps = {
    users,
    accountLinks: createAccountLinkStore(accounts, true),
    linkRequests,
    rateLimiter: { tryEmailToAccount: async () => true },
    encryption: { encrypt: async (text: string) => text, decrypt: async (text: string) => text },
    log: createLogger('auth-test', 'silent'),
    now: clock.now,
  }
  return {
    deps,
    clock,
    request: () => linkRequests.insert({ purpose, emailKey }, clock.now()),
    readAccount: async () => (await accounts.findOne({ _id: user.id }))!,
    /** Removes the pending events, as after their publication. */
    publish: () => accounts.updateOne({ _id: user.id }, { $set: { unpublished: [] } }),
  }
}

let fixture: Awaited<ReturnType<typeof createFixture>>
beforeEach(async () => {
  fixture = await createFixture()
})

/** Issues links as a worker does that is killed before it removes the request. */
const issueAndCrash = () =>
  expect(
    issueRequestedLinks({
      ...fixture.deps,
      linkRequests: { ...fixture.deps.linkRequests, remove: () => Promise.reject(new Error('killed')) },
    }),
  ).rejects.toThrow('killed')

describe('issueRequestedLinks', () => {
  it('keeps the link that it has issued when it processes a request again after a crash', async () => {
    const { deps, clock, request, readAccount, publish } = fixture
    await request()
    await issueAndCrash()
    const [event] = (await readAccount()).unpublished!
    await publish()

    clock.advance(AFTER_LEASE)
    await issueRequestedLinks(deps)
    const account = await readAccount()
    // The e-mail about this event is sent once, with the first token.
    expect(account.links?.[purpose]?.digest).toBe(parseLinkToken(event!.link!.sealed).digest)
    expect(account.unpublished).toEqual([])
    expect(await deps.linkRequests.lease(new Date(clock.now().getTime() + AFTER_LEASE))).toBeNull()
  })

  it('keeps the link of a later request when it processes an earlier one again', async () => {
    const { deps, clock, request, readAccount } = fixture
    await request()
    await issueAndCrash()
    clock.advance(1000)
    await request()
    await issueRequestedLinks(deps)
    const newest = (await readAccount()).unpublished!.at(-1)!

    clock.advance(AFTER_LEASE)
    await issueRequestedLinks(deps)
    const account = await readAccount()
    expect(account.links?.[purpose]?.digest).toBe(parseLinkToken(newest.link!.sealed).digest)
    expect(account.unpublished).toHaveLength(2)
  })
})
