import type { Logger } from '@halles/telemetry/log'
import { waitAtMost } from './with-timeout.ts'

/** How long `stop` waits for the run in progress, in milliseconds. */
const STOP_TIMEOUT = 3000

export type PollingWorker = ReturnType<typeof pollEvery>

/**
 * Starts a polling worker: runs `work` at once, and again after each pause of `interval` milliseconds, never concurrently. A
 * failed run is logged, and repeated after the pause.
 */
export function pollEvery(name: string, interval: number, work: () => Promise<void>, log: Logger) {
  let isRequested = false
  let stopped = false
  let endPause = (): void => {}

  const pause = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, interval)
      endPause = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  const poll = async (): Promise<void> => {
    while (!stopped || isRequested)
      try {
        isRequested = false
        await work()
        if (!isRequested && !stopped) await pause()
      } catch (error) {
        log.warn({ err: error, work: name }, 'background work failed: retrying after the pause')
        // A request to run does not end this pause: the cause of the failure probably persists.
        if (!stopped) await new Promise((resolve) => setTimeout(resolve, interval))
      }
  }
  const done = Promise.resolve().then(poll)

  return {
    /** Requests a run without waiting for the end of the pause. */
    wake: (): void => {
      isRequested = true
      endPause()
    },
    /** Stops after the run in progress and a requested one, or after 3 s. */
    stop: async (): Promise<void> => {
      stopped = true
      endPause()
      await waitAtMost(done, STOP_TIMEOUT)
    },
  }
}
