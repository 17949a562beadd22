import { setTimeout as pause } from 'node:timers/promises'
import type { Broker, Listener, Listening } from './kafka.ts'
import type { Logger } from './log.ts'

type Helpers = { broker: Pick<Broker, 'listen'>; log: Logger }

/**
 * Listens to a topic from its beginning on, in the background: Kafka may come later. `ready` makes the topics that are
 * needed, until `signal` says to stop.
 */
export function listening(
  { broker, log }: Helpers,
  ready: (signal: AbortSignal) => Promise<void>,
  wish: Pick<Listening, 'groupId' | 'topic' | 'onBatch'>,
) {
  const stop = new AbortController()
  const { signal } = stop

  async function start(): Promise<Listener | undefined> {
    while (!signal.aborted)
      try {
        await ready(signal)
        return await broker.listen({ ...wish, fromBeginning: true, maxWaitTime: 250, signal })
      } catch (error) {
        if (signal.aborted) break
        log.error({ err: error, topic: wish.topic }, 'cannot listen yet')
        await pause(1000, undefined, { signal }).catch(() => {}) // told to stop: the loop sees it
      }
    return undefined
  }

  const listener = start()
  return {
    /** Stops after the batch under way. */
    close: async (): Promise<void> => {
      stop.abort()
      await (await listener)?.close()
    },
  }
}
