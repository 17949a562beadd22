import type { AppDeps, RequestContext } from '../deps.ts'
import type { Turn } from '../passwords/fair-slots.ts'
import { checkNewPassword } from '../passwords/password.ts'
import { endChangedSessions } from '../sessions/end-changed-sessions.ts'
import { invalidLink, parseLinkToken, type PasswordReset } from './account-link.ts'

type Deps = Pick<AppDeps, 'passwordAdmission' | 'isCommonPassword' | 'securityLog' | 'log' | 'now'> & {
  accountLinks: Pick<AppDeps['accountLinks'], 'findUser' | 'resetPassword'>
  users: Pick<AppDeps['users'], 'markSessionsEnded'>
  sessions: Pick<AppDeps['sessions'], 'endAll'>
  passwordHasher: Pick<AppDeps['passwordHasher'], 'hash'>
  rateLimiter: Pick<AppDeps['rateLimiter'], 'rememberSubnet'>
}

/**
 * Sets a new password by the link in an e-mail, and ends all sessions of the account. The link also verifies the address.
 * The client subnet becomes a known one for the account, so that guesses from elsewhere do not block the next sign-in.
 *
 * @throws AppError `VALIDATION_FAILED` for a link that was used or replaced or has expired, and for a password that is easy
 *   to guess; in that case the link stays valid.
 */
export async function resetPassword(
  deps: Deps,
  { client }: Pick<RequestContext, 'client'>,
  input: PasswordReset,
): Promise<void> {
  const turn = { client, account: parseLinkToken(input.token).userId, isKnown: false }
  await deps.passwordAdmission.run(turn, () => resetPasswordNow(deps, turn, input))
}

async function resetPasswordNow(
  deps: Deps,
  turn: Turn & Pick<RequestContext, 'client'>,
  { token, newPassword }: PasswordReset,
): Promise<void> {
  const { client } = turn
  const { accountLinks, passwordHasher, rateLimiter, isCommonPassword, securityLog, log, now } = deps
  const { userId, digest } = parseLinkToken(token)
  const user = await accountLinks.findUser(userId, 'password-reset', digest, now())
  if (!user) throw invalidLink()
  await checkNewPassword(isCommonPassword, newPassword, user, '/newPassword')
  const hash = await passwordHasher.hash(newPassword, { ...turn, isKnown: true })
  const at = now()
  if (!(await accountLinks.resetPassword(userId, digest, hash, at))) throw invalidLink()
  await Promise.all([endChangedSessions(deps, userId, { at }), rateLimiter.rememberSubnet(user.email, client)])
  await securityLog.record(client, 'password-reset', { userId })
  log.info({ userId }, 'password reset')
}

/**
 * Verifies an address by the link in an e-mail.
 *
 * @throws AppError `VALIDATION_FAILED` for a link that was used or replaced or has expired.
 */
export async function verifyEmail(
  {
    accountLinks,
    securityLog,
    now,
  }: Pick<AppDeps, 'securityLog' | 'now'> & { accountLinks: Pick<AppDeps['accountLinks'], 'verifyEmail'> },
  { client }: Pick<RequestContext, 'client'>,
  token: string,
): Promise<void> {
  const { userId, digest } = parseLinkToken(token)
  if (!(await accountLinks.verifyEmail(userId, digest, now()))) throw invalidLink()
  await securityLog.record(client, 'email-verified', { userId })
}
