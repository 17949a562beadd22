import { setTimeout as pause } from 'node:timers/promises'

/** How long there is between looks, in milliseconds. */
const PAUSE = 20

type Look<T> = () => T | undefined | null | false | Promise<T | undefined | null | false>

/**
 * Waits until `look` gives something (neither undefined, null nor false), and gives it back. Looks every 20 ms.
 *
 * A limit only says that something never happened, so it is long: a busy machine is not wrong. How soon something must
 * happen is for `soon` and `inTime`.
 *
 * @throws Error that names `what` after `within` milliseconds.
 */
export async function eventually<T>(what: string, look: Look<T>, within = 60_000): Promise<T> {
  const deadline = performance.now() + within
  for (;;) {
    const seen = await look()
    if (seen !== undefined && seen !== null && seen !== false) return seen
    if (performance.now() > deadline) throw new Error(`did not happen within ${within} ms: ${what}`)
    await pause(PAUSE)
  }
}

/**
 * The same for what must happen soon, in any process: of the time only the pauses between looks are counted, not what a
 * busy machine takes to answer them.
 *
 * @throws Error that names `what` after pauses of `within` milliseconds in all.
 */
export async function soon<T>(what: string, look: Look<T>, within: number): Promise<T> {
  for (let waited = 0; ; waited += PAUSE) {
    const seen = await look()
    if (seen !== undefined && seen !== null && seen !== false) return seen
    if (waited >= within) throw new Error(`did not happen within ${within} ms: ${what}`)
    await pause(PAUSE)
  }
}

/**
 * What `work` of this very process comes to, if that is before a timer of so many milliseconds goes off. A clock would
 * count what a busy machine does between; timers of one process are late together, and go off in their order.
 *
 * @throws Error when the timer is first, else what the work throws.
 */
export async function inTime<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Error(`not done within ${ms} ms`)), ms)
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
