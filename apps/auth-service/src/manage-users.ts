import { admin } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import type { Caller, Desk } from './desk.ts'
import type { Role, User } from './user.ts'

type Helpers = Pick<Desk, 'security' | 'log' | 'now'> & {
  users: Pick<Desk['users'], 'change'>
  sessions: Pick<Desk['sessions'], 'endAll'>
}

/**
 * Makes a user an admin, or an admin a user. Their access tokens are no good in 5 s: a refresh tells the new role.
 *
 * @throws Refusal `UNAUTHENTICATED`, `NOT_FOUND`; `FORBIDDEN` for who is no admin at the very moment of the change, whatever
 *   their token says, and for oneself, so that there is always one left.
 */
export async function changeRole(helpers: Helpers, caller: Caller, id: string, role: Role): Promise<User> {
  const { users, security, log, now } = helpers
  const byId = anotherOf(caller, id)
  const { user, changed } = done(await users.change(byId, id, { role }, now()))
  if (changed) {
    await security.note(caller.client, 'role-changed', { userId: id, byId })
    log.info({ userId: id, role }, 'role changed')
  }
  return user
}

/**
 * Closes an account to its owner, or opens it again. Closed, it cannot be signed in to, its sessions end, and its access
 * tokens are no good in 5 s.
 *
 * @throws Refusal as `changeRole`.
 */
export async function setActive(helpers: Helpers, caller: Caller, id: string, active: boolean): Promise<User> {
  const { users, sessions, security, log, now } = helpers
  const byId = anotherOf(caller, id)
  const { user, changed } = done(await users.change(byId, id, { active }, now()))
  // Also when it was closed before: the one who closed it may not have come this far.
  if (!active) await sessions.endAll(id, now())
  if (changed) {
    await security.note(caller.client, active ? 'reactivated' : 'deactivated', { userId: id, byId })
    log.info({ userId: id, active }, 'account opened or closed')
  }
  return user
}

function anotherOf({ person }: Caller, id: string): string {
  const { id: byId } = admin(person)
  if (byId === id) throw new Refusal('FORBIDDEN', 'An admin changes the accounts of others: ask another one.')
  return byId
}

function done<T extends object>(change: T | 'no admin' | undefined): T {
  if (change === 'no admin') throw new Refusal('FORBIDDEN', 'This account is that of an admin no more.')
  if (!change) throw new Refusal('NOT_FOUND', 'There is no such user.')
  return change
}
