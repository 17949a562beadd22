import { withinDeadline } from '@halles/concurrency/caller'
import { withTimeout } from '@halles/concurrency/with-timeout'

/**
 * How long a client waits for the answer of a use case, in milliseconds: less than the gateway waits for this service.
 */
export const ANSWER_TIMEOUT = 8000

/**
 * Limits how long a REST or GraphQL client waits for a use case. The use case itself goes on: an order may still be
 * placed after its client was answered `TIMEOUT`.
 *
 * @throws AppError `TIMEOUT` after 8 s or at the caller's deadline, else what the use case throws
 */
export const withinAnswerTimeout = <T>(answer: Promise<T>): Promise<T> =>
  withTimeout(answer, withinDeadline(ANSWER_TIMEOUT))
