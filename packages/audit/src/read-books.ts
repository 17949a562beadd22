import type { Books } from './books.ts'
import { readCollections, type Databases } from './read-collections.ts'
import { readTopics } from './read-topics.ts'

export type Addresses = {
  /** A replica set: mongodb://…, the name of a database in it does not matter. */
  mongodb: string
  /** host:port, several by commas. */
  kafka: string
  databases?: Partial<Databases>
}

const usual: Databases = { product: 'halles_product', order: 'halles_order', notification: 'halles_notification' }

/**
 * Reads the shop's books: the databases at one moment, then the topics. In this order a shop that goes on selling
 * does no harm: what the databases say was told is on the topics by then, and what is on the topics beyond that is
 * younger than `readAt`.
 *
 * @throws Error with a sentence when MongoDB or Kafka does not answer.
 */
export async function readBooks({ mongodb, kafka, databases }: Addresses): Promise<Books> {
  const collections = await readCollections(mongodb, { ...usual, ...databases }).catch((error: unknown) => {
    throw new Error(`MongoDB at ${withoutSecrets(mongodb)} cannot be read: ${(error as Error).message}`, {
      cause: error,
    })
  })
  const topics = await readTopics(kafka).catch((error: unknown) => {
    throw new Error(`Kafka at ${kafka} cannot be read: ${(error as Error).message}`, { cause: error })
  })
  return { ...collections, ...topics }
}

/** A mongodb:// URL as it may be shown. */
const withoutSecrets = (url: string): string => url.replace(/\/\/[^@/]*@/, '//').replace(/\?.*$/, '')
