import { requirePrincipal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import type { AppDeps, RequestContext } from '../deps.ts'
import { requireSessionAccess } from './read-sessions.ts'

type Deps = Pick<AppDeps, 'securityLog' | 'now'> & { sessions: Pick<AppDeps['sessions'], 'end' | 'endAll'> }

/**
 * Ends a session of the principal or, for an admin, of any user. Its refresh token is invalid at once, its access tokens are
 * revoked within 5 s.
 *
 * @throws AppError `UNAUTHENTICATED`; `NOT_FOUND` when the session belongs to another user or has ended.
 */
export async function endSession(
  { sessions, securityLog, now }: Deps,
  { principal, client }: RequestContext,
  id: string,
): Promise<void> {
  const { id: byId, role } = requirePrincipal(principal)
  const userId = await sessions.end(id, now(), role === 'admin' ? undefined : byId)
  if (!userId) throw new AppError('NOT_FOUND', 'There is no such session, or it has ended.')
  await securityLog.record(client, 'sessions-ended', { userId, byId, sessionId: id })
}

/**
 * Ends all sessions of a user, for themselves or an admin. The default user is the principal.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN`.
 */
export async function endAllSessions(
  { sessions, securityLog, now }: Deps,
  { principal, client }: RequestContext,
  userId = requirePrincipal(principal).id,
): Promise<void> {
  const { id: byId } = requireSessionAccess(principal, userId)
  if ((await sessions.endAll(userId, now())) > 0) await securityLog.record(client, 'sessions-ended', { userId, byId })
}
