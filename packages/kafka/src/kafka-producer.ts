import { Partitioners, type Kafka, type Producer } from 'kafkajs'
import type { OutgoingMessage } from './kafka-messages.ts'
import { sendRetry, waitToClose } from './kafka-settings.ts'
import type { Logger } from '@halles/telemetry/log'

/** Whether a send failed because a message exceeds the topic's size limit: a retry would fail again. */
export const isTooLarge = (error: unknown): boolean =>
  error instanceof Error &&
  (('type' in error && error.type === 'MESSAGE_TOO_LARGE') || (error.cause !== error && isTooLarge(error.cause)))

export type Publisher = {
  /**
   * Resolves when every message is stored on the topic, in order. Rejects when that is unknown, such as after some seconds
   * of a Kafka outage. Calls are queued and sent one at a time.
   */
  send: (topic: string, messages: OutgoingMessage[]) => Promise<void>
  /** Waits at most 3 s for the sends in flight; later sends are rejected. */
  close: () => Promise<void>
}

/**
 * Creates an idempotent producer with at most one send in flight: with several, kafkajs 2.2.4 loses acknowledged messages when
 * a request times out. After an error the producer is replaced, and the caller sends the same batch again.
 */
export function createPublisher(kafka: Kafka, log: Logger): Publisher {
  let current: Promise<Producer> | undefined
  let last: Promise<unknown> = Promise.resolve()
  let closed = false

  const connect = async (): Promise<Producer> => {
    const producer = kafka.producer({
      idempotent: true,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
      retry: sendRetry,
    })
    await producer.connect()
    return producer
  }

  const disconnect = async (): Promise<void> => {
    const producer = current
    current = undefined
    await producer?.then(
      (connected) => connected.disconnect(),
      () => {}, // it never connected
    )
  }

  const send = async (topic: string, messages: OutgoingMessage[]): Promise<void> => {
    if (closed) throw new Error('This publisher is closed.')
    try {
      const producer = await (current ??= connect())
      await producer.send({ topic, messages, acks: -1 })
    } catch (error) {
      if (isTooLarge(error)) throw error // rejected before anything was written, so the producer can be kept
      log.warn({ err: error, topic, messages: messages.length }, 'send failed: replacing the producer')
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
