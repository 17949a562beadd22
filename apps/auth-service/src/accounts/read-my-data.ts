import { requirePrincipal, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import type { AppDeps } from '../deps.ts'
import type { SecurityEvent } from '../security-log/security-event.ts'
import type { OpenSession } from '../sessions/session.ts'
import type { User } from './user.ts'

type Deps = {
  users: Pick<AppDeps['users'], 'findActiveById'>
  sessions: Pick<AppDeps['sessions'], 'readAll'>
  securityLog: Pick<AppDeps['securityLog'], 'readByUser'>
}

/** All data about a user. The lists, newest first, are read from the database as they are consumed. */
export type MyData = {
  user: User
  sessions: AsyncIterable<OpenSession & { current: boolean }>
  securityLog: AsyncIterable<SecurityEvent>
}

/**
 * Exports all data that auth-service stores about the principal.
 *
 * @throws AppError `UNAUTHENTICATED`.
 */
export async function readMyData(
  { users, sessions, securityLog }: Deps,
  principal: Principal | undefined,
): Promise<MyData> {
  const { id, sid } = requirePrincipal(principal)
  const account = await users.findActiveById(id)
  if (!account) throw new AppError('UNAUTHENTICATED', 'This account is deleted or deactivated.')
  return {
    user: account.user,
    sessions: markCurrent(sessions.readAll(id), sid),
    securityLog: securityLog.readByUser(id),
  }
}

async function* markCurrent(sessions: AsyncIterable<OpenSession>, sid: string) {
  for await (const session of sessions) {
    yield { ...session, current: session.id === sid }
  }
}
