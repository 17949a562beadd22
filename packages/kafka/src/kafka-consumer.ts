import type { Consumer, LogEntry } from 'kafkajs'
import { toTimestampedMessage, type TimestampedMessage } from './kafka-messages.ts'
import { HEARTBEAT_INTERVAL, retry, waitToClose, type CreateClient } from './kafka-settings.ts'
import type { Logger } from '@halles/telemetry/log'
import { rejectOnAbort } from '@halles/concurrency/with-timeout'

export type ConsumerOptions = {
  groupId: string
  topic: string
  /** Where a new group starts: at the beginning of the topic (default), or at its end. */
  fromBeginning?: boolean
  /** Where a consumer starts instead, in a group that stores no offsets yet. */
  startOffsets?: readonly { partition: number; offset: string }[]
  /** Processes a batch, in order. Its offsets are committed when it resolves; it is delivered again when it rejects. */
  onBatch: (messages: TimestampedMessage[]) => Promise<void>
  /** Session and rebalance timeouts in milliseconds; the defaults suit production. */
  sessionTimeout?: number
  rebalanceTimeout?: number
  maxWaitTime?: number
  /** Aborts the wait for Kafka: `consume` then rejects with the signal's reason. */
  signal?: AbortSignal
}

export type RunningConsumer = { close: () => Promise<void> }

/**
 * Whether kafkajs logs that a topic does not exist (any more) on the broker that served it. The consumer recovers by itself,
 * reports this in no other way, and would continue in a new topic of the same name at its position in the old one.
 */
const isUnknownTopic = ({ log: { message, error } }: LogEntry): boolean =>
  message.startsWith('Response Fetch(') && error === 'This server does not host this topic-partition'

/**
 * Consumes a topic as a member of a group until closed. After a crash from which kafkajs does not recover, a new consumer is
 * created; so it is when the topic was deleted. Kafka deletes the group's offsets with the topic, so that the new consumer begins
 * at the beginning of a new topic of that name.
 */
export async function consume(
  createClient: CreateClient,
  log: Logger,
  { groupId, topic, fromBeginning = true, startOffsets = [], onBatch, signal, ...timing }: ConsumerOptions,
): Promise<RunningConsumer> {
  let consumer: Consumer | undefined
  let closed = false
  let restarting = false
  const unused = [...startOffsets]

  const kafka = createClient(retry, (entry) => {
    if (closed || restarting || !isUnknownTopic(entry)) return
    log.warn({ topic }, 'the topic was deleted or moved: creating a new consumer')
    void restart()
  })

  const start = async (): Promise<void> => {
    const created = kafka.consumer({
      groupId,
      sessionTimeout: timing.sessionTimeout ?? 10_000,
      heartbeatInterval: HEARTBEAT_INTERVAL,
      rebalanceTimeout: timing.rebalanceTimeout ?? 3000,
      maxWaitTimeInMs: timing.maxWaitTime ?? 500,
      allowAutoTopicCreation: false,
      retry: { ...retry, restartOnFailure: () => Promise.resolve(true) },
    })
    consumer = created
    created.on(created.events.CRASH, ({ payload }) => {
      if (payload.restart || closed || restarting) return
      log.error({ err: payload.error, topic }, 'consumer crashed: creating a new one')
      void restart()
    })
    const steps = [
      () => created.connect(),
      () => created.subscribe({ topic, fromBeginning }),
      () =>
        created.run({
          eachBatchAutoResolve: true,
          eachBatch: async ({ batch, ...member }) => {
            // A batch may take longer than the session timeout: without heartbeats its partition would be reassigned. A failed
            // heartbeat is ignored, because the next fetch fails too.
            if (restarting) throw new Error('this consumer is being replaced')
            const timer = setInterval(() => void member.heartbeat().catch(() => {}), HEARTBEAT_INTERVAL)
            try {
              await onBatch(
                batch.messages.map((message) => toTimestampedMessage(batch.topic, batch.partition, message)),
              )
            } finally {
              clearInterval(timer)
            }
          },
        }),
    ]
    for (const step of steps) {
      await step()
      if (closed) return created.disconnect() // otherwise it would join the group after `close`
    }
    for (const start of unused.splice(0)) created.seek({ topic, ...start })
  }

  const restart = async (): Promise<void> => {
    restarting = true
    for (let backoff = 100; !closed; backoff = Math.min(backoff * 2, 5000))
      try {
        await consumer?.disconnect()
        restarting = false
        return await start()
      } catch (error) {
        log.warn({ err: error, topic }, 'consumer cannot start: retrying')
        await new Promise((resolve) => setTimeout(resolve, backoff))
      }
  }

  const close = async (): Promise<void> => {
    closed = true
    await waitToClose(consumer?.disconnect())
  }
  try {
    await rejectOnAbort(start(), signal)
  } catch (error) {
    await close()
    throw error
  }
  return { close }
}
