import { requirePrincipal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import type { AppDeps, RequestContext } from '../deps.ts'
import type { Profile, User } from './user.ts'

type Deps = Pick<AppDeps, 'securityLog' | 'log' | 'now'> & { users: Pick<AppDeps['users'], 'updateProfile'> }

/**
 * Replaces the principal's own name and the language of their e-mails, and returns the user. Both are claims of access tokens, so
 * a change revokes those of the user within 5 s; a refresh returns one with the new claims.
 *
 * @throws AppError `UNAUTHENTICATED` without a token, or when the account is deleted or deactivated.
 */
export async function updateProfile(
  { users, securityLog, log, now }: Deps,
  { principal, client }: RequestContext,
  { name, locale }: Profile,
): Promise<User> {
  const { id, sid } = requirePrincipal(principal)
  const result = await users.updateProfile(id, { name: name.trim(), locale }, now())
  if (!result) throw new AppError('UNAUTHENTICATED', 'This account is deleted or deactivated.')
  if (result.changed) {
    await securityLog.record(client, 'profile-changed', { userId: id, byId: id, sessionId: sid })
    log.info({ userId: id }, 'profile changed')
  }
  return result.user
}
