import { setTimeout as pause } from 'node:timers/promises'
import pTimeout from 'p-timeout'

/** The pause between checks, in milliseconds. */
const CHECK_INTERVAL = 20

type Check<T> = () => T | undefined | null | false | Promise<T | undefined | null | false>

/**
 * Calls `check` every 20 ms until it returns a value other than undefined, null and false, and returns that value.
 *
 * The timeout is long, because it only detects that something never happens, also on a busy machine. To test that something
 * happens soon, use `pollWithin` or `rejectAfter`.
 *
 * @throws Error that names `what` after `within` milliseconds
 */
export async function eventually<T>(what: string, check: Check<T>, within = 60_000): Promise<T> {
  const deadline = performance.now() + within
  for (;;) {
    const value = await check()
    if (value !== undefined && value !== null && value !== false) return value
    if (performance.now() > deadline) throw new Error(`did not happen within ${within} ms: ${what}`)
    await pause(CHECK_INTERVAL)
  }
}

/**
 * Like `eventually`, for what must happen soon in another process. Only the pauses between checks are counted, not the time that
 * a busy machine takes for the checks.
 *
 * @throws Error that names `what` after pauses of `within` milliseconds in total
 */
export async function pollWithin<T>(what: string, check: Check<T>, within: number): Promise<T> {
  for (let waited = 0; ; waited += CHECK_INTERVAL) {
    const value = await check()
    if (value !== undefined && value !== null && value !== false) return value
    if (waited >= within) throw new Error(`did not happen within ${within} ms: ${what}`)
    await pause(CHECK_INTERVAL)
  }
}

/**
 * Returns the result of `work` in this process, if it ends before a timer of `ms` milliseconds. A timer is fairer than a clock:
 * on a busy machine all timers of a process are delayed alike, and fire in order.
 *
 * @throws Error when the timer fires first, else what the work throws
 */
export const rejectAfter = <T>(ms: number, work: Promise<T>): Promise<T> =>
  pTimeout(work, { milliseconds: ms, message: new Error(`not done within ${ms} ms`) })
