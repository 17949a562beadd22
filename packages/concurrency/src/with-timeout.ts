import pTimeout from 'p-timeout'
import { AppError } from '@halles/errors/app-error'

/**
 * Resolves with the result of `work`, or rejects once `ms` milliseconds have passed. The work itself is not cancelled: its
 * result, or its error, is then ignored.
 *
 * @throws AppError `TIMEOUT` when the time has passed, else what `work` throws
 */
export const withTimeout = <T>(work: Promise<T>, ms: number): Promise<T> =>
  pTimeout(work, {
    milliseconds: ms,
    message: new AppError('TIMEOUT', 'This took too long and may still complete: check before you repeat it.'),
  })

/**
 * Waits for `work`, but for `ms` milliseconds at most, and returns whether it has finished. For shutdowns that may hang.
 *
 * @throws what `work` throws in that time
 */
export const waitAtMost = async (work: Promise<unknown>, ms: number): Promise<boolean> =>
  (await pTimeout(
    work.then(() => true),
    { milliseconds: ms, message: false },
  )) ?? false

/**
 * Resolves with the result of `work`, or rejects with the signal's reason once `signal` is aborted. The work itself is not
 * cancelled: its result, or its error, is then ignored.
 */
export const rejectOnAbort = <T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> =>
  signal ? pTimeout(work, { milliseconds: Infinity, signal }) : work
