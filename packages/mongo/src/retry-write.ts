import { toAppError } from '@halles/errors/app-error'

/**
 * Runs a write, and once more when a lost connection, an election or a slow server leaves its outcome unknown. The driver
 * retries single-document writes itself, but not `updateMany` and `deleteMany`
 * (github.com/mongodb/specifications, retryable writes). The write must be idempotent. What it counts is what the last
 * attempt changed, so a repeated write may report less than it changed in all.
 *
 * @throws what the second attempt throws, or the error of the first one if that is not a matter of the connection
 */
export async function retryWrite<T>(write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!toAppError(error)) throw error
    return write() // The driver waits up to 3 s for a new primary.
  }
}
