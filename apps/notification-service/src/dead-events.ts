import type { Broker, Incoming } from '@halles/service/kafka'
import { listening } from '@halles/service/listening'
import type { Logger } from '@halles/service/log'
import { deadLetterIn } from './dead-letter.ts'
import type { DeadLetters } from './dead-letters.ts'
import { orderEvents, readyDlq } from './events.ts'

type Helpers = {
  broker: Pick<Broker, 'ensureTopic' | 'listen'>
  deadLetters: Pick<DeadLetters, 'add'>
  log: Logger
  now?: () => Date
}

/**
 * Records what stands on the dead-letter queue, whoever parked it, in the background: Kafka may come later. A batch is
 * acknowledged when all of it is recorded or known.
 */
export function listenToDlq({ broker, deadLetters, log, now = () => new Date() }: Helpers, subscription = orderEvents) {
  const { topic, dlq, groupId } = subscription
  return listening({ broker, log }, (signal) => readyDlq(broker, dlq, signal), {
    groupId: `${groupId}-dlq`,
    topic: dlq,
    onBatch: async (messages: Incoming[]) => {
      await deadLetters.add(messages.map((message) => deadLetterIn(message, topic, now())))
      log.info({ topic: dlq, count: messages.length }, 'dead letters recorded')
    },
  })
}
