import { AsyncResource } from 'node:async_hooks'

/** How long a group keeps the next one waiting, in milliseconds: several times what a group takes. */
const LONGEST = 200

/**
 * Lets work go in groups: what comes while a group is under way waits, and goes together once all of that group has ended,
 * or `longest` milliseconds after it left, for what is slow must not hold up the rest. Work that comes alone goes at once.
 *
 * What has left together takes its steps together, so that each step is one batch as large as the group where work that
 * comes and goes as it likes would be spread over the steps, with a small batch at each.
 */
export function convoy(longest = LONGEST): <T>(work: () => Promise<T>) => Promise<T> {
  let waiting: (() => Promise<void>)[] = []
  let idle = true

  const leave = async (): Promise<void> => {
    const group = waiting
    waiting = []
    const { promise: longEnough, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, longest)
    await Promise.race([Promise.all(group.map((go) => go())), longEnough])
    clearTimeout(timer)
    idle = waiting.length === 0
    if (!idle) setImmediate(() => void leave())
  }

  return (work) =>
    new Promise((resolve, reject) => {
      const there = new AsyncResource('convoy')
      waiting.push(() => there.runInAsyncScope(async () => work()).then(resolve, reject))
      if (!idle) return
      idle = false
      setImmediate(() => void leave())
    })
}
