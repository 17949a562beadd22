import type { Page } from '@halles/service/page'
import { admin, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import { Closed, PageQuery } from '@halles/service/schema'
import { Type, type Static } from 'typebox'
import type { DeadLetter, DeadLetterContent } from './dead-letter.ts'
import type { DeadLetterStore } from './dead-letters.ts'

export const DeadLettersQuery = Closed({
  redriven: Type.Optional(
    Type.Boolean({ description: 'true: only those that were redriven; false: only those that were not' }),
  ),
  ...PageQuery,
})
export type DeadLettersQuery = Static<typeof DeadLettersQuery>

/**
 * Returns a page of dead letters without their content, newest first.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN` for all but admins; `VALIDATION_FAILED` for a cursor of another list.
 */
export async function listDeadLetters(
  { deadLetters }: { deadLetters: Pick<DeadLetterStore, 'findPage'> },
  actor: Person | undefined,
  { redriven, first, after }: DeadLettersQuery,
): Promise<Page<DeadLetter>> {
  admin(actor)
  return deadLetters.findPage({ redriven }, { first, after })
}

/**
 * Returns a dead letter with its content.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN` for all but admins, `NOT_FOUND`.
 */
export async function readDeadLetter(
  { deadLetters }: { deadLetters: Pick<DeadLetterStore, 'findByIds'> },
  actor: Person | undefined,
  id: string,
): Promise<DeadLetter & DeadLetterContent> {
  admin(actor)
  const [found] = await deadLetters.findByIds([id])
  if (!found) throw new Refusal('NOT_FOUND', 'There is no such dead letter.')
  return found
}
