import type { Page } from '@halles/validation/page'
import { canRead, requirePrincipal, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import type { AppDeps } from '../deps.ts'
import type { OpenSession, SessionSearch } from './session.ts'

/**
 * Reads a page of the open sessions of a user, newest first, for themselves or an admin. The default user is the principal.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN`, `VALIDATION_FAILED` for a cursor of another list.
 */
export async function readSessions(
  { sessions }: { sessions: Pick<AppDeps['sessions'], 'findPage'> },
  principal: Principal | undefined,
  { userId = requirePrincipal(principal).id, ...query }: SessionSearch,
): Promise<Page<OpenSession & { current: boolean }>> {
  const { sid } = requireSessionAccess(principal, userId)
  const page = await sessions.findPage(userId, query)
  return { ...page, items: page.items.map((session) => ({ ...session, current: session.id === sid })) }
}

/**
 * Returns the principal if they may read and end the sessions of a user.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN`.
 */
export function requireSessionAccess(principal: Principal | undefined, userId: string): Principal {
  const known = requirePrincipal(principal)
  if (!canRead(known, userId))
    throw new AppError('FORBIDDEN', 'Only this user and admins may see and end these sessions.')
  return known
}
