import {
  ACCOUNT_DELETIONS,
  ACCOUNT_DELETIONS_PARTITIONS,
  ACCOUNT_DELETIONS_SETTINGS,
  parseAccountDeletion,
} from '@halles/contracts/account-deletions'
import type { Broker, Incoming } from '@halles/service/kafka'
import { listening } from '@halles/service/listening'
import type { Logger } from '@halles/service/log'
import type { Orders } from './orders.ts'

type Helpers = { broker: Pick<Broker, 'ensureTopic' | 'listen'>; orders: Pick<Orders, 'forget'>; log: Logger }

/** The topic, and the group that remembers how far it was read. */
export type Subscription = { topic: string; groupId: string }

const accountDeletions: Subscription = { topic: ACCOUNT_DELETIONS, groupId: 'order-service' }

/**
 * Forgets who customers were whose account was deleted, in the background: Kafka may come later. A batch is acknowledged
 * when that is done; done twice it is the same. What is no such event is only logged: notification-service, which hears the
 * same topic, parks it.
 */
export function listenToDeletions({ broker, orders, log }: Helpers, { topic, groupId } = accountDeletions) {
  const userIn = ({ value, partition, offset }: Incoming): string[] => {
    try {
      return [parseAccountDeletion(value ?? '').subject]
    } catch (error) {
      log.error({ topic, partition, offset, reason: (error as Error).message }, 'message left to its parking')
      return []
    }
  }
  return listening(
    { broker, log },
    (signal) => broker.ensureTopic(topic, ACCOUNT_DELETIONS_PARTITIONS, signal, ACCOUNT_DELETIONS_SETTINGS),
    { topic, groupId, onBatch: (messages) => orders.forget(messages.flatMap(userIn)) },
  )
}
