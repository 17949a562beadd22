import type { Client } from '@halles/service/client'
import { Refusal } from '@halles/service/refusal'
import type { Desk } from './desk.ts'
import { openSession, type Opening } from './open-session.ts'
import type { Session } from './session.ts'
import type { Credentials, User } from './user.ts'

type Helpers = Opening &
  Pick<Desk, 'count' | 'log'> & {
    throttle: Pick<Desk['throttle'], 'signIn'>
    users: Pick<Desk['users'], 'withEmail' | 'rehash'>
    passwords: Pick<Desk['passwords'], 'matches' | 'isOutdated' | 'hash'>
  }

/**
 * Signs someone in by e-mail and password. A hash made with less work than one costs now is made anew: only here is the
 * password at hand.
 *
 * @throws Refusal `INVALID_CREDENTIALS`, the same and after the same work for an unknown address and a wrong password;
 *   `RATE_LIMITED` when it is tried too often.
 */
export async function logIn(helpers: Helpers, client: Client, { email, password }: Credentials): Promise<Session> {
  const { throttle, users, passwords, count, log } = helpers
  const attempt = await throttle.signIn(email, client)
  const account = await users.withEmail(email)
  const right = await passwords.matches(account?.password, password)
  if (!account || !right) {
    count.signIn('refused')
    throw new Refusal('INVALID_CREDENTIALS', 'The e-mail address or the password is wrong.')
  }
  await attempt.right()
  count.signIn('accepted')
  log.info({ userId: account.user.id }, 'signed in')
  if (passwords.isOutdated(account.password)) await rehash(helpers, account, password)
  return openSession(helpers, client, account.user)
}

/** A crowd at the hashing must not turn away someone whose password was right: then it is for the next time. */
async function rehash(
  { users, passwords, log }: Pick<Helpers, 'users' | 'passwords' | 'log'>,
  { user: { id }, password: from }: { user: User; password: string },
  password: string,
): Promise<void> {
  try {
    await users.rehash(id, from, await passwords.hash(password))
    log.info({ userId: id }, 'password hashed anew')
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    log.warn({ userId: id }, 'password not hashed anew: too many wait')
  }
}
