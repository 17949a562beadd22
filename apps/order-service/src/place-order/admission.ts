import { AsyncResource } from 'node:async_hooks'
import { AppError } from '@halles/errors/app-error'

/** How long a task waits for the group before it, in milliseconds: several times what a group takes. */
const MAX_WAIT = 200
/** With fewer tasks in flight, batches are small whether tasks wait or not: none waits. */
const DIRECT_LIMIT = 4
/** The most tasks in flight and waiting: several times as many as are in flight under the highest load. */
const MAX_TASKS = 1000

/** Runs a task, at once or with the next group; gives back what the task gives. */
export type Admit = <T>(task: () => Promise<T>) => Promise<T>

/**
 * Creates an admission control that starts concurrent tasks in groups. Fewer than `directLimit` tasks in flight start
 * at once. Beyond that, new tasks wait until all tasks in flight have ended, or for `maxWait` milliseconds, so that a
 * slow one does not hold up the rest; then all that wait start together.
 *
 * With `maxTasks` tasks in flight or waiting, which only an outage behind this service causes, a new one is refused at once.
 *
 * Tasks that start together reach each of their batched steps (`createBatcher`) together, so a step is one batch as
 * large as the group. Tasks that start at any time are spread over the steps, with a small batch at each.
 *
 * @throws AppError `UNAVAILABLE` when a task is refused; else what the task throws
 */
export function admitInBatches({ maxWait = MAX_WAIT, directLimit = DIRECT_LIMIT, maxTasks = MAX_TASKS } = {}): Admit {
  let waiting: (() => void)[] = []
  let inFlight = 0
  let timer: NodeJS.Timeout | undefined

  const startGroup = (): void => {
    clearTimeout(timer)
    timer = undefined
    const group = waiting
    waiting = []
    for (const start of group) start()
  }

  return (task) =>
    new Promise((resolve, reject) => {
      if (inFlight + waiting.length >= maxTasks)
        return reject(new AppError('UNAVAILABLE', 'Too many orders are being placed right now: try again in a moment.'))
      const callerContext = new AsyncResource('admission')
      const start = (): void => {
        inFlight++
        const done = callerContext.runInAsyncScope(async () => task())
        void done.then(resolve, reject).finally(() => {
          if (--inFlight === 0 && waiting.length > 0) setImmediate(startGroup)
        })
      }
      if (inFlight < directLimit && waiting.length === 0) return start()
      waiting.push(start)
      timer ??= setTimeout(startGroup, maxWait)
    })
}
