import { AsyncResource } from 'node:async_hooks'
import { AppError } from '@halles/errors/app-error'

type QueuedItem<T, R> = {
  item: T
  /** When the caller stops waiting, in milliseconds since 1970. */
  deadline: number
  /** The async context of the caller, which holds its trace. */
  asyncContext: AsyncResource
  resolve: (result: R) => void
  reject: (error: unknown) => void
  timer: NodeJS.Timeout | undefined
}

type Options = {
  /** The most batches that run at a time. */
  concurrency?: number
  /** The most items in a batch. */
  maxSize?: number
  /** How long an item may take, its time in the queue included, in milliseconds. */
  timeout?: number
}

type CallOptions = {
  /** When the caller stops waiting, in milliseconds since 1970. The batcher's timeout may be earlier. */
  deadline?: number
}

/**
 * Creates a batcher (group commit; Gawlick and Kinkade, 1985): while a batch runs, new items queue up for the next one.
 * There is no batching delay, so a single item runs at once and the cost of a call is shared under load.
 *
 * `run` gets 1 to `maxSize` items and returns one result for each, in the same order. An Error among the results rejects that
 * item alone; a rejection of `run` rejects the whole batch. A batch runs in the trace of its first item. The second argument
 * of `run` is the latest deadline of its items, in milliseconds since 1970 (Infinity without one). An item whose deadline
 * passes in the queue is removed from it, and never runs.
 *
 * @throws AppError `TIMEOUT` when the deadline of an item has passed. A running batch is not cancelled; its result is
 *   ignored.
 */
export function createBatcher<T, R>(
  run: (items: T[], deadline: number) => Promise<readonly (R | Error)[]>,
  { concurrency = 1, maxSize = 128, timeout = Infinity }: Options = {},
): (item: T, options?: CallOptions) => Promise<R> {
  const queue: QueuedItem<T, R>[] = []
  let running = 0
  let isScheduled = false

  const startBatches = (): void => {
    isScheduled = false
    while (queue.length > 0 && running < concurrency) {
      const batch = queue.splice(0, maxSize)
      const now = Date.now()
      // After a busy event loop the timer of an expired item is late.
      const expired = batch.filter(({ deadline }) => deadline <= now)
      for (const queued of expired) timeOut(queued)
      const waiting = expired.length === 0 ? batch : batch.filter(({ deadline }) => deadline > now)
      if (waiting.length > 0) void runBatch(waiting)
    }
  }

  const runBatch = async (batch: QueuedItem<T, R>[]): Promise<void> => {
    running++
    try {
      const results = await batch[0]!.asyncContext.runInAsyncScope(
        run,
        undefined,
        batch.map((queued) => queued.item),
        Math.max(...batch.map((queued) => queued.deadline)),
      )
      for (const [i, queued] of batch.entries()) {
        const result = results[i]
        if (result instanceof Error) queued.reject(result)
        else queued.resolve(result as R)
      }
    } catch (error) {
      for (const queued of batch) queued.reject(error)
    } finally {
      for (const { timer } of batch) clearTimeout(timer)
      running--
      if (queue.length > 0) startBatches()
    }
  }

  const timeOut = (queued: QueuedItem<T, R>): void => {
    const index = queue.indexOf(queued)
    if (index !== -1) queue.splice(index, 1)
    clearTimeout(queued.timer)
    queued.reject(new AppError('TIMEOUT', 'This took too long: try again in a moment.'))
  }

  return (item, { deadline: callDeadline = Infinity } = {}) =>
    new Promise<R>((resolve, reject) => {
      const asyncContext = new AsyncResource('createBatcher') // costs a tenth of AsyncLocalStorage.snapshot
      const queued: QueuedItem<T, R> = { item, deadline: Infinity, asyncContext, resolve, reject, timer: undefined }
      if (timeout !== Infinity || callDeadline !== Infinity) {
        const now = Date.now()
        queued.deadline = Math.min(now + timeout, callDeadline)
        if (queued.deadline <= now) return timeOut(queued)
        queued.timer = setTimeout(timeOut, queued.deadline - now, queued)
      }
      queue.push(queued)
      if (isScheduled || running >= concurrency) return
      isScheduled = true
      setImmediate(startBatches)
    })
}
