import { requirePrincipal, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import type { PasswordChange } from '../accounts/user.ts'
import type { AppDeps, RequestContext } from '../deps.ts'
import { endChangedSessions } from '../sessions/end-changed-sessions.ts'
import type { Turn } from './fair-slots.ts'
import { checkNewPassword } from './password.ts'

type Deps = Pick<AppDeps, 'passwordAdmission' | 'isCommonPassword' | 'securityLog' | 'log' | 'now'> & {
  rateLimiter: Pick<AppDeps['rateLimiter'], 'verifyWithinLimits'>
  users: Pick<AppDeps['users'], 'findActiveById' | 'changePassword' | 'markSessionsEnded'>
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
  input: PasswordChange,
): Promise<void> {
  const known = requirePrincipal(principal)
  const turn = { client, account: known.id, isKnown: true }
  await deps.passwordAdmission.run(turn, () => changePasswordNow(deps, known, turn, input))
}

async function changePasswordNow(
  deps: Deps,
  { id, sid }: Principal,
  turn: Turn & Pick<RequestContext, 'client'>,
  { currentPassword, newPassword }: PasswordChange,
): Promise<void> {
  const { rateLimiter, users, passwordHasher, isCommonPassword, securityLog, log, now } = deps
  const { client } = turn
  const account = await users.findActiveById(id)
  if (!account) throw new AppError('UNAUTHENTICATED', 'This account is deleted or deactivated.')
  await checkNewPassword(isCommonPassword, newPassword, account.user, '/newPassword')
  const { passwordHash } = account
  const isRight = await rateLimiter.verifyWithinLimits(account.user.email, client, () =>
    passwordHasher.verify(passwordHash, currentPassword, turn),
  )
  const hash = isRight ? await passwordHasher.hash(newPassword, turn) : undefined
  const at = now()
  const isChanged = hash !== undefined && (await users.changePassword(id, passwordHash, hash, at, sid))
  const entry = { userId: id, byId: id, sessionId: sid }
  if (!isChanged) {
    await securityLog.record(client, 'password-changed', { ...entry, outcome: 'refused' })
    throw new AppError('INVALID_CREDENTIALS', 'The current password is wrong.')
  }
  await endChangedSessions(deps, id, { at, except: sid })
  await securityLog.record(client, 'password-changed', entry)
  log.info({ userId: id }, 'password changed')
}
