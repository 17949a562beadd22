import { requireAdmin } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import type { AppDeps, RequestContext } from '../deps.ts'
import { endChangedSessions } from '../sessions/end-changed-sessions.ts'
import type { Role, User } from './user.ts'

type Deps = Pick<AppDeps, 'securityLog' | 'log' | 'now'> & {
  users: Pick<AppDeps['users'], 'updateByAdmin' | 'markSessionsEnded'>
  sessions: Pick<AppDeps['sessions'], 'endAll'>
}

/**
 * Changes the role of another user. Their access tokens are revoked within 5 s; a refresh returns one with the new role.
 *
 * @throws AppError `UNAUTHENTICATED`, `NOT_FOUND`; `FORBIDDEN` when the principal is not an admin at the moment of the change,
 *   regardless of their token's claims, and for their own account, so that one admin is always left.
 */
export async function changeRole(deps: Deps, context: RequestContext, id: string, role: Role): Promise<User> {
  const { users, securityLog, log, now } = deps
  const adminId = requireOtherAdmin(context, id)
  const { user, changed } = requireUpdated(await users.updateByAdmin(adminId, id, { role }, now()))
  if (changed) {
    await securityLog.record(context.client, 'role-changed', { userId: id, byId: adminId })
    log.info({ userId: id, role }, 'role changed')
  }
  return user
}

/**
 * Activates or deactivates the account of another user. A deactivated account cannot be signed in to, its sessions end, and
 * its access tokens are revoked within 5 s.
 *
 * @throws AppError as `changeRole`.
 */
export async function setActive(deps: Deps, context: RequestContext, id: string, active: boolean): Promise<User> {
  const { users, securityLog, log, now } = deps
  const at = now()
  const adminId = requireOtherAdmin(context, id)
  const { user, changed } = requireUpdated(await users.updateByAdmin(adminId, id, { active }, at))
  // Even if the account was inactive before: the request that deactivated it may have failed before this step.
  if (!active) await endChangedSessions(deps, id, { at })
  if (changed) {
    await securityLog.record(context.client, active ? 'reactivated' : 'deactivated', { userId: id, byId: adminId })
    log.info({ userId: id, active }, 'account activated or deactivated')
  }
  return user
}

/** The id of the principal, who must be an admin other than the user `id`. */
function requireOtherAdmin(context: RequestContext, id: string): string {
  const { id: adminId } = requireAdmin(context.principal)
  if (adminId === id) throw new AppError('FORBIDDEN', 'Admins cannot change their own account: ask another admin.')
  return adminId
}

function requireUpdated<T extends object>(result: T | 'not-admin' | undefined): T {
  if (result === 'not-admin') throw new AppError('FORBIDDEN', 'Your account is not an admin any more.')
  if (!result) throw new AppError('NOT_FOUND', 'There is no such user.')
  return result
}
