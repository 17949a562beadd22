import type { Page } from '@halles/service/page'
import { admin, maySeeOf, signedIn, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import type { User, UserSearch } from './user.ts'
import type { Users } from './users.ts'

type Helpers = { users: Pick<Users, 'withIds'> }

/**
 * The one who asks, as they are now; the token says how they were when it was made.
 *
 * @throws Refusal `UNAUTHENTICATED` when no one is signed in, or the account is gone or closed.
 */
export async function readMe({ users }: Helpers, person: Person | undefined): Promise<User> {
  const { id } = signedIn(person)
  const me = (await users.withIds([id])).get(id)
  if (!me?.active) throw new Refusal('UNAUTHENTICATED', 'This account is gone or closed.')
  return me
}

/**
 * A user, for themselves or an admin.
 *
 * @throws Refusal `UNAUTHENTICATED`, `FORBIDDEN`, `NOT_FOUND`.
 */
export async function readUser(helpers: Helpers, person: Person | undefined, id: string): Promise<User> {
  const [user] = await readUsers(helpers, person, [id])
  if (user instanceof Refusal) throw user
  if (!user) throw new Refusal('NOT_FOUND', 'There is no such user.')
  return user
}

/**
 * Users by id, in the order asked: each the user, null when there is none, or why it is not told. Whoever may not see
 * someone is told so whether or not there is such a user.
 */
export async function readUsers(
  { users }: Helpers,
  person: Person | undefined,
  ids: readonly string[],
): Promise<(User | null | Refusal)[]> {
  if (!person) return ids.map(() => new Refusal('UNAUTHENTICATED', 'Sign in first: this needs an access token.'))
  const found = await users.withIds(ids.filter((id) => maySeeOf(person, id)))
  return ids.map((id) =>
    maySeeOf(person, id)
      ? (found.get(id) ?? null)
      : new Refusal('FORBIDDEN', 'Only this user and an admin may see this account.'),
  )
}

/**
 * A page of the users, for admins.
 *
 * @throws Refusal `UNAUTHENTICATED`, `FORBIDDEN`, `VALIDATION_FAILED` for a cursor of another search.
 */
export async function searchUsers(
  { users }: { users: Pick<Users, 'search'> },
  person: Person | undefined,
  wish: UserSearch,
): Promise<Page<User>> {
  admin(person)
  return users.search(wish)
}
