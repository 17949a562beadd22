import { MongoServerError, type Db, type Document } from 'mongodb'
import type { Pace } from './pace.ts'

/** As in MongoDB; `_id` is what is counted, under a key of ours: neither addresses nor accounts can be read from it. */
type Try = {
  _id: string
  /** How many tries are not forgotten yet, at the moment `at`. */
  level: number
  at: Date
  /** The next try is allowed from then on. */
  openAt: Date
  /** Whether the last try was allowed. */
  allowed: boolean
  /** How many tries in a row were not. */
  refused: number
  /** The place is known for this account until then. */
  knownUntil?: Date
  expiresAt: Date
}

export type Taken = { allowed: boolean; openAt: Date; known: boolean; refused: number }

export type Tries = Awaited<ReturnType<typeof triesIn>>

/**
 * How often what was tried, in the database, so that all instances count together. Each count is one write, which both
 * decides and counts: of many at once, no more get through than there are tries left.
 */
export async function triesIn(db: Db) {
  // A count that is lost when a server dies is no loss: it need not wait for a majority.
  const tries = db.collection<Try>('tries', { writeConcern: { w: 1 }, readConcern: { level: 'local' } })
  await tries.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 })

  async function count(id: string, how: Document[]): Promise<Try> {
    try {
      return (await tries.findOneAndUpdate({ _id: id }, how, { upsert: true, returnDocument: 'after' }))!
    } catch (error) {
      // Of two first ones at once, one finds that the other has just begun the count: now it is there.
      if (error instanceof MongoServerError && error.code === 11_000) return count(id, how)
      throw error
    }
  }

  return {
    /** Counts a try, if it is allowed now. */
    async take(id: string, pace: Pace, now: Date): Promise<Taken> {
      const { allowed, openAt, refused, knownUntil } = await count(id, counting(pace, now))
      return { allowed, openAt, refused, known: knownUntil !== undefined && knownUntil > now }
    },

    /** Takes back a try that was made at the moment `at`: it was right, or came to nothing. */
    giveBack: async (id: string, at: Date): Promise<void> =>
      void (await tries.updateOne({ _id: id }, [
        {
          $set: {
            level: { $max: [0, { $subtract: ['$level', 1] }] },
            // Later tries have made their own wait.
            openAt: { $cond: [{ $eq: ['$at', at] }, ALWAYS, '$openAt'] },
          },
        },
      ])),

    /** Forgets the tries, and keeps in mind that this place is known until then. */
    welcome: async (id: string, now: Date, knownUntil: Date): Promise<void> =>
      void (await tries.updateOne(
        { _id: id },
        { $set: { level: 0, at: now, openAt: ALWAYS, refused: 0, knownUntil, expiresAt: knownUntil } },
        { upsert: true },
      )),
  }
}

/** Not `now`: a try that was made a moment earlier may come a moment later. */
const ALWAYS = new Date(0)

/** The write that counts, computed where the count is. */
function counting({ free, forgottenEvery, firstWait, longestWait }: Pace, now: Date): Document[] {
  // The clocks of instances may differ a little.
  const passed = { $max: [0, { $subtract: [now, { $ifNull: ['$at', now] }] }] }
  const left = { $max: [0, { $subtract: [{ $ifNull: ['$level', 0] }, { $divide: [passed, forgottenEvery] }] }] }
  const beyond = { $ceil: { $subtract: ['$reached', free] } }
  const growing = { $multiply: [firstWait, { $pow: [2, { $min: [30, { $subtract: [beyond, 1] }] }] }] }
  const wait = { $cond: [{ $gt: ['$reached', free] }, { $min: [longestWait, growing] }, 0] }
  const forgotten = { $add: [now, { $multiply: ['$reached', forgottenEvery] }, '$wait'] }
  return [
    { $set: { allowed: { $lte: [{ $ifNull: ['$openAt', now] }, now] }, reached: { $add: [left, 1] } } },
    { $set: { wait } },
    {
      $set: {
        level: { $cond: ['$allowed', '$reached', '$level'] },
        at: { $cond: ['$allowed', now, '$at'] },
        openAt: { $cond: ['$allowed', { $cond: ['$wait', { $add: [now, { $toLong: '$wait' }] }, ALWAYS] }, '$openAt'] },
        refused: { $cond: ['$allowed', 0, { $add: ['$refused', 1] }] },
        expiresAt: { $cond: ['$allowed', { $max: [forgotten, '$knownUntil'] }, '$expiresAt'] },
      },
    },
    { $unset: ['reached', 'wait'] },
  ]
}
