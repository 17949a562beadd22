import { MongoClient, MongoServerError, type Collection, type Db, type Document, type Filter } from 'mongodb'
import {
  MAX_TOTAL_COUNT,
  createCursorCodec,
  type Page,
  type PageArgs,
  type CursorPosition,
} from '@halles/validation/page'
import { withinDeadline } from '@halles/concurrency/caller'
import { waitAtMost } from '@halles/concurrency/with-timeout'
import { isAuthenticationError, retryWhileUnavailable, type WarningLog } from './retry-while-unavailable.ts'

/** How long `close` waits, in milliseconds. A server that does not answer is then left to the end of the process. */
const CLOSE_TIMEOUT = 2000

/** A connected database. `ping` rejects unless the server answers within 2 s. */
export type MongoConnection = { client: MongoClient; db: Db; ping: () => Promise<void>; close: () => Promise<void> }

/**
 * Connects to the database in `url`, and waits until the replica set has a primary. Read and write concern are `majority` by
 * default; `appName` is the service's name in MongoDB's logs and connection list. The wait is logged.
 *
 * @throws Error with an actionable message when there is no primary within a minute, or the credentials are wrong
 */
export async function connectMongo(
  url: string,
  appName: string,
  log: WarningLog = { warn: () => {} },
): Promise<MongoConnection> {
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
  const close = async (): Promise<void> => void (await waitAtMost(client.close(), CLOSE_TIMEOUT))
  try {
    await retryWhileUnavailable(ping, log)
    return { client, db, ping, close }
  } catch (error) {
    await client.close()
    const hosts = client.options.hosts.map(String).join(', ')
    const message = isAuthenticationError(error)
      ? `MongoDB at ${hosts} does not let us in: are user, password and authSource in MONGODB_URL right?`
      : `MongoDB at ${hosts} has no primary: is it running, and its replica set initiated?`
    throw new Error(message, { cause: error })
  }
}

/** MongoDB's error code for a write that violates a unique index. */
export const DUPLICATE_KEY = 11_000

/** Whether a write failed because it violates a unique index. */
export const isDuplicateKeyError = (error: unknown): boolean =>
  error instanceof MongoServerError && error.code === DUPLICATE_KEY

type ListQuery<T extends Document> = {
  /** The name of the list. A cursor is bound to this name, the filter (or request) and the sort. */
  list: string
  filter: Filter<T>
  /**
   * What a client asked for, when `filter` is derived from it and from the time: a cursor is then bound to this instead of the
   * filter, which differs at the next page.
   */
  request?: unknown
  /**
   * The sort keys, 1 ascending and -1 descending: text or numbers that every document has. `_id` is appended when it is
   * missing. Ids of `newId` sort by creation time, so `[['_id', -1]]` is newest first.
   */
  sort: [key: string, direction: 1 | -1][]
  /** Aggregation expressions by field name, computed for each matching document; sort keys may refer to them. */
  compute?: Document
  /** Fields to exclude from the result. */
  omit?: string[]
  /** How long MongoDB works on each of the two queries at most, in milliseconds. */
  maxTimeMS?: number
}

/**
 * Reads one page of a collection by keyset pagination: unchanged documents are neither repeated nor skipped while others are
 * inserted or deleted. The server ends a read at the deadline of the active caller.
 *
 * @throws AppError `VALIDATION_FAILED` for a cursor of another list
 */
export async function findPage<T extends Document & { _id: string }>(
  collection: Collection<T>,
  { list, filter, request = filter, sort, compute, omit = [], maxTimeMS }: ListQuery<T>,
  { first, after }: PageArgs,
): Promise<Page<T>> {
  const keys: ListQuery<T>['sort'] = sort.some(([key]) => key === '_id') ? sort : [...sort, ['_id', 1]]
  const cursors = createCursorCodec([list, request, keys], keys.length)
  const afterCursor = after === undefined ? {} : afterPosition(keys, cursors.read(after))
  const order = Object.fromEntries(keys)
  const ms = withinDeadline(maxTimeMS ?? Infinity)
  const timeLimit = ms === Infinity ? {} : { maxTimeMS: Math.max(1, ms) } // 0 would mean no limit
  const found = compute
    ? collection.aggregate<T>(
        [{ $match: filter }, { $addFields: compute }, { $match: afterCursor }, { $sort: order }],
        timeLimit,
      )
    : collection.find({ $and: [filter, afterCursor] } as Filter<T>, timeLimit).sort(order)
  found.limit(first + 1)
  if (omit.length > 0) found.project(Object.fromEntries(omit.map((field) => [field, 0])))
  const [rows, count] = await Promise.all([
    found.toArray(),
    collection.countDocuments(filter, { limit: MAX_TOTAL_COUNT + 1, ...timeLimit }),
  ])
  const items = rows.slice(0, first) as unknown as T[]
  return {
    items,
    cursors: items.map((row) => cursors.write(keys.map(([key]) => row[key] as string | number))),
    hasNextPage: rows.length > first,
    totalCount: Math.min(count, MAX_TOTAL_COUNT),
    totalCountIsExact: count <= MAX_TOTAL_COUNT,
  }
}

/** Creates the filter for documents after a position: equal in the first keys, and greater (or less) in the next. */
const afterPosition = (keys: ListQuery<Document>['sort'], position: CursorPosition): Document => ({
  $or: keys.map(([key, direction], i) => ({
    ...Object.fromEntries(keys.slice(0, i).map(([equal], k) => [equal, position[k]])),
    [key]: direction === 1 ? { $gt: position[i] } : { $lt: position[i] },
  })),
})
