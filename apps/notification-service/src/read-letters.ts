import { signedIn, type Person } from '@halles/service/person'
import type { Page } from '@halles/service/page'
import { Refusal } from '@halles/service/refusal'
import { Closed, PageQuery } from '@halles/service/schema'
import { Type, type Static } from 'typebox'
import { letterStatuses, ownerFor, type Letter } from './letter.ts'
import type { Letters } from './letters.ts'

export const LettersQuery = Closed({
  orderId: Type.Optional(Type.String({ maxLength: 200, description: 'Only the letters about this order' })),
  status: Type.Optional(Type.Enum([...letterStatuses])),
  ...PageQuery,
})
export type LettersQuery = Static<typeof LettersQuery>

/**
 * A page of letters, newest first: one's own, or everyone's for an admin.
 *
 * @throws Refusal `UNAUTHENTICATED`; `VALIDATION_FAILED` for a cursor of another list.
 */
export async function listLetters(
  { letters }: { letters: Pick<Letters, 'page'> },
  person: Person | undefined,
  { orderId, status, first, after }: LettersQuery,
): Promise<Page<Letter>> {
  const owner = ownerFor(signedIn(person))
  return letters.page({ owner, orderId, status }, { first, after })
}

/**
 * The letters with these ids, in this order; in the place of one that is unknown or someone else's a `NOT_FOUND`.
 *
 * @throws Refusal `UNAUTHENTICATED`.
 */
export async function lettersById(
  { letters }: { letters: Pick<Letters, 'withIds'> },
  person: Person | undefined,
  ids: string[],
): Promise<(Letter | Refusal)[]> {
  const found = await letters.withIds(ids, ownerFor(signedIn(person)))
  const byId = new Map(found.map((letter) => [letter.id, letter]))
  return ids.map((id) => byId.get(id) ?? new Refusal('NOT_FOUND', 'There is no such letter.'))
}

/**
 * For each order, in this order, the letters about it that someone may see, oldest first: none for a stranger's order.
 *
 * @throws Refusal `UNAUTHENTICATED`.
 */
export async function lettersAbout(
  { letters }: { letters: Pick<Letters, 'aboutOrders'> },
  person: Person | undefined,
  orderIds: string[],
): Promise<Letter[][]> {
  const found = await letters.aboutOrders([...new Set(orderIds)], ownerFor(signedIn(person)))
  const byOrder = Map.groupBy(found, ({ orderId }) => orderId)
  return orderIds.map((id) => byOrder.get(id) ?? [])
}
