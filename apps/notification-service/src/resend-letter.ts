import { admin, type Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import type { Delivery } from './deliver.ts'
import type { Letter } from './letter.ts'
import type { Letters } from './letters.ts'

type Helpers = { letters: Pick<Letters, 'sendAgain'>; delivery: Pick<Delivery, 'wake'>; now?: () => Date }

/**
 * Has a letter sent once more, to the same address: as a copy with a Message-ID of its own when it was sent or given up;
 * one that still waits is just tried now. Answers before it is sent.
 *
 * @throws Refusal `UNAUTHENTICATED`, `FORBIDDEN` for all but admins, `NOT_FOUND`.
 */
export async function resendLetter(
  { letters, delivery, now = () => new Date() }: Helpers,
  person: Person | undefined,
  id: string,
): Promise<Letter> {
  admin(person)
  const letter = await letters.sendAgain(id, now())
  if (!letter) throw new Refusal('NOT_FOUND', 'There is no such letter.')
  delivery.wake()
  return letter
}
