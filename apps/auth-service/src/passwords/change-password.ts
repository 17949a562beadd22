import { requirePrincipal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import type { PasswordChange } from '../accounts/user.ts'
import type { AppDeps, RequestContext } from '../deps.ts'
import { checkNewPassword } from './password.ts'

type Deps = Pick<AppDeps, 'isCommonPassword' | 'securityLog' | 'log' | 'now'> & {
  rateLimiter: Pick<AppDeps['rateLimiter'], 'checkSignIn'>
  users: Pick<AppDeps['users'], 'findActiveById' | 'changePassword'>
  sessions: Pick<AppDeps['sessions'], 'endAll'>
  passwordHasher: Pick<AppDeps['passwordHasher'], 'verify' | 'hash'>
}

/**
 * Changes the principal's own password, given the current one, and ends their other sessions.
 *
 * @throws AppError `UNAUTHENTICATED`; `INVALID_CREDENTIALS` for a wrong current password, which counts as a failed sign-in;
 *   `VALIDATION_FAILED` for a new password that is easy to guess; `RATE_LIMITED`.
 */
export async function changePassword(
  deps: Deps,
  { principal, client }: RequestContext,
  { currentPassword, newPassword }: PasswordChange,
): Promise<void> {
  const { rateLimiter, users, sessions, passwordHasher, isCommonPassword, securityLog, log, now } = deps
  const { id, sid } = requirePrincipal(principal)
  const account = await users.findActiveById(id)
  if (!account) throw new AppError('UNAUTHENTICATED', 'This account is deleted or deactivated.')
  await checkNewPassword(isCommonPassword, newPassword, account.user, '/newPassword')
  const attempt = await rateLimiter.checkSignIn(account.user.email, client)
  const isRight = await passwordHasher.verify(account.passwordHash, currentPassword)
  const isChanged =
    isRight && (await users.changePassword(id, account.passwordHash, await passwordHasher.hash(newPassword), now()))
  const entry = { userId: id, byId: id, sessionId: sid }
  if (!isChanged) {
    await securityLog.record(client, 'password-changed', { ...entry, outcome: 'refused' })
    throw new AppError('INVALID_CREDENTIALS', 'The current password is wrong.')
  }
  await attempt.succeeded()
  await sessions.endAll(id, now(), sid)
  await securityLog.record(client, 'password-changed', entry)
  log.info({ userId: id }, 'password changed')
}
