import { setTimeout as pause } from 'node:timers/promises'
import { MongoClient, MongoServerError, type ClientSession, type Document, type Filter } from 'mongodb'
import type { TObject } from 'typebox'
import { Compile } from 'typebox/compile'
import {
  AccountEmail,
  Email,
  ListedDeadLetter,
  Movement,
  Order,
  Product,
  Reservation,
  type Snapshot,
  type InvalidDocument,
} from './snapshot.ts'

/** The names of the databases on the server. */
export type Databases = { product: string; order: string; notification: string }

/** MongoDB's error codes SnapshotUnavailable (a collection was just created) and SnapshotTooOld. */
const RETRYABLE = new Set([246, 239])

/**
 * Reads the databases of all services at one point in time, in a snapshot session of the replica set. So an effect in one
 * database is never seen without its cause in another.
 *
 * @throws Error when no server answers within 5 s.
 */
export async function readCollections(
  url: string,
  databases: Databases,
): Promise<
  Pick<
    Snapshot,
    | 'readAt'
    | 'products'
    | 'movements'
    | 'reservations'
    | 'orders'
    | 'emails'
    | 'accountEmails'
    | 'listedDeadLetters'
    | 'invalidDocuments'
  >
> {
  const client = new MongoClient(url, {
    appName: 'reconciliation',
    serverSelectionTimeoutMS: 5000,
    connectTimeoutMS: 5000,
    socketTimeoutMS: 60_000,
  })
  try {
    await client.connect()
    for (let attempt = 1; ; attempt++)
      try {
        return await client.withSession({ snapshot: true }, (session) => readAll(client, session, databases))
      } catch (error) {
        if (!(error instanceof MongoServerError) || !RETRYABLE.has(Number(error.code)) || attempt === 5) throw error
        await pause(200)
      }
  } finally {
    await client.close()
  }
}

async function readAll(client: MongoClient, session: ClientSession, { product, order, notification }: Databases) {
  const readAt = new Date()
  const invalidDocuments: InvalidDocument[] = []
  /** Reads the known fields of the documents that match a filter. Documents of another shape are collected separately. */
  const readDocuments = async <T extends object>(
    database: string,
    collection: string,
    shape: TObject,
    filter: Filter<Document> = {},
  ): Promise<T[]> => {
    const validator = Compile(shape)
    const projection = Object.fromEntries(Object.keys(shape.properties).map((field) => [field, 1]))
    const cursor = client.db(database).collection(collection).find(filter, { session, projection, batchSize: 5000 })
    const documents: T[] = []
    for await (const document of cursor)
      if (validator.Check(document)) documents.push(document)
      else {
        const [first] = validator.Errors(document)
        invalidDocuments.push({
          collection,
          id: String(document._id),
          reason: `${first?.instancePath || '/'} ${first?.message}`,
        })
      }
    return documents
  }
  return {
    readAt,
    products: await readDocuments<Product>(product, 'products', Product),
    movements: await readDocuments<Movement>(product, 'movements', Movement),
    reservations: await readDocuments<Reservation>(product, 'reservations', Reservation),
    orders: await readDocuments<Order>(order, 'orders', Order),
    emails: await readDocuments<Email>(notification, 'emails', Email, { account: { $exists: false } }),
    accountEmails: await readDocuments<AccountEmail>(notification, 'emails', AccountEmail, {
      account: { $exists: true },
    }),
    listedDeadLetters: await readDocuments<ListedDeadLetter>(notification, 'deadLetters', ListedDeadLetter),
    invalidDocuments,
  }
}
