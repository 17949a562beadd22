import {
  ACCOUNT_DELETIONS,
  ACCOUNT_DELETIONS_PARTITIONS,
  ACCOUNT_DELETIONS_SETTINGS,
  parseAccountDeletion,
} from '@halles/contracts/account-deletions'
import type { KafkaClient, IncomingMessage } from '@halles/kafka/kafka'
import { consumeInBackground } from '@halles/kafka/consume-in-background'
import type { Logger } from '@halles/telemetry/log'
import type { OrderStore } from './orders.ts'

type Deps = {
  kafka: Pick<KafkaClient, 'ensureTopic' | 'consume'>
  orders: Pick<OrderStore, 'anonymizeCustomers'>
  log: Logger
}

/** A topic, and the consumer group whose offsets Kafka stores. */
export type ConsumerGroup = { topic: string; groupId: string }

const defaultGroup: ConsumerGroup = { topic: ACCOUNT_DELETIONS, groupId: 'order-service' }

/**
 * Consumes `account-deletions` in the background, also if Kafka comes up later, and anonymizes the orders of each
 * deleted account. Offsets are committed after that; the write is idempotent. An invalid message is logged and skipped:
 * the consumer in notification-service dead-letters it.
 */
export function consumeAccountDeletions({ kafka, orders, log }: Deps, { topic, groupId } = defaultGroup) {
  const parseUserIds = ({ value, partition, offset }: IncomingMessage): string[] => {
    try {
      return [parseAccountDeletion(value ?? '').subject]
    } catch (error) {
      const reason = (error as Error).message
      log.error({ topic, partition, offset, reason }, 'invalid message skipped: notification-service dead-letters it')
      return []
    }
  }
  return consumeInBackground(
    { broker: kafka, log },
    (signal) => kafka.ensureTopic(topic, ACCOUNT_DELETIONS_PARTITIONS, signal, ACCOUNT_DELETIONS_SETTINGS),
    { topic, groupId, onBatch: (messages) => orders.anonymizeCustomers(messages.flatMap(parseUserIds)) },
  )
}
