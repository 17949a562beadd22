import { signedIn } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import type { Caller, Desk } from './desk.ts'
import { whoMay } from './read-sessions.ts'

type Helpers = Pick<Desk, 'security' | 'now'> & { sessions: Pick<Desk['sessions'], 'end' | 'endAll'> }

/**
 * Ends one session: one's own, or as an admin anyone's. Its refresh token is no good from now on, its access token in
 * 5 s.
 *
 * @throws Refusal `UNAUTHENTICATED`; `NOT_FOUND` when it is a stranger's or has ended.
 */
export async function endSession(
  { sessions, security, now }: Helpers,
  { person, client }: Caller,
  id: string,
): Promise<void> {
  const { id: byId, role } = signedIn(person)
  const userId = await sessions.end(id, now(), role === 'admin' ? undefined : byId)
  if (!userId) throw new Refusal('NOT_FOUND', 'There is no such session, or it has ended.')
  await security.note(client, 'sessions-ended', { userId, byId, sessionId: id })
}

/**
 * Signs a user out everywhere: oneself, or as an admin anyone.
 *
 * @throws Refusal `UNAUTHENTICATED`, `FORBIDDEN`.
 */
export async function endAllSessions(
  { sessions, security, now }: Helpers,
  { person, client }: Caller,
  userId = signedIn(person).id,
): Promise<void> {
  const { id: byId } = whoMay(person, userId)
  if ((await sessions.endAll(userId, now())) > 0) await security.note(client, 'sessions-ended', { userId, byId })
}
