import { Refusal } from '@halles/service/refusal'
import type { Desk } from './desk.ts'
import { openSession, type Opening } from './open-session.ts'
import type { Session } from './session.ts'
import type { Credentials } from './user.ts'

type Helpers = Opening &
  Pick<Desk, 'count' | 'log'> & {
    users: Pick<Desk['users'], 'withEmail'>
    passwords: Pick<Desk['passwords'], 'matches'>
  }

/**
 * Signs someone in by e-mail and password.
 *
 * @throws Refusal `INVALID_CREDENTIALS`, the same and after the same work for an unknown address and a wrong password;
 *   `RATE_LIMITED`.
 */
export async function logIn(helpers: Helpers, { email, password }: Credentials): Promise<Session> {
  const { users, passwords, count, log } = helpers
  const account = await users.withEmail(email)
  const right = await passwords.matches(account?.password, password)
  if (!account || !right) {
    count.signIn('refused')
    throw new Refusal('INVALID_CREDENTIALS', 'The e-mail address or the password is wrong.')
  }
  count.signIn('accepted')
  log.info({ userId: account.user.id }, 'signed in')
  return openSession(helpers, account.user)
}
