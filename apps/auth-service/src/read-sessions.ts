import type { Page } from '@halles/service/page'
import { maySeeOf, signedIn, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import type { Desk } from './desk.ts'
import type { OpenSession, SessionSearch } from './session.ts'

/**
 * A page of the open sessions of a user, newest first, for themselves or an admin; one's own when no user is named.
 *
 * @throws Refusal `UNAUTHENTICATED`, `FORBIDDEN`, `VALIDATION_FAILED` for a cursor of another list.
 */
export async function readSessions(
  { sessions }: { sessions: Pick<Desk['sessions'], 'of'> },
  person: Person | undefined,
  { userId = signedIn(person).id, ...wish }: SessionSearch,
): Promise<Page<OpenSession & { current: boolean }>> {
  const { sid } = whoMay(person, userId)
  const page = await sessions.of(userId, wish)
  return { ...page, items: page.items.map((session) => ({ ...session, current: session.id === sid })) }
}

/** Whoever asks, if they may deal with a user's sessions. */
export function whoMay(person: Person | undefined, userId: string): Person {
  if (!maySeeOf(signedIn(person), userId))
    throw new Refusal('FORBIDDEN', 'Only this user and an admin may deal with these sessions.')
  return person as Person
}
