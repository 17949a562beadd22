import type { Page } from '@halles/validation/page'
import { requireAdmin, type Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { ClosedObject, PageQuery } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'
import type { DeadLetter, DeadLetterContent } from './dead-letter.ts'
import type { DeadLetterStore } from './dead-letters.ts'

export const DeadLettersQuery = ClosedObject({
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
  actor: Principal | undefined,
  { redriven, first, after }: DeadLettersQuery,
): Promise<Page<DeadLetter>> {
  requireAdmin(actor)
  return deadLetters.findPage({ redriven }, { first, after })
}

/**
 * Returns a dead letter with its content.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN` for all but admins, `NOT_FOUND`.
 */
export async function readDeadLetter(
  { deadLetters }: { deadLetters: Pick<DeadLetterStore, 'findByIds'> },
  actor: Principal | undefined,
  id: string,
): Promise<DeadLetter & DeadLetterContent> {
  requireAdmin(actor)
  const [found] = await deadLetters.findByIds([id])
  if (!found) throw new AppError('NOT_FOUND', 'There is no such dead letter.')
  return found
}
