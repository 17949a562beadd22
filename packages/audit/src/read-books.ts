import { ORDER_EVENTS, ORDER_EVENTS_DLQ } from '@halles/contracts/order-events'
import type { Access } from '@halles/service/config'
import type { Books } from './books.ts'
import { readCollections, type Databases } from './read-collections.ts'
import { readTopics, type Topics } from './read-topics.ts'

export type Addresses = {
  /** A replica set: mongodb://…, the name of a database in it does not matter. */
  mongodb: string
  /** host:port, several by commas. */
  kafka: string
  /** How to get into Kafka, where not everyone does. */
  access?: Access
  databases?: Partial<Databases>
  topics?: Partial<Topics>
}

const usualTopics: Topics = { events: ORDER_EVENTS, deadLetters: ORDER_EVENTS_DLQ }
const usualDatabases: Databases = {
  product: 'halles_product',
  order: 'halles_order',
  notification: 'halles_notification',
}

/**
 * Reads the shop's books: the databases at one moment, then the topics. In this order a shop that goes on selling
 * does no harm: what the databases say was told is on the topics by then, and what is on the topics beyond that is
 * younger than `readAt`.
 *
 * @throws Error with a sentence when MongoDB or Kafka does not answer.
 */
export async function readBooks({ mongodb, kafka, access, databases, topics }: Addresses): Promise<Books> {
  const collections = await readCollections(mongodb, { ...usualDatabases, ...databases }).catch((error: unknown) => {
    throw new Error(`MongoDB at ${withoutSecrets(mongodb)} cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  })
  const told = await readTopics(kafka, { ...usualTopics, ...topics }, access).catch((error: unknown) => {
    throw new Error(`Kafka at ${kafka} cannot be read: ${(error as Error).message}`, { cause: error })
  })
  return { ...collections, ...told }
}

/** A mongodb:// URL as it may be shown. */
const withoutSecrets = (url: string): string => url.replace(/\/\/[^@/]*@/, '//').replace(/\?.*$/, '')
