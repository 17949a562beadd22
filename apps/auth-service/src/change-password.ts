import { signedIn } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import type { Caller, Desk } from './desk.ts'
import { acceptPassword } from './password.ts'
import type { PasswordChange } from './user.ts'

type Helpers = Pick<Desk, 'isCommon' | 'security' | 'log' | 'now'> & {
  throttle: Pick<Desk['throttle'], 'signIn'>
  users: Pick<Desk['users'], 'withId' | 'changePassword'>
  sessions: Pick<Desk['sessions'], 'endAll'>
  passwords: Pick<Desk['passwords'], 'matches' | 'hash'>
}

/**
 * Gives someone another password, who proves to know the present one, and ends their other sessions.
 *
 * @throws Refusal `UNAUTHENTICATED`; `INVALID_CREDENTIALS` for a wrong present password, whose tries count as those of
 *   signing in; `VALIDATION_FAILED` for a new one that is easy to guess; `RATE_LIMITED`.
 */
export async function changePassword(
  helpers: Helpers,
  { person, client }: Caller,
  { currentPassword, newPassword }: PasswordChange,
): Promise<void> {
  const { throttle, users, sessions, passwords, isCommon, security, log, now } = helpers
  const { id, sid } = signedIn(person)
  const account = await users.withId(id)
  if (!account) throw new Refusal('UNAUTHENTICATED', 'This account is gone.')
  await acceptPassword(isCommon, newPassword, account.user, '/newPassword')
  const attempt = await throttle.signIn(account.user.email, client)
  const right = await passwords.matches(account.password, currentPassword)
  const done = right && (await users.changePassword(id, account.password, await passwords.hash(newPassword), now()))
  const about = { userId: id, byId: id, sessionId: sid }
  if (!done) {
    await security.note(client, 'password-changed', { ...about, outcome: 'refused' })
    throw new Refusal('INVALID_CREDENTIALS', 'The present password is wrong.')
  }
  await attempt.right()
  await sessions.endAll(id, now(), sid)
  await security.note(client, 'password-changed', about)
  log.info({ userId: id }, 'password changed')
}
