import { setTimeout as pause } from 'node:timers/promises'
import { toAppError } from '@halles/errors/app-error'
import { MongoServerError } from 'mongodb'

/** How long a service waits for MongoDB when it starts, in milliseconds. */
const START_TIMEOUT = 60_000

/** The pause before the next attempt, in milliseconds. */
const PAUSE = 500

export type WarningLog = { warn: (fields: { err: unknown }, message: string) => void }

/** Whether MongoDB refused the credentials. The driver labels this error as transient, as the connection is closed. */
export const isAuthenticationError = (error: unknown): boolean =>
  error instanceof MongoServerError && error.codeName === 'AuthenticationFailed'

/**
 * Runs what a service needs before it can start, such as the creation of indexes, and again while MongoDB has no primary or
 * does not answer. Each repetition is logged as a warning. The work must be idempotent.
 *
 * @param timeout after how many milliseconds a failure is final
 * @throws what the last attempt throws; at once what is not a matter of MongoDB's availability
 */
export async function retryWhileUnavailable<T>(
  work: () => Promise<T>,
  log: WarningLog,
  timeout = START_TIMEOUT,
): Promise<T> {
  const began = performance.now()
  for (;;)
    try {
      return await work()
    } catch (error) {
      if (isAuthenticationError(error) || !toAppError(error) || performance.now() - began > timeout) throw error
      log.warn({ err: error }, 'MongoDB is not available: trying again')
      await pause(PAUSE)
    }
}
