import type { Page } from '@halles/validation/page'
import { requireAdmin, type Principal } from '@halles/auth/principal'
import type { AppDeps } from '../deps.ts'
import type { EventSearch, SecurityEvent } from './security-event.ts'

/**
 * Reads a page of the security log, for admins.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN`, `VALIDATION_FAILED` for a cursor of another list.
 */
export async function readSecurityLog(
  { securityLog }: { securityLog: Pick<AppDeps['securityLog'], 'findPage'> },
  principal: Principal | undefined,
  query: EventSearch,
): Promise<Page<SecurityEvent>> {
  requireAdmin(principal)
  return securityLog.findPage(query)
}
