import type { Page } from '@halles/service/page'
import { admin, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import { Closed, PageQuery } from '@halles/service/schema'
import { Type, type Static } from 'typebox'
import type { Content, DeadLetter } from './dead-letter.ts'
import type { DeadLetters } from './dead-letters.ts'

export const DeadLettersQuery = Closed({
  redriven: Type.Optional(
    Type.Boolean({ description: 'Only those that were sent again, or only those that were not' }),
  ),
  ...PageQuery,
})
export type DeadLettersQuery = Static<typeof DeadLettersQuery>

/**
 * A page of what could not be processed, the latest first, without what it says.
 *
 * @throws Refusal `UNAUTHENTICATED`, `FORBIDDEN` for all but admins; `VALIDATION_FAILED` for a cursor of another list.
 */
export async function listDeadLetters(
  { deadLetters }: { deadLetters: Pick<DeadLetters, 'page'> },
  person: Person | undefined,
  { redriven, first, after }: DeadLettersQuery,
): Promise<Page<DeadLetter>> {
  admin(person)
  return deadLetters.page({ redriven }, { first, after })
}

/**
 * One of them, with what it says.
 *
 * @throws Refusal `UNAUTHENTICATED`, `FORBIDDEN` for all but admins, `NOT_FOUND`.
 */
export async function readDeadLetter(
  { deadLetters }: { deadLetters: Pick<DeadLetters, 'withIds'> },
  person: Person | undefined,
  id: string,
): Promise<DeadLetter & Content> {
  admin(person)
  const [found] = await deadLetters.withIds([id])
  if (!found) throw new Refusal('NOT_FOUND', 'There is no such dead letter.')
  return found
}
