import type { Db } from 'mongodb'

/** As in MongoDB; `token` is the digest of the refresh token that is good now. */
export type Held = {
  _id: string
  userId: string
  token: string
  agent?: string | undefined
  rotatedAt: Date
  createdAt: Date
  expiresAt: Date
}

export type Sessions = Awaited<ReturnType<typeof sessionsIn>>

/** The living sessions in their database. MongoDB itself removes the expired ones, within a minute or so. */
export async function sessionsIn(db: Db) {
  const sessions = db.collection<Held>('sessions')
  await sessions.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 })

  return {
    add: async (session: Held): Promise<void> => void (await sessions.insertOne(session)),

    /** Puts the digest `to` in place of `from`, in one write: of many at once, one does it and the others get null. */
    rotate: (sid: string, from: string, to: string, at: Date, expiresAt: Date): Promise<Held | null> =>
      sessions.findOneAndUpdate(
        { _id: sid, token: from, expiresAt: { $gt: at } },
        { $set: { token: to, rotatedAt: at, expiresAt } },
        { returnDocument: 'after' },
      ),

    /**
     * The session as the last write left it. Read `local` from the primary: what was just lost to another refresh
     * must be seen, even while it is not yet on a majority.
     */
    living: (sid: string, at: Date): Promise<Held | null> =>
      sessions.findOne({ _id: sid, expiresAt: { $gt: at } }, { readConcern: { level: 'local' } }),

    /** Ends a session. Nothing happens when it has ended already. */
    end: async (sid: string): Promise<void> => void (await sessions.deleteOne({ _id: sid })),
  }
}
