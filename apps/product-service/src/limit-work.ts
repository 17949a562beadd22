import { createBatcher } from '@halles/concurrency/batcher'
import { AppError } from '@halles/errors/app-error'

export type WorkLimit = {
  /** How many run at a time in this process. */
  concurrency: number
  /** How many may be open in this process, those in the queue included. */
  maxOpen: number
  /** How long one may take, its time in the queue included, in milliseconds. */
  timeout: number
  /** What a client is told when too many are open. */
  busy: string
}

/**
 * Limits how much of an expensive kind of work this process does: it queues up, so that reads by id, reservations and other
 * services find machine and database idle enough.
 *
 * @throws AppError `UNAVAILABLE` at once when too many are open, `TIMEOUT` after the time limit; else what `work` throws
 */
export function limitWork<Input, Result>(
  work: (input: Input) => Promise<Result>,
  { concurrency, maxOpen, timeout, busy }: WorkLimit,
) {
  const enqueue = createBatcher<Input, Result>(async ([input]) => [await work(input!)], {
    concurrency,
    maxSize: 1,
    timeout,
  })
  let open = 0
  return async (input: Input): Promise<Result> => {
    if (open >= maxOpen) throw new AppError('UNAVAILABLE', busy)
    open++
    try {
      return await enqueue(input)
    } finally {
      open--
    }
  }
}
