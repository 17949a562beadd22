import { setTimeout as pause } from 'node:timers/promises'
import { MongoClient, MongoServerError, type ClientSession, type Document, type Filter } from 'mongodb'
import type { TObject } from 'typebox'
import { Compile } from 'typebox/compile'
import {
  AccountLetter,
  Letter,
  Listed,
  Movement,
  Order,
  Product,
  Reservation,
  type Books,
  type Misfit,
} from './books.ts'

/** The names of the databases on the server. */
export type Databases = { product: string; order: string; notification: string }

/** MongoDB's codes for a snapshot that cannot be read: a collection was made a moment ago; it is too old. */
const TRY_AGAIN = new Set([246, 239])

/**
 * Reads the databases of all services at one and the same moment (a snapshot of the replica set), so that what one
 * service has done because of another is never seen without its cause.
 *
 * @throws Error when no server answers within 5 s.
 */
export async function readCollections(
  url: string,
  databases: Databases,
): Promise<
  Pick<
    Books,
    | 'readAt'
    | 'products'
    | 'movements'
    | 'reservations'
    | 'orders'
    | 'letters'
    | 'accountLetters'
    | 'listed'
    | 'misfits'
  >
> {
  const client = new MongoClient(url, {
    appName: 'audit',
    serverSelectionTimeoutMS: 5000,
    connectTimeoutMS: 5000,
    socketTimeoutMS: 60_000,
  })
  try {
    await client.connect()
    for (let tries = 1; ; tries++)
      try {
        return await client.withSession({ snapshot: true }, (session) => readAll(client, session, databases))
      } catch (error) {
        if (!(error instanceof MongoServerError) || !TRY_AGAIN.has(Number(error.code)) || tries === 5) throw error
        await pause(200)
      }
  } finally {
    await client.close()
  }
}

async function readAll(client: MongoClient, session: ClientSession, { product, order, notification }: Databases) {
  const readAt = new Date()
  const misfits: Misfit[] = []
  /** All documents of a collection, or those of a kind, their known fields only; what does not fit is set aside. */
  const all = async <T extends object>(
    database: string,
    collection: string,
    shape: TObject,
    kind: Filter<Document> = {},
  ): Promise<T[]> => {
    const fits = Compile(shape)
    const projection = Object.fromEntries(Object.keys(shape.properties).map((field) => [field, 1]))
    const found = client.db(database).collection(collection).find(kind, { session, projection, batchSize: 5000 })
    const documents: T[] = []
    for await (const document of found)
      if (fits.Check(document)) documents.push(document)
      else {
        const [first] = fits.Errors(document)
        misfits.push({ collection, id: String(document._id), why: `${first?.instancePath || '/'} ${first?.message}` })
      }
    return documents
  }
  return {
    readAt,
    products: await all<Product>(product, 'products', Product),
    movements: await all<Movement>(product, 'movements', Movement),
    reservations: await all<Reservation>(product, 'reservations', Reservation),
    orders: await all<Order>(order, 'orders', Order),
    letters: await all<Letter>(notification, 'letters', Letter, { account: { $exists: false } }),
    accountLetters: await all<AccountLetter>(notification, 'letters', AccountLetter, { account: { $exists: true } }),
    listed: await all<Listed>(notification, 'deadLetters', Listed),
    misfits,
  }
}
