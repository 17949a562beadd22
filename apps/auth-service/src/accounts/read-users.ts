import type { Page } from '@halles/service/page'
import { admin, maySeeOf, signedIn, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import type { User, UserSearch } from './user.ts'
import type { UserStore } from './users.ts'

type Deps = { users: Pick<UserStore, 'findByIds'> }

/**
 * Reads the principal's own user as it is now, which may differ from the claims of their token.
 *
 * @throws AppError `UNAUTHENTICATED` without a token, or when the account is deleted or deactivated.
 */
export async function readMe({ users }: Deps, principal: Person | undefined): Promise<User> {
  const { id } = signedIn(principal)
  const user = (await users.findByIds([id])).get(id)
  if (!user?.active) throw new Refusal('UNAUTHENTICATED', 'This account is deleted or deactivated.')
  return user
}

/**
 * Reads a user, for themselves or an admin.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN`, `NOT_FOUND`.
 */
export async function readUser(deps: Deps, principal: Person | undefined, id: string): Promise<User> {
  const [user] = await readUsers(deps, principal, [id])
  if (user instanceof Refusal) throw user
  if (!user) throw new Refusal('NOT_FOUND', 'There is no such user.')
  return user
}

/**
 * Reads users by id, in the order of the ids. Each result is the user, null when there is none, or the error that forbids
 * access. The error is the same whether or not there is such a user.
 */
export async function readUsers(
  { users }: Deps,
  principal: Person | undefined,
  ids: readonly string[],
): Promise<(User | null | Refusal)[]> {
  if (!principal) return ids.map(() => new Refusal('UNAUTHENTICATED', 'Sign in first: this needs an access token.'))
  const found = await users.findByIds(ids.filter((id) => maySeeOf(principal, id)))
  return ids.map((id) =>
    maySeeOf(principal, id)
      ? (found.get(id) ?? null)
      : new Refusal('FORBIDDEN', 'Only this user and admins may see this account.'),
  )
}

/**
 * Reads a page of the users, for admins.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN`, `VALIDATION_FAILED` for a cursor of another search.
 */
export async function searchUsers(
  { users }: { users: Pick<UserStore, 'findPage'> },
  principal: Person | undefined,
  query: UserSearch,
): Promise<Page<User>> {
  admin(principal)
  return users.findPage(query)
}
