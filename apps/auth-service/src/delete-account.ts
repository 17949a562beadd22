import { signedIn } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import type { Caller, Desk } from './desk.ts'

type Helpers = Pick<Desk, 'letters' | 'mourning' | 'security' | 'log' | 'now'> & {
  throttle: Pick<Desk['throttle'], 'signIn'>
  users: Pick<Desk['users'], 'withId' | 'erase'>
  sessions: Pick<Desk['sessions'], 'endAll'>
  passwords: Pick<Desk['passwords'], 'matches'>
}

/**
 * Deletes the account of who knows its password: nothing is left of them but the id. Their access tokens are no good in
 * 5 s. Other services are told at once, and again when the last token has ended, so that what was done with one in between
 * is forgotten too.
 *
 * @throws Refusal `UNAUTHENTICATED`; `FORBIDDEN` for admins, so that there is always one left; `INVALID_CREDENTIALS` for a
 *   wrong password, whose tries count as those of signing in; `RATE_LIMITED`; `UNAVAILABLE` when other services cannot be told.
 */
export async function deleteAccount(helpers: Helpers, { person, client }: Caller, password: string): Promise<void> {
  const { letters, mourning, throttle, users, sessions, passwords, security, log, now } = helpers
  const { id, sid } = signedIn(person)
  if (!letters) throw new Refusal('UNAVAILABLE', 'This shop has no Kafka to tell other services of it.')
  const account = await users.withId(id)
  if (!account) throw new Refusal('UNAUTHENTICATED', 'This account is gone.')
  if (account.user.role === 'admin')
    throw new Refusal('FORBIDDEN', 'The account of an admin is not deleted: another one makes you a user first.')
  const attempt = await throttle.signIn(account.user.email, client)
  const at = now()
  const again = new Date(at.getTime() + mourning)
  const right = await passwords.matches(account.password, password)
  const done = right && (await users.erase(id, account.password, at, again))
  const about = { userId: id, byId: id, sessionId: sid }
  if (!done) {
    await security.note(client, 'account-deleted', { ...about, outcome: 'refused' })
    throw new Refusal('INVALID_CREDENTIALS', 'The password is wrong.')
  }
  await attempt.right()
  await sessions.endAll(id, now())
  await security.note(client, 'account-deleted', about)
  log.info({ userId: id }, 'account deleted')
  letters.soon()
}
