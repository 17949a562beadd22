import { requirePrincipal, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { createPendingEvent } from '../account-events/account-event.ts'
import { toEmailKey } from '../accounts/user.ts'
import type { AppDeps, RequestContext } from '../deps.ts'
import { endChangedSessions } from '../sessions/end-changed-sessions.ts'
import type { Turn } from '../passwords/fair-slots.ts'
import { emailsUnavailable, invalidLink, parseLinkToken, type EmailChange } from './account-link.ts'

type RequestDeps = Pick<AppDeps, 'passwordAdmission' | 'outbox' | 'securityLog' | 'log' | 'now'> & {
  rateLimiter: Pick<AppDeps['rateLimiter'], 'verifyWithinLimits' | 'checkEmailRequest' | 'tryEmailToNewAddress'>
  users: Pick<AppDeps['users'], 'findActiveById'>
  accountLinks: Pick<AppDeps['accountLinks'], 'save'>
  passwordHasher: Pick<AppDeps['passwordHasher'], 'verify'>
}

/**
 * Requests an e-mail with a link to the new address of the principal's account; the password proves the principal's
 * identity. Whether the new address has an account is never looked up, so neither the response, nor its time, nor the
 * e-mail, which the sender sees in their list of notifications, reveals it. When too many e-mails went to that address, none
 * is sent, and the response is the same.
 *
 * @throws AppError `UNAUTHENTICATED`; `INVALID_CREDENTIALS` for a wrong password, which counts as a failed sign-in;
 *   `RATE_LIMITED`; `UNAVAILABLE` when this deployment sends no account e-mails.
 */
export async function requestEmailChange(
  deps: RequestDeps,
  { principal, client }: RequestContext,
  input: EmailChange,
): Promise<void> {
  const known = requirePrincipal(principal)
  if (!deps.outbox) throw emailsUnavailable()
  const turn = { client, account: known.id, isKnown: true }
  await deps.passwordAdmission.run(turn, () => requestEmailChangeNow(deps, deps.outbox!, known, turn, input))
}

async function requestEmailChangeNow(
  deps: RequestDeps,
  outbox: NonNullable<AppDeps['outbox']>,
  { id, sid }: Principal,
  turn: Turn & Pick<RequestContext, 'client'>,
  { email, password }: EmailChange,
): Promise<void> {
  const { client } = turn
  const { rateLimiter, users, accountLinks, passwordHasher, securityLog, log, now } = deps
  const account = await users.findActiveById(id)
  if (!account) throw new AppError('UNAUTHENTICATED', 'This account is deleted or deactivated.')
  const rejectPassword = async (): Promise<AppError> => {
    await securityLog.record(client, 'email-changed', { userId: id, byId: id, sessionId: sid, outcome: 'refused' })
    return new AppError('INVALID_CREDENTIALS', 'The password is wrong.')
  }
  const isRight = await rateLimiter.verifyWithinLimits(account.user.email, client, () =>
    passwordHasher.verify(account.passwordHash, password, turn),
  )
  if (!isRight) throw await rejectPassword()
  await rateLimiter.checkEmailRequest(client)
  if (!(await rateLimiter.tryEmailToNewAddress(toEmailKey(email)))) return
  const { stored, link } = await outbox.issueLink(id, 'email-change')
  const event = { ...createPendingEvent('account.email-change-requested', now()), to: email, link }
  const isSaved = await accountLinks.save(id, 'email-change', { ...stored, email, sid }, event, account.passwordHash)
  if (!isSaved) throw await rejectPassword()
  log.info({ userId: id }, 'e-mail change requested')
  outbox.wake()
}

type ChangeDeps = Pick<AppDeps, 'outbox' | 'securityLog' | 'log' | 'now'> & {
  rateLimiter: Pick<AppDeps['rateLimiter'], 'rememberSubnet'>
  accountLinks: Pick<AppDeps['accountLinks'], 'changeEmail'>
  users: Pick<AppDeps['users'], 'markSessionsEnded'>
  sessions: Pick<AppDeps['sessions'], 'endAll'>
}

/**
 * Changes an account's address to the one that the link was sent to, and notifies the previous address. Ends all sessions
 * but the one that requested the change. Access tokens, which contain the old address, are revoked within 5 s.
 *
 * @throws AppError `VALIDATION_FAILED` for a link that was used or replaced or has expired; `EMAIL_TAKEN` when the address
 *   has another account. The link then stays valid, and the reader of the e-mail, who owns the address, may know.
 */
export async function changeEmail(
  deps: ChangeDeps,
  { client }: Pick<RequestContext, 'client'>,
  token: string,
): Promise<void> {
  const { outbox, rateLimiter, accountLinks, securityLog, log, now } = deps
  const { userId, digest } = parseLinkToken(token)
  const at = now()
  const changed = await accountLinks.changeEmail(userId, digest, at)
  if (!changed) throw invalidLink()
  if (changed === 'email-taken') {
    // Recorded without a user: requesters can read their own log, and would learn that the address has an account.
    await securityLog.record(client, 'email-changed', { outcome: 'refused' })
    throw new AppError('EMAIL_TAKEN', 'This e-mail address has another account: sign in to that one instead.')
  }
  await rateLimiter.rememberSubnet(changed.email, client)
  await endChangedSessions(deps, userId, { at, except: changed.sid })
  await securityLog.record(client, 'email-changed', { userId })
  log.info({ userId }, 'e-mail address changed')
  outbox?.wake()
}
