import { migrate } from '@halles/mongo/migrations'
import { findPage } from '@halles/mongo/mongo'
import { retryWrite } from '@halles/mongo/retry-write'
import type { Page, PageArgs } from '@halles/validation/page'
import type { Db, Filter } from 'mongodb'
import type { SessionEnding } from '../accounts/account-document.ts'
import type { OpenSession } from './session.ts'

/**
 * A session as in MongoDB. An ended session is kept, with `endedAt`, for as long as one of its access tokens may be
 * unexpired.
 */
export type SessionDocument = {
  _id: string
  userId: string
  /** The digest of the current refresh token. */
  token: string
  agent?: string | undefined
  rotatedAt: Date
  createdAt: Date
  expiresAt: Date
  endedAt?: Date
}

export type SessionStore = Awaited<ReturnType<typeof createSessionStore>>

/** How many documents are read from the database at once, for a list that is not held in memory. */
export const READ_BATCH = 200
/** How many sessions beyond the limit one sign-in ends at most: an account of an earlier version may have many. */
const MAX_ENDED_AT_ONCE = 20

/** How far the clocks of two instances may differ, in milliseconds. */
const CLOCK_LEEWAY = 1000

const notEnded = { endedAt: { $exists: false } } as const

/**
 * Creates the store of sessions. MongoDB itself removes the expired ones, within about a minute (TTL index).
 *
 * @param revocationRetention how long an ended session is kept, in milliseconds: longer than access tokens live
 */
export async function createSessionStore(db: Db, revocationRetention: number) {
  await migrate(db, [{ collection: 'sessions', dropIndexes: ['userId_1__id_-1'] }])
  const sessions = db.collection<SessionDocument>('sessions')
  await sessions.createIndexes([
    { key: { expiresAt: 1 }, expireAfterSeconds: 0 },
    // The open sessions of a user come first, however many have ended within the last minutes.
    { key: { userId: 1, endedAt: 1, _id: -1 } },
    { key: { endedAt: 1 }, partialFilterExpression: { endedAt: { $exists: true } } },
  ])
  const markEnded = (at: Date) => ({ $set: { endedAt: at, expiresAt: new Date(at.getTime() + revocationRetention) } })

  const butFor = (sid: string | undefined) => (sid === undefined ? {} : { _id: { $ne: sid } })

  /** Ends all sessions that match. Returns how many were ended. */
  async function endMany(filter: Filter<SessionDocument> & { userId: string }, at: Date): Promise<number> {
    let attempts = 0
    const { modifiedCount } = await retryWrite(() => {
      attempts++
      return sessions.updateMany({ ...filter, ...notEnded }, markEnded(at))
    })
    // A repeated write does not count what the first one had changed.
    return attempts === 1 ? modifiedCount : sessions.countDocuments({ userId: filter.userId, endedAt: at })
  }

  return {
    insert: async (session: SessionDocument): Promise<void> => void (await sessions.insertOne(session)),

    /**
     * Replaces the token digest `from` by `to`, and extends the session. One write (compare and set): of concurrent calls,
     * one gets the session and the others null.
     */
    rotate: (sid: string, from: string, to: string, at: Date, expiresAt: Date): Promise<SessionDocument | null> =>
      sessions.findOneAndUpdate(
        { _id: sid, token: from, expiresAt: { $gt: at }, ...notEnded },
        { $set: { token: to, rotatedAt: at, expiresAt } },
        { returnDocument: 'after' },
      ),

    /**
     * Finds a session that has neither ended nor expired. It is read with `local` from the primary, because a concurrent
     * rotation must be visible even before a majority has it.
     */
    findActive: (sid: string, at: Date): Promise<SessionDocument | null> =>
      sessions.findOne({ _id: sid, expiresAt: { $gt: at }, ...notEnded }, { readConcern: { level: 'local' } }),

    /** One page of a user's open sessions, newest first. */
    async findPage(userId: string, query: PageArgs): Promise<Page<OpenSession>> {
      const page = await findPage(
        sessions,
        { list: 'sessions', filter: { userId, ...notEnded }, sort: [['_id', -1]], omit: ['token'] },
        query,
      )
      return { ...page, items: page.items.map(toOpenSession) }
    },

    /** All open sessions of a user, newest first. */
    async *readAll(userId: string): AsyncGenerator<OpenSession, void, void> {
      const found = sessions.find({ userId, ...notEnded }, { batchSize: READ_BATCH })
      for await (const session of found.sort({ _id: -1 }).project<SessionDocument>({ token: 0 })) {
        yield toOpenSession(session)
      }
    },

    /** Ends a session, if it belongs to `userId` when that is given. Returns its user's id; null when none was open. */
    async end(sid: string, at: Date, userId?: string): Promise<string | null> {
      const filter = { _id: sid, ...(userId !== undefined && { userId }), ...notEnded }
      return (await sessions.findOneAndUpdate(filter, markEnded(at)))?.userId ?? null
    },

    /** Ends all sessions of a user, except the session `except`. Returns how many were ended. */
    endAll: (userId: string, at: Date, except?: string): Promise<number> => endMany({ userId, ...butFor(except) }, at),

    /** Ends the sessions of a user that began before a change, and so before a sign-in with what was changed. */
    endBegunBefore: (userId: string, { at, except }: SessionEnding, now: Date): Promise<number> =>
      endMany({ userId, ...butFor(except), createdAt: { $lte: new Date(at.getTime() + CLOCK_LEEWAY) } }, now),

    /** Ends the oldest sessions of a user beyond the newest `limit` ones. Returns the ids of those that it ended. */
    async endOldest(userId: string, limit: number, at: Date): Promise<string[]> {
      const excess = await sessions
        .find({ userId, ...notEnded }, { readConcern: { level: 'local' } })
        .sort({ _id: -1 })
        .skip(limit)
        .limit(MAX_ENDED_AT_ONCE)
        .project<{ _id: string }>({ _id: 1 })
        .toArray()
      const ended = await Promise.all(
        excess.map(({ _id }) => sessions.findOneAndUpdate({ _id, ...notEnded }, markEnded(at))),
      )
      return ended.flatMap((session) => (session ? [session._id] : []))
    },

    /** The sessions that were ended since then. */
    findEndedSince: (since: Date): Promise<{ _id: string; endedAt?: Date }[]> =>
      sessions
        .find({ endedAt: { $gte: since } })
        .project<Pick<SessionDocument, '_id' | 'endedAt'>>({ endedAt: 1 })
        .toArray(),
  }
}

const toOpenSession = ({ _id: id, userId, agent, createdAt, rotatedAt, expiresAt }: SessionDocument): OpenSession => ({
  id,
  userId,
  agent: agent ?? null,
  createdAt,
  refreshedAt: rotatedAt,
  expiresAt,
})
