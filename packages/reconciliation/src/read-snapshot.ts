import { ORDER_EVENTS, ORDER_EVENTS_DLQ } from '@halles/contracts/order-events'
import type { KafkaCredentials } from '@halles/config/config'
import type { Snapshot } from './snapshot.ts'
import { readCollections, type Databases } from './read-collections.ts'
import { readTopics, type Topics } from './read-topics.ts'

export type Addresses = {
  /** The mongodb:// URL of a replica set. The name of a database in it is ignored. */
  mongodb: string
  /** host:port, several separated by commas. */
  kafka: string
  /** The credentials for Kafka, if it requires authentication. */
  access?: KafkaCredentials
  databases?: Partial<Databases>
  topics?: Partial<Topics>
}

const defaultTopics: Topics = { events: ORDER_EVENTS, deadLetters: ORDER_EVENTS_DLQ }
const defaultDatabases: Databases = {
  product: 'halles_product',
  order: 'halles_order',
  notification: 'halles_notification',
}

/**
 * Reads the databases of all services at one point in time, then the topics. This order is safe while the shop sells: the
 * events that the databases report as published are on the topics by then, and further ones are younger than `readAt`.
 *
 * @throws Error with a sentence for the user when MongoDB or Kafka does not answer.
 */
export async function readSnapshot({ mongodb, kafka, access, databases, topics }: Addresses): Promise<Snapshot> {
  const collections = await readCollections(mongodb, { ...defaultDatabases, ...databases }).catch((error: unknown) => {
    throw new Error(`MongoDB at ${withoutSecrets(mongodb)} cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  })
  const messages = await readTopics(kafka, { ...defaultTopics, ...topics }, access).catch((error: unknown) => {
    throw new Error(`Kafka at ${kafka} cannot be read: ${(error as Error).message}`, { cause: error })
  })
  return { ...collections, ...messages }
}

/** A mongodb:// URL without credentials and options. */
const withoutSecrets = (url: string): string => url.replace(/\/\/[^@/]*@/, '//').replace(/\?.*$/, '')
