import { requirePrincipal, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import type { AppDeps } from '../deps.ts'
import type { SecurityEvent } from '../security-log/security-event.ts'
import type { OpenSession } from '../sessions/session.ts'
import type { User } from './user.ts'

type Deps = {
  users: Pick<AppDeps['users'], 'findActiveById'>
  sessions: Pick<AppDeps['sessions'], 'findAll'>
  securityLog: Pick<AppDeps['securityLog'], 'findByUser'>
}

/**
 * Exports all data that auth-service stores about the principal, lists newest first.
 *
 * @throws AppError `UNAUTHENTICATED`.
 */
export async function readMyData(
  { users, sessions, securityLog }: Deps,
  principal: Principal | undefined,
): Promise<{ user: User; sessions: (OpenSession & { current: boolean })[]; securityLog: SecurityEvent[] }> {
  const { id, sid } = requirePrincipal(principal)
  const account = await users.findActiveById(id)
  if (!account) throw new AppError('UNAUTHENTICATED', 'This account is deleted or deactivated.')
  const [open, events] = await Promise.all([sessions.findAll(id), securityLog.findByUser(id)])
  return {
    user: account.user,
    sessions: open.map((session) => ({ ...session, current: session.id === sid })),
    securityLog: events,
  }
}
