import { createBatcher } from '@halles/concurrency/batcher'
import { AppError } from '@halles/errors/app-error'

/** The searches of a process that MongoDB works on at a time. Each makes two queries, the page and its count. */
const CONCURRENCY = 2
/** The searches of a process that may be open, those in the queue included. */
const MAX_OPEN = 64
/** How long a search may take, its time in the queue included, in milliseconds. */
const SEARCH_TIMEOUT = 3000

/**
 * Limits the searches of this process: they queue up for MongoDB, so that reads by id, reservations and other services find it
 * idle enough.
 *
 * @throws AppError `UNAVAILABLE` at once when too many are open, `TIMEOUT` after 3 s; else what the search throws
 */
export function limitSearches<Query, Result>(search: (query: Query) => Promise<Result>) {
  const enqueue = createBatcher<Query, Result>(async ([query]) => [await search(query!)], {
    concurrency: CONCURRENCY,
    maxSize: 1,
    timeout: SEARCH_TIMEOUT,
  })
  let open = 0
  return async (query: Query): Promise<Result> => {
    if (open >= MAX_OPEN) throw new AppError('UNAVAILABLE', 'Too many searches are running: try again in a moment.')
    open++
    try {
      return await enqueue(query)
    } finally {
      open--
    }
  }
}
