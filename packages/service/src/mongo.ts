import { setTimeout as pause } from 'node:timers/promises'
import { MongoClient, MongoServerError, type Collection, type Db, type Document, type Filter } from 'mongodb'
import { COUNTED, cursorsOf, type Page, type PageWish, type Place } from './page.ts'

/** How long a service waits for MongoDB when it starts, in milliseconds. */
const START_WITHIN = 30_000

/** How long closing waits for a server that does not answer, in milliseconds: then it is left to the process's end. */
const CLOSE_WITHIN = 2000

/** A service's own database. `ping` rejects when it does not answer. */
export type Mongo = { client: MongoClient; db: Db; ping: () => Promise<void>; close: () => Promise<void> }

/**
 * Opens the database that `url` names, and waits until it has a primary. Writes and reads are `majority` unless a call
 * says otherwise; `appName` names this service in MongoDB's own lists.
 *
 * @throws Error with a sentence when there is no primary within 30 s, or it does not let this user in.
 */
export async function openMongo(url: string, appName: string): Promise<Mongo> {
  const client = new MongoClient(url, {
    appName,
    writeConcern: { w: 'majority' },
    readConcern: { level: 'majority' },
    serverSelectionTimeoutMS: 3000,
    connectTimeoutMS: 2000,
    socketTimeoutMS: 20_000,
    waitQueueTimeoutMS: 5000,
    maxPoolSize: 50,
    ignoreUndefined: true,
  })
  const db = client.db()
  const ping = async (): Promise<void> => void (await db.command({ ping: 1 }, { timeoutMS: 2000 }))
  const close = async (): Promise<void> =>
    Promise.race([client.close(), pause(CLOSE_WITHIN, undefined, { ref: false })])
  const deadline = Date.now() + START_WITHIN
  for (;;)
    try {
      await ping()
      return { client, db, ping, close }
    } catch (error) {
      const isRefused = error instanceof MongoServerError && error.codeName === 'AuthenticationFailed'
      if (!isRefused && Date.now() < deadline) continue // server selection has waited already
      await client.close()
      const hosts = client.options.hosts.map(String).join(', ')
      if (isRefused)
        throw new Error(
          `MongoDB at ${hosts} does not let us in: are user, password and authSource in MONGODB_URL right?`,
          {
            cause: error,
          },
        )
      throw new Error(`MongoDB at ${hosts} has no primary: is it running, and its replica set initiated?`, {
        cause: error,
      })
    }
}

/** MongoDB's code for a write that would put a value twice under a unique index. */
export const DUPLICATE_KEY = 11_000

/** Whether a write was refused because a unique index has its key already. */
export const isDuplicateKeyError = (error: unknown): boolean =>
  error instanceof MongoServerError && error.code === DUPLICATE_KEY

type Listing<T extends Document> = {
  /** What tells this list from others: cursors are bound to it, with filter and sort. */
  list: string
  filter: Filter<T>
  /**
   * The sort keys, 1 ascending and -1 descending: text or numbers that every document has. `_id` is added as the last
   * when it is not among them; ids of `newId` sort by time, so `[['_id', -1]]` is newest first.
   */
  sort: [key: string, direction: 1 | -1][]
  /** Numbers or text computed from each row that fits, by name, as aggregation expressions: sort keys may name them. */
  compute?: Document
  /** Fields to leave in the database: what only filters need. */
  omit?: string[]
}

/**
 * One page of a collection by keyset: rows that do not change are neither repeated nor skipped, whatever comes or goes.
 *
 * @throws Refusal `VALIDATION_FAILED` for a cursor of another list.
 */
export async function pageOf<T extends Document & { _id: string }>(
  collection: Collection<T>,
  { list, filter, sort, compute, omit = [] }: Listing<T>,
  { first, after }: PageWish,
): Promise<Page<T>> {
  const keys: Listing<T>['sort'] = sort.some(([key]) => key === '_id') ? sort : [...sort, ['_id', 1]]
  const cursors = cursorsOf([list, filter, keys], keys.length)
  const onwards = after === undefined ? {} : beyond(keys, cursors.read(after))
  const order = Object.fromEntries(keys)
  const found = compute
    ? collection.aggregate<T>([{ $match: filter }, { $addFields: compute }, { $match: onwards }, { $sort: order }])
    : collection.find({ $and: [filter, onwards] } as Filter<T>).sort(order)
  found.limit(first + 1)
  if (omit.length > 0) found.project(Object.fromEntries(omit.map((field) => [field, 0])))
  const [rows, count] = await Promise.all([found.toArray(), collection.countDocuments(filter, { limit: COUNTED + 1 })])
  const items = rows.slice(0, first) as unknown as T[]
  return {
    items,
    cursors: items.map((row) => cursors.write(keys.map(([key]) => row[key] as string | number))),
    hasNextPage: rows.length > first,
    totalCount: Math.min(count, COUNTED),
    totalCountIsExact: count <= COUNTED,
  }
}

/** The rows after a place: equal in the first keys and beyond it in the next. */
const beyond = (keys: Listing<Document>['sort'], place: Place): Document => ({
  $or: keys.map(([key, direction], i) => ({
    ...Object.fromEntries(keys.slice(0, i).map(([equal], k) => [equal, place[k]])),
    [key]: direction === 1 ? { $gt: place[i] } : { $lt: place[i] },
  })),
})
