import { Refusal } from './refusal.ts'

/**
 * Gives work so many milliseconds to answer. What takes longer goes on, but no one hears of it any more.
 *
 * @throws Refusal `TIMEOUT` when the time is over, else what the work throws
 */
export async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(new Refusal('TIMEOUT', 'This took too long: look before you repeat it.')), ms)
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
