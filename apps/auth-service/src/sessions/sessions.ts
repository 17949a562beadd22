import { findPage } from '@halles/mongo/mongo'
import type { Page, PageArgs } from '@halles/validation/page'
import type { Db } from 'mongodb'
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

const notEnded = { endedAt: { $exists: false } } as const

/**
 * Creates the store of sessions. MongoDB itself removes the expired ones, within about a minute (TTL index).
 *
 * @param revocationRetention how long an ended session is kept, in milliseconds: longer than access tokens live
 */
export async function createSessionStore(db: Db, revocationRetention: number) {
  const sessions = db.collection<SessionDocument>('sessions')
  await sessions.createIndexes([
    { key: { expiresAt: 1 }, expireAfterSeconds: 0 },
    { key: { userId: 1, _id: -1 } },
    { key: { endedAt: 1 }, partialFilterExpression: { endedAt: { $exists: true } } },
  ])
  const markEnded = (at: Date) => ({ $set: { endedAt: at, expiresAt: new Date(at.getTime() + revocationRetention) } })

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
    findAll: async (userId: string): Promise<OpenSession[]> =>
      (
        await sessions
          .find({ userId, ...notEnded })
          .sort({ _id: -1 })
          .project<SessionDocument>({ token: 0 })
          .toArray()
      ).map(toOpenSession),

    /** Ends a session, if it belongs to `userId` when that is given. Returns its user's id; null when none was open. */
    async end(sid: string, at: Date, userId?: string): Promise<string | null> {
      const filter = { _id: sid, ...(userId !== undefined && { userId }), ...notEnded }
      return (await sessions.findOneAndUpdate(filter, markEnded(at)))?.userId ?? null
    },

    /** Ends all sessions of a user, except the session `except`. Returns how many were ended. */
    async endAll(userId: string, at: Date, except?: string): Promise<number> {
      const others = except === undefined ? {} : { _id: { $ne: except } }
      return (await sessions.updateMany({ userId, ...others, ...notEnded }, markEnded(at))).modifiedCount
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
