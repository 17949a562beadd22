import { requirePrincipal, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import type { AppDeps, RequestContext } from '../deps.ts'
import { endChangedSessions } from '../sessions/end-changed-sessions.ts'
import type { Turn } from '../passwords/fair-slots.ts'

type Deps = Pick<AppDeps, 'passwordAdmission' | 'outbox' | 'revocationRetention' | 'securityLog' | 'log' | 'now'> & {
  rateLimiter: Pick<AppDeps['rateLimiter'], 'verifyWithinLimits'>
  users: Pick<AppDeps['users'], 'findActiveById' | 'erase' | 'markSessionsEnded'>
  sessions: Pick<AppDeps['sessions'], 'endAll'>
  passwordHasher: Pick<AppDeps['passwordHasher'], 'verify'>
}

/**
 * Deletes the principal's own account: only its id is left. The password proves the principal's identity. Their access
 * tokens are revoked within 5 s. The deletion is published at once, and again when the last access token has expired, so
 * that other services also erase what was done with a token in between.
 *
 * @throws AppError `UNAUTHENTICATED`; `FORBIDDEN` for admins, so that one admin is always left; `INVALID_CREDENTIALS` for a
 *   wrong password, which counts as a failed sign-in; `RATE_LIMITED`; `UNAVAILABLE` when this deployment publishes no events.
 */
export async function deleteAccount(
  deps: Deps,
  { principal, client }: RequestContext,
  password: string,
): Promise<void> {
  const known = requirePrincipal(principal)
  if (!deps.outbox) throw new AppError('UNAVAILABLE', 'This shop has no Kafka to notify other services of a deletion.')
  const turn = { client, account: known.id, isKnown: true }
  await deps.passwordAdmission.run(turn, () => deleteAccountNow(deps, deps.outbox!, known, turn, password))
}

async function deleteAccountNow(
  deps: Deps,
  outbox: NonNullable<AppDeps['outbox']>,
  { id, sid }: Principal,
  turn: Turn & Pick<RequestContext, 'client'>,
  password: string,
): Promise<void> {
  const { client } = turn
  const { revocationRetention, rateLimiter, users, passwordHasher, securityLog, log, now } = deps
  const account = await users.findActiveById(id)
  if (!account) throw new AppError('UNAUTHENTICATED', 'This account is deleted.')
  if (account.user.role === 'admin')
    throw new AppError('FORBIDDEN', 'Admins cannot delete their account: ask another admin to change your role first.')
  const isRight = await rateLimiter.verifyWithinLimits(account.user.email, client, () =>
    passwordHasher.verify(account.passwordHash, password, turn),
  )
  const at = now()
  const again = new Date(at.getTime() + revocationRetention)
  const isErased = isRight && (await users.erase(id, account.passwordHash, at, again))
  const entry = { userId: id, byId: id, sessionId: sid }
  if (!isErased) {
    await securityLog.record(client, 'account-deleted', { ...entry, outcome: 'refused' })
    throw new AppError('INVALID_CREDENTIALS', 'The password is wrong.')
  }
  await endChangedSessions(deps, id, { at })
  await securityLog.record(client, 'account-deleted', entry)
  log.info({ userId: id }, 'account deleted')
  outbox.wake()
}
