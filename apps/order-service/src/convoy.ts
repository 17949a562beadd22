import { AsyncResource } from 'node:async_hooks'

/** How long a group keeps the next one waiting, in milliseconds: several times what a group takes. */
const LONGEST = 200
/** So few under way leave batches small whatever they do: nobody waits for them. */
const FEW = 4

/**
 * Lets work go in groups: what comes while more than a few are under way waits, and goes together once all of those have
 * ended, or `longest` milliseconds after the first of them came, for what is slow must not hold up the rest. While there
 * are only a few, work goes at once.
 *
 * What has left together takes its steps together, so that each step is one batch as large as the group where work that
 * comes and goes as it likes would be spread over the steps, with a small batch at each.
 */
export function convoy({ longest = LONGEST, few = FEW } = {}): <T>(work: () => Promise<T>) => Promise<T> {
  let waiting: (() => void)[] = []
  let underWay = 0
  let timer: NodeJS.Timeout | undefined

  const leave = (): void => {
    clearTimeout(timer)
    timer = undefined
    const group = waiting
    waiting = []
    for (const go of group) go()
  }

  return (work) =>
    new Promise((resolve, reject) => {
      const there = new AsyncResource('convoy')
      const go = (): void => {
        underWay++
        const done = there.runInAsyncScope(async () => work())
        void done.then(resolve, reject).finally(() => {
          if (--underWay === 0 && waiting.length > 0) setImmediate(leave)
        })
      }
      if (underWay < few && waiting.length === 0) return go()
      waiting.push(go)
      timer ??= setTimeout(leave, longest)
    })
}
