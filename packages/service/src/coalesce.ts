import { AsyncResource } from 'node:async_hooks'
import { Refusal } from './refusal.ts'

type Waiting<T, R> = {
  item: T
  /** Until when its caller waits, in milliseconds since 1970. */
  deadline: number
  /** Where the item came from: in its trace. */
  there: AsyncResource
  resolve: (result: R) => void
  reject: (error: unknown) => void
  timer: NodeJS.Timeout | undefined
}

type Options = {
  /** How many batches may be under way at a time. */
  lanes?: number
  /** The most items in a batch. */
  max?: number
  /** How long an item may take in all, its wait for its turn included, in milliseconds. */
  within?: number
}

/**
 * Group commit: makes one call of what waits. While a batch is under way the next one gathers; there is no timer, so a
 * lone item leaves at once and a crowd shares the cost.
 *
 * `run` gets 1 to `max` items and answers one result an item, in the same order; an Error among them fails that item
 * alone, a rejection fails the whole batch. A batch runs in the trace of its first item. With `within`, `run` is also told
 * until when the last of its items is waited for (milliseconds since 1970, else Infinity); an item whose time is over
 * before its turn is left out.
 * The idea is that of a database's group commit (Gawlick and Kinkade, 1985).
 *
 * @throws Refusal `TIMEOUT` when `within` is over: what is under way then goes on, and no one hears of it.
 */
export function coalesce<T, R>(
  run: (items: T[], deadline: number) => Promise<readonly (R | Error)[]>,
  { lanes = 1, max = 128, within = Infinity }: Options = {},
): (item: T) => Promise<R> {
  const queue: Waiting<T, R>[] = []
  let flying = 0
  let armed = false

  const pump = (): void => {
    armed = false
    while (queue.length > 0 && flying < lanes) void fly(queue.splice(0, max))
  }

  const fly = async (batch: Waiting<T, R>[]): Promise<void> => {
    flying++
    try {
      const results = await batch[0]!.there.runInAsyncScope(
        run,
        undefined,
        batch.map((waiting) => waiting.item),
        Math.max(...batch.map((waiting) => waiting.deadline)),
      )
      for (const [i, waiting] of batch.entries()) {
        const result = results[i]
        if (result instanceof Error) waiting.reject(result)
        else waiting.resolve(result as R)
      }
    } catch (error) {
      for (const waiting of batch) waiting.reject(error)
    } finally {
      for (const { timer } of batch) clearTimeout(timer)
      flying--
      if (queue.length > 0) pump()
    }
  }

  const late = (waiting: Waiting<T, R>): void => {
    const place = queue.indexOf(waiting)
    if (place !== -1) queue.splice(place, 1)
    waiting.reject(new Refusal('TIMEOUT', 'This took too long: try again in a moment.'))
  }

  return (item) =>
    new Promise<R>((resolve, reject) => {
      const there = new AsyncResource('coalesce') // a tenth of what AsyncLocalStorage.snapshot costs
      const waiting: Waiting<T, R> = { item, deadline: Infinity, there, resolve, reject, timer: undefined }
      if (within !== Infinity) {
        waiting.deadline = Date.now() + within
        waiting.timer = setTimeout(late, within, waiting)
      }
      queue.push(waiting)
      if (armed || flying >= lanes) return
      armed = true
      setImmediate(pump)
    })
}
