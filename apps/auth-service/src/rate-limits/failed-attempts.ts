import { isDuplicateKeyError } from '@halles/mongo/mongo'
import { migrate } from '@halles/mongo/migrations'
import { retryWrite } from '@halles/mongo/retry-write'
import type { Collection, Db, Document } from 'mongodb'
import type { RateLimit } from './rate-limits.ts'

/**
 * The counter of one rate limit for one account, subnet or address, as in MongoDB. `_id` is the limit's name and a keyed
 * hash, from which neither accounts nor addresses can be read.
 */
type AttemptCounter = {
  _id: string
  /** The level of the leaky bucket at the time `at`. */
  level: number
  at: Date
  /** Attempts before this time are not allowed. */
  blockedUntil: Date
  /** Whether the last attempt was allowed. */
  allowed: boolean
  /** The number of consecutive attempts that were not allowed. */
  refused: number
  /** Until when the client subnet is a known one for the account. */
  knownUntil?: Date
  expiresAt: Date
}

export type CountedAttempt = { allowed: boolean; blockedUntil: Date; isKnownSubnet: boolean; refused: number }

export type FailedAttemptStore = Awaited<ReturnType<typeof createFailedAttemptStore>>

/**
 * Creates the store of failed attempts, which all instances share. One write both decides on an attempt and counts it, so
 * that concurrent attempts cannot exceed a limit.
 */
export async function createFailedAttemptStore(db: Db) {
  await migrate(db, [
    { renameCollection: 'tries', to: 'failedAttempts' },
    { collection: 'failedAttempts', renameFields: { openAt: 'blockedUntil' } },
  ])
  // Counts need not survive the loss of a server, so writes do not wait for a majority.
  const counters = db.collection<AttemptCounter>('failedAttempts', {
    writeConcern: { w: 1 },
    readConcern: { level: 'local' },
  })
  await renameLimits(counters)
  await counters.createIndex({ expiresAt: 1 }, { expireAfterSeconds: 0 })

  async function update(id: string, pipeline: Document[]): Promise<AttemptCounter> {
    try {
      return (await counters.findOneAndUpdate({ _id: id }, pipeline, { upsert: true, returnDocument: 'after' }))!
    } catch (error) {
      // A concurrent first attempt has just created the counter.
      if (isDuplicateKeyError(error)) return update(id, pipeline)
      throw error
    }
  }

  return {
    /** Counts an attempt, unless the counter is blocked now. */
    async count(id: string, limit: RateLimit, now: Date): Promise<CountedAttempt> {
      const { allowed, blockedUntil, refused, knownUntil } = await update(id, countAttempt(limit, now))
      return { allowed, blockedUntil, refused, isKnownSubnet: knownUntil !== undefined && knownUntil > now }
    },

    /** Takes back an attempt that was counted at the time `at`, because it succeeded or another limit blocked it. */
    undo: async (id: string, at: Date): Promise<void> =>
      void (await counters.updateOne({ _id: id }, [
        {
          $set: {
            level: { $max: [0, { $subtract: ['$level', 1] }] },
            // A later attempt has set a delay of its own, which stays.
            blockedUntil: { $cond: [{ $eq: ['$at', at] }, NOT_BLOCKED, '$blockedUntil'] },
          },
        },
      ])),

    /** Resets a counter, and marks its client subnet as known until `knownUntil`. */
    reset: async (id: string, now: Date, knownUntil: Date): Promise<void> =>
      void (await counters.updateOne(
        { _id: id },
        { $set: { level: 0, at: now, blockedUntil: NOT_BLOCKED, refused: 0, knownUntil, expiresAt: knownUntil } },
        { upsert: true },
      )),
  }
}

/** Not the present time: an attempt that was made earlier may be counted later, and must not be blocked. */
const NOT_BLOCKED = new Date(0)

/** Builds the update pipeline that decides on an attempt and counts it, computed by MongoDB. */
function countAttempt({ burst, leakInterval, firstDelay, maxDelay }: RateLimit, now: Date): Document[] {
  // Not negative: the clocks of two instances may differ a little.
  const elapsed = { $max: [0, { $subtract: [now, { $ifNull: ['$at', now] }] }] }
  const leaked = { $max: [0, { $subtract: [{ $ifNull: ['$level', 0] }, { $divide: [elapsed, leakInterval] }] }] }
  const excess = { $ceil: { $subtract: ['$newLevel', burst] } }
  const backoff = { $multiply: [firstDelay, { $pow: [2, { $min: [30, { $subtract: [excess, 1] }] }] }] }
  const delay = { $cond: [{ $gt: ['$newLevel', burst] }, { $min: [maxDelay, backoff] }, 0] }
  const emptyAt = { $add: [now, { $multiply: ['$newLevel', leakInterval] }, '$delay'] }
  const blockedUntil = { $cond: ['$delay', { $add: [now, { $toLong: '$delay' }] }, NOT_BLOCKED] }
  return [
    { $set: { allowed: { $lte: [{ $ifNull: ['$blockedUntil', now] }, now] }, newLevel: { $add: [leaked, 1] } } },
    { $set: { delay } },
    {
      $set: {
        level: { $cond: ['$allowed', '$newLevel', '$level'] },
        at: { $cond: ['$allowed', now, '$at'] },
        blockedUntil: { $cond: ['$allowed', blockedUntil, '$blockedUntil'] },
        refused: { $cond: ['$allowed', 0, { $add: ['$refused', 1] }] },
        expiresAt: { $cond: ['$allowed', { $max: [emptyAt, '$knownUntil'] }, '$expiresAt'] },
      },
    },
    { $unset: ['newLevel', 'delay'] },
  ]
}

/** The names of rate limits in earlier versions, which begin the ids of their counters, and those of today. */
const renamedLimits = {
  pair: 'accountFromSubnet',
  address: 'subnet',
  all: 'allSignIns',
  registrations: 'registrationsFromSubnet',
  letters: 'emailRequestsFromSubnet',
  lettersTo: 'emailsToAddress',
}

/**
 * Renames the limits in the ids of stored counters, so that an upgrade neither resets a limit nor forgets a known subnet. An
 * `_id` cannot be changed, so this copies counters, keeping newer ones, and deletes the originals. It may run repeatedly and
 * on several instances at once.
 */
async function renameLimits(counters: Collection<AttemptCounter>): Promise<void> {
  for (const [from, to] of Object.entries(renamedLimits)) {
    const outdated = { _id: { $regex: `^${from}:` } }
    if (!(await counters.findOne(outdated, { projection: { _id: 1 } }))) continue
    const renamed = { $replaceOne: { input: '$_id', find: `${from}:`, replacement: `${to}:` } }
    const into = { into: counters.collectionName, whenMatched: 'keepExisting' }
    await counters.aggregate([{ $match: outdated }, { $set: { _id: renamed } }, { $merge: into }]).toArray()
    await retryWrite(() => counters.deleteMany(outdated))
  }
}
