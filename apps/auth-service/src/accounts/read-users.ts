import type { Page } from '@halles/validation/page'
import { requireAdmin, canRead, requirePrincipal, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import type { User, UserSearch } from './user.ts'
import type { UserStore } from './users.ts'

type Deps = { users: Pick<UserStore, 'findByIds'> }

/**
 * Reads the principal's own user as it is now, which may differ from the claims of their token.
 *
 * @throws AppError `UNAUTHENTICATED` without a token, or when the account is deleted or deactivated.
 */
export async function readMe({ users }: Deps, principal: Principal | undefined): Promise<User> {
  const { id } = requirePrincipal(principal)
  const user = (await users.findByIds([id])).get(id)
  if (!user?.active) throw new AppError('UNAUTHENTICATED', 'This account is deleted or deactivated.')
  return user
}

/**
 * Reads a user, for themselves or an admin.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN`, `NOT_FOUND`.
 */
export async function readUser(deps: Deps, principal: Principal | undefined, id: string): Promise<User> {
  const [user] = await readUsers(deps, principal, [id])
  if (user instanceof AppError) throw user
  if (!user) throw new AppError('NOT_FOUND', 'There is no such user.')
  return user
}

/**
 * Reads users by id, in the order of the ids. Each result is the user, null when there is none, or the error that forbids
 * access. The error is the same whether or not there is such a user.
 */
export async function readUsers(
  { users }: Deps,
  principal: Principal | undefined,
  ids: readonly string[],
): Promise<(User | null | AppError)[]> {
  if (!principal) return ids.map(() => new AppError('UNAUTHENTICATED', 'Sign in first: this needs an access token.'))
  const found = await users.findByIds(ids.filter((id) => canRead(principal, id)))
  return ids.map((id) =>
    canRead(principal, id)
      ? (found.get(id) ?? null)
      : new AppError('FORBIDDEN', 'Only this user and admins may see this account.'),
  )
}

/**
 * Reads a page of the users, for admins.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN`, `VALIDATION_FAILED` for a cursor of another search.
 */
export async function searchUsers(
  { users }: { users: Pick<UserStore, 'findPage'> },
  principal: Principal | undefined,
  query: UserSearch,
): Promise<Page<User>> {
  requireAdmin(principal)
  return users.findPage(query)
}
