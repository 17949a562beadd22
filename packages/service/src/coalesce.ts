import { AsyncLocalStorage } from 'node:async_hooks'

type Waiting<T, R> = {
  item: T
  /** Calls a function where the item came from: in its trace. */
  there: ReturnType<typeof AsyncLocalStorage.snapshot>
  resolve: (result: R) => void
  reject: (error: unknown) => void
}

/**
 * Group commit: makes one call of what waits. While a batch is under way the next one gathers; there is no timer, so a
 * lone item leaves at once and a crowd shares the cost.
 *
 * `run` gets 1 to `max` items and answers one result an item, in the same order; an Error among them fails that item
 * alone, a rejection fails the whole batch. `lanes` is how many batches may be under way at a time. A batch runs in the
 * trace of its first item.
 * The idea is that of a database's group commit (Gawlick and Kinkade, 1985).
 */
export function coalesce<T, R>(
  run: (items: T[]) => Promise<readonly (R | Error)[]>,
  { lanes = 1, max = 128 }: { lanes?: number; max?: number } = {},
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
      const results = await batch[0]!.there(
        run,
        batch.map((waiting) => waiting.item),
      )
      for (const [i, waiting] of batch.entries()) {
        const result = results[i]
        if (result instanceof Error) waiting.reject(result)
        else waiting.resolve(result as R)
      }
    } catch (error) {
      for (const waiting of batch) waiting.reject(error)
    } finally {
      flying--
      if (queue.length > 0) pump()
    }
  }

  return (item) =>
    new Promise<R>((resolve, reject) => {
      queue.push({ item, there: AsyncLocalStorage.snapshot(), resolve, reject })
      if (armed || flying >= lanes) return
      armed = true
      setImmediate(pump)
    })
}
