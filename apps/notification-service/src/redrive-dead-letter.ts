import { isTooLarge, type Publisher } from '@halles/service/kafka'
import type { Person } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import { isWhole, redriven, type DeadLetter } from './dead-letter.ts'
import type { DeadLetters } from './dead-letters.ts'
import { readDeadLetter } from './read-dead-letters.ts'

type Helpers = {
  deadLetters: Pick<DeadLetters, 'withIds' | 'markRedriven'>
  publisher: Pick<Publisher, 'send'>
  now?: () => Date
}

/**
 * Sends what could not be processed to the topic that it came from, as it came, and writes that down once Kafka has it. A
 * crash in between leaves it as not sent: sent twice, it is known by the id of its event. If it cannot be processed
 * still, it is parked again, as another dead letter.
 *
 * @throws Refusal `UNAUTHENTICATED`, `FORBIDDEN` for all but admins, `NOT_FOUND`; `PAYLOAD_TOO_LARGE` for what is not kept
 * whole or what the topic does not take; `UNAVAILABLE` while Kafka is away.
 */
export async function redriveDeadLetter(
  { deadLetters, publisher, now = () => new Date() }: Helpers,
  person: Person | undefined,
  id: string,
): Promise<DeadLetter> {
  const dead = await readDeadLetter({ deadLetters }, person, id)
  if (!isWhole(dead))
    throw new Refusal('PAYLOAD_TOO_LARGE', 'Its value was too large to be kept: it is at its origin only.')
  try {
    await publisher.send(dead.origin.topic, [redriven(dead)])
  } catch (error) {
    throw isTooLarge(error)
      ? new Refusal('PAYLOAD_TOO_LARGE', 'Its topic takes no message of this size.', { cause: error })
      : new Refusal('UNAVAILABLE', 'Kafka cannot be reached right now: ask again later.', { cause: error })
  }
  return (await deadLetters.markRedriven(id, now())) ?? dead
}
