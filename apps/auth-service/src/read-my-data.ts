import { signedIn, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import type { Desk } from './desk.ts'
import type { SecurityEvent } from './security-event.ts'
import type { OpenSession } from './session.ts'
import type { User } from './user.ts'

/**
 * All that auth-service knows of who asks, newest first.
 *
 * @throws Refusal `UNAUTHENTICATED`.
 */
export async function readMyData(
  { users, sessions, security }: Pick<Desk, 'users' | 'sessions' | 'security'>,
  person: Person | undefined,
): Promise<{ user: User; sessions: (OpenSession & { current: boolean })[]; securityLog: SecurityEvent[] }> {
  const { id, sid } = signedIn(person)
  const account = await users.withId(id)
  if (!account) throw new Refusal('UNAUTHENTICATED', 'This account is gone or closed.')
  const [open, securityLog] = await Promise.all([sessions.allOf(id), security.allOf(id)])
  return {
    user: account.user,
    sessions: open.map((session) => ({ ...session, current: session.id === sid })),
    securityLog,
  }
}
