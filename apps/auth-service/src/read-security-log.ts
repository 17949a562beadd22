import type { Page } from '@halles/service/page'
import { admin, type Person } from '@halles/service/person'
import type { Desk } from './desk.ts'
import type { EventSearch, SecurityEvent } from './security-event.ts'

/**
 * A page of the security log, for admins.
 *
 * @throws Refusal `UNAUTHENTICATED`, `FORBIDDEN`, `VALIDATION_FAILED` for a cursor of another list.
 */
export async function readSecurityLog(
  { security }: { security: Pick<Desk['security'], 'search'> },
  person: Person | undefined,
  wish: EventSearch,
): Promise<Page<SecurityEvent>> {
  admin(person)
  return security.search(wish)
}
