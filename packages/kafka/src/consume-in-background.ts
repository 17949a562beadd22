import { setTimeout as pause } from 'node:timers/promises'
import type { KafkaClient, RunningConsumer, ConsumerOptions } from './kafka.ts'
import type { Logger } from '@halles/telemetry/log'

type Deps = { broker: Pick<KafkaClient, 'consume'>; log: Logger }

/**
 * Consumes a topic from its beginning, in the background, so that a service starts during a Kafka outage. `prepare` creates the
 * topics that are needed, and rejects when its signal is aborted.
 */
export function consumeInBackground(
  { broker, log }: Deps,
  prepare: (signal: AbortSignal) => Promise<void>,
  subscription: Pick<ConsumerOptions, 'groupId' | 'topic' | 'onBatch'>,
) {
  const abort = new AbortController()
  const { signal } = abort

  async function start(): Promise<RunningConsumer | undefined> {
    while (!signal.aborted)
      try {
        await prepare(signal)
        return await broker.consume({ ...subscription, fromBeginning: true, maxWaitTime: 250, signal })
      } catch (error) {
        if (signal.aborted) break
        log.error({ err: error, topic: subscription.topic }, 'consumer cannot start: retrying')
        await pause(1000, undefined, { signal }).catch(() => {}) // aborted: the loop ends
      }
    return undefined
  }

  const consumer = start()
  return {
    /** Stops after the batch in flight. */
    close: async (): Promise<void> => {
      abort.abort()
      await (await consumer)?.close()
    },
  }
}
