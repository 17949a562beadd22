import { backoff } from '@halles/concurrency/backoff'
import { Partitioners, type ICustomPartitioner, type Kafka, type Producer } from 'kafkajs'
import type { OutgoingMessage } from './kafka-messages.ts'
import { waitToClose } from './kafka-settings.ts'
import type { Logger } from '@halles/telemetry/log'

/** A send that fails later than this, in milliseconds, is not tried again: longer than a frozen broker is waited for. */
const RETRY_TIME = 6000
/** The pauses between the attempts, in milliseconds. */
const PAUSE = { base: 200, cap: 2000 }

/** Whether a send failed because a message exceeds the topic's size limit: a retry would fail again. */
export const isTooLarge = (error: unknown): boolean =>
  error instanceof Error &&
  (('type' in error && error.type === 'MESSAGE_TOO_LARGE') || (error.cause !== error && isTooLarge(error.cause)))

export type Publisher = {
  /**
   * Resolves when every message is stored on the topic, those of a key in order, perhaps more than once. Rejects when that is
   * unknown, such as after some seconds of a Kafka outage. Calls are queued and sent one at a time.
   */
  send: (topic: string, messages: OutgoingMessage[]) => Promise<void>
  /** Waits at most 3 s for the sends in flight; later sends are rejected. */
  close: () => Promise<void>
}

/** A producer, and the partitions that it chose for the messages of its last send. */
type Connection = { producer: Producer; chosen: Set<number> }

/**
 * Creates a publisher that repeats a failed send as a whole, so a message may be stored twice. kafkajs 2.2.4 may not repeat it:
 * it remembers which brokers have answered, not which partitions, and reports messages as sent whose partition has moved to a
 * broker that had answered already. It has no idempotent producer that does not repeat by itself:
 * docs/decisions/0031-repeat-failed-sends-without-idempotence.md. When a send is given up, the producer is replaced.
 */
export function createPublisher(kafka: Pick<Kafka, 'producer'>, log: Logger): Publisher {
  let current: Promise<Connection> | undefined
  let last: Promise<unknown> = Promise.resolve()
  let closed = false

  const connect = async (): Promise<Connection> => {
    const chosen = new Set<number>()
    const createPartitioner: ICustomPartitioner = () => {
      const choosePartition = Partitioners.DefaultPartitioner()
      return (message) => {
        const partition = choosePartition(message)
        chosen.add(partition)
        return partition
      }
    }
    const producer = kafka.producer({ allowAutoTopicCreation: false, createPartitioner, retry: { retries: 0 } })
    await producer.connect()
    return { producer, chosen }
  }

  const disconnect = async (): Promise<void> => {
    const connection = current
    current = undefined
    await connection?.then(
      ({ producer }) => producer.disconnect(),
      () => {}, // it never connected
    )
  }

  const sendOnce = async (topic: string, messages: OutgoingMessage[]): Promise<void> => {
    const { producer, chosen } = await (current ??= connect())
    chosen.clear()
    const responses = await producer.send({ topic, messages, acks: -1 })
    const acknowledged = new Set(responses.map(({ partition }) => partition))
    const missing = [...chosen].filter((partition) => !acknowledged.has(partition))
    if (missing.length > 0) throw new Error(`Kafka has not acknowledged the messages of partitions ${missing.join()}.`)
  }

  const send = async (topic: string, messages: OutgoingMessage[]): Promise<void> => {
    const began = performance.now()
    for (let failures = 0; ; await backoff(failures, PAUSE))
      try {
        if (closed) throw new Error('This publisher is closed.')
        return await sendOnce(topic, messages)
      } catch (error) {
        if (closed || isTooLarge(error)) throw error
        failures++
        log.warn({ err: error, topic, messages: messages.length, failures }, 'send failed')
        if (performance.now() - began < RETRY_TIME) continue
        await disconnect()
        throw error
      }
  }

  return {
    send: (topic, messages) => {
      const sent = last.then(() => send(topic, messages))
      last = sent.catch(() => {}) // the caller handles the error; the next send is independent of it
      return sent
    },
    close: async () => {
      closed = true
      await waitToClose(last.then(disconnect))
    },
  }
}
