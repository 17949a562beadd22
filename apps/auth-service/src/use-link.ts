import { Refusal } from '@halles/service/refusal'
import { readLinkToken, type PasswordReset } from './account-link.ts'
import type { Caller, Desk } from './desk.ts'
import { acceptPassword } from './password.ts'

type Helpers = Pick<Desk, 'isCommon' | 'security' | 'log' | 'now'> & {
  users: Pick<Desk['users'], 'withLink' | 'resetPassword' | 'verifyEmail'>
  sessions: Pick<Desk['sessions'], 'endAll'>
  passwords: Pick<Desk['passwords'], 'hash'>
  throttle: Pick<Desk['throttle'], 'welcome'>
}

/**
 * Gives someone who has read the letter a new password, and ends all their sessions. By that their address is proven too,
 * and they are known where they are now: whoever guesses elsewhere is not in their way when they sign in.
 *
 * @throws Refusal `VALIDATION_FAILED` for a link that was used, replaced or has expired, and for a password that is easy
 *   to guess, with which the link stays good.
 */
export async function resetPassword(
  helpers: Helpers,
  { client }: Pick<Caller, 'client'>,
  { token, newPassword }: PasswordReset,
): Promise<void> {
  const { users, sessions, passwords, throttle, isCommon, security, log, now } = helpers
  const { userId, digest } = readLinkToken(token)
  const user = await users.withLink(userId, 'password-reset', digest, now())
  if (!user) throw spent()
  await acceptPassword(isCommon, newPassword, user, '/newPassword')
  if (!(await users.resetPassword(userId, digest, await passwords.hash(newPassword), now()))) throw spent()
  await Promise.all([sessions.endAll(userId, now()), throttle.welcome(user.email, client)])
  await security.note(client, 'password-reset', { userId })
  log.info({ userId }, 'password reset')
}

/**
 * Notes that someone gets the letters to their address.
 *
 * @throws Refusal `VALIDATION_FAILED` for a link that was used, replaced or has expired.
 */
export async function verifyEmail(
  { users, security, now }: Helpers,
  { client }: Pick<Caller, 'client'>,
  token: string,
): Promise<void> {
  const { userId, digest } = readLinkToken(token)
  if (!(await users.verifyEmail(userId, digest, now()))) throw spent()
  await security.note(client, 'email-verified', { userId })
}

export const spent = (): Refusal =>
  new Refusal('VALIDATION_FAILED', 'This link is not good any more: ask for another letter.', {
    errors: [{ path: '/token', message: 'is not of a link that is good' }],
  })
