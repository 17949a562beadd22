import { isTooLarge, type Publisher } from '@halles/kafka/kafka'
import type { Principal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { isComplete, toRedriveMessage, type DeadLetter } from './dead-letter.ts'
import type { DeadLetterStore } from './dead-letters.ts'
import { readDeadLetter } from './read-dead-letters.ts'

type Deps = {
  deadLetters: Pick<DeadLetterStore, 'findByIds' | 'markRedriven'>
  publisher: Pick<Publisher, 'send'>
  now?: () => Date
}

/**
 * Redrives a dead letter: publishes the original message to its topic, and records that once Kafka has it. After a crash in
 * between, it counts as not redriven; when it is redriven again, its consumer recognises the event by its id. A message
 * that still cannot be processed becomes another dead letter.
 *
 * @throws AppError `UNAUTHENTICATED`, `FORBIDDEN` for all but admins, `NOT_FOUND`; `PAYLOAD_TOO_LARGE` when the value is not
 * stored or the topic does not accept the message; `UNAVAILABLE` while Kafka is away.
 */
export async function redriveDeadLetter(
  { deadLetters, publisher, now = () => new Date() }: Deps,
  actor: Principal | undefined,
  id: string,
): Promise<DeadLetter> {
  const deadLetter = await readDeadLetter({ deadLetters }, actor, id)
  if (!isComplete(deadLetter))
    throw new AppError('PAYLOAD_TOO_LARGE', 'Its value was too large to be stored: it exists only at its origin.')
  try {
    await publisher.send(deadLetter.origin.topic, [toRedriveMessage(deadLetter)])
  } catch (error) {
    throw isTooLarge(error)
      ? new AppError('PAYLOAD_TOO_LARGE', 'Its topic accepts no message of this size.', { cause: error })
      : new AppError('UNAVAILABLE', 'Kafka cannot be reached right now: try again later.', { cause: error })
  }
  return (await deadLetters.markRedriven(id, now())) ?? deadLetter
}
