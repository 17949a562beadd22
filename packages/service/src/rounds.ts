import type { Logger } from './log.ts'

/** How long a stop waits for the round that is under way, in milliseconds. */
const STOP_WITHIN = 3000

export type Rounds = ReturnType<typeof rounds>

/**
 * Does some work at once and again after each pause of so many milliseconds, never twice at a time. What fails is logged
 * and done again after the pause.
 */
export function rounds(name: string, pause: number, work: () => Promise<void>, log: Logger) {
  let asked = false
  let stopped = false
  let wake = (): void => {}

  const nap = (): Promise<void> =>
    new Promise((resolve) => {
      const timer = setTimeout(resolve, pause)
      wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })

  const run = async (): Promise<void> => {
    while (!stopped || asked)
      try {
        asked = false
        await work()
        if (!asked && !stopped) await nap()
      } catch (error) {
        log.warn({ err: error, work: name }, 'did not go well: again soon')
        // What made it fail will not be better for being asked: the whole pause.
        if (!stopped) await new Promise((resolve) => setTimeout(resolve, pause))
      }
  }
  const done = Promise.resolve().then(run)

  return {
    /** Asks for a round without waiting for the pause. */
    soon: (): void => {
      asked = true
      wake()
    },
    /** Ends after the round that is under way and the one that was asked for, or 3 s. */
    stop: async (): Promise<void> => {
      stopped = true
      wake()
      const { promise: late, resolve } = Promise.withResolvers<void>()
      const timer = setTimeout(resolve, STOP_WITHIN)
      await Promise.race([done, late])
      clearTimeout(timer)
    },
  }
}
