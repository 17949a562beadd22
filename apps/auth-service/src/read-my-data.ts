import type { Page, PageWish } from '@halles/service/page'
import { signedIn, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import type { Desk } from './desk.ts'
import type { SecurityEvent } from './security-event.ts'
import type { OpenSession } from './session.ts'
import type { User } from './user.ts'

/** How many are read at a time. */
const PAGE = 100

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
  const open = await all((wish) => sessions.of(id, wish))
  const securityLog = await all((wish) => security.search({ userId: id, ...wish }))
  return {
    user: account.user,
    sessions: open.map((session) => ({ ...session, current: session.id === sid })),
    securityLog,
  }
}

async function all<T>(page: (wish: PageWish) => Promise<Page<T>>): Promise<T[]> {
  const items: T[] = []
  for (let after: string | undefined; ;) {
    const next = await page({ first: PAGE, ...(after !== undefined && { after }) })
    items.push(...next.items)
    if (!next.hasNextPage) return items
    after = next.cursors.at(-1)
  }
}
