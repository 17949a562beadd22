import { pageOf } from '@halles/service/mongo'
import type { Page, PageWish } from '@halles/service/page'
import type { Db } from 'mongodb'
import type { OpenSession } from './session.ts'

/**
 * As in MongoDB; `token` is the digest of the refresh token that is good now. A session that was ended stays, with
 * `endedAt`, for as long as an access token of it may be on its way.
 */
export type Held = {
  _id: string
  userId: string
  token: string
  agent?: string | undefined
  rotatedAt: Date
  createdAt: Date
  expiresAt: Date
  endedAt?: Date
}

export type Sessions = Awaited<ReturnType<typeof sessionsIn>>

const alive = { endedAt: { $exists: false } } as const

/**
 * The sessions in their database. MongoDB itself removes the expired ones, within a minute or so.
 *
 * @param mourning how long a session that was ended is kept in mind, in milliseconds: longer than access tokens live
 */
export async function sessionsIn(db: Db, mourning: number) {
  const sessions = db.collection<Held>('sessions')
  await sessions.createIndexes([
    { key: { expiresAt: 1 }, expireAfterSeconds: 0 },
    { key: { userId: 1, _id: -1 } },
    { key: { endedAt: 1 }, partialFilterExpression: { endedAt: { $exists: true } } },
  ])
  const ended = (at: Date) => ({ $set: { endedAt: at, expiresAt: new Date(at.getTime() + mourning) } })

  return {
    add: async (session: Held): Promise<void> => void (await sessions.insertOne(session)),

    /** Puts the digest `to` in place of `from`, in one write: of many at once, one does it and the others get null. */
    rotate: (sid: string, from: string, to: string, at: Date, expiresAt: Date): Promise<Held | null> =>
      sessions.findOneAndUpdate(
        { _id: sid, token: from, expiresAt: { $gt: at }, ...alive },
        { $set: { token: to, rotatedAt: at, expiresAt } },
        { returnDocument: 'after' },
      ),

    /**
     * The session as the last write left it. Read `local` from the primary: what was just lost to another refresh
     * must be seen, even while it is not yet on a majority.
     */
    living: (sid: string, at: Date): Promise<Held | null> =>
      sessions.findOne({ _id: sid, expiresAt: { $gt: at }, ...alive }, { readConcern: { level: 'local' } }),

    /** A page of the sessions of a user that have not ended, newest first. */
    async of(userId: string, wish: PageWish): Promise<Page<OpenSession>> {
      const page = await pageOf(
        sessions,
        { list: 'sessions', filter: { userId, ...alive }, sort: [['_id', -1]], omit: ['token'] },
        wish,
      )
      return { ...page, items: page.items.map(openSessionOf) }
    },

    /** All sessions of a user that have not ended, newest first. */
    allOf: async (userId: string): Promise<OpenSession[]> =>
      (
        await sessions
          .find({ userId, ...alive })
          .sort({ _id: -1 })
          .project<Held>({ token: 0 })
          .toArray()
      ).map(openSessionOf),

    /** Ends a session, if it is this user's when one is named; gives back whose it was, null when none lived. */
    async end(sid: string, at: Date, userId?: string): Promise<string | null> {
      const filter = { _id: sid, ...(userId !== undefined && { userId }), ...alive }
      return (await sessions.findOneAndUpdate(filter, ended(at)))?.userId ?? null
    },

    /** Ends all sessions of a user, except one when it is named; gives back how many. */
    async endAll(userId: string, at: Date, except?: string): Promise<number> {
      const others = except === undefined ? {} : { _id: { $ne: except } }
      return (await sessions.updateMany({ userId, ...others, ...alive }, ended(at))).modifiedCount
    },

    /** The sessions that were ended since then. */
    endedSince: (since: Date): Promise<{ _id: string; endedAt?: Date }[]> =>
      sessions
        .find({ endedAt: { $gte: since } })
        .project<Pick<Held, '_id' | 'endedAt'>>({ endedAt: 1 })
        .toArray(),
  }
}

const openSessionOf = ({ _id: id, userId, agent, createdAt, rotatedAt, expiresAt }: Held): OpenSession => ({
  id,
  userId,
  agent: agent ?? null,
  createdAt,
  refreshedAt: rotatedAt,
  expiresAt,
})
