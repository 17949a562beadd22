import { pageOf } from '@halles/service/mongo'
import type { Page, PageWish } from '@halles/service/page'
import { MongoServerError, type Db, type Filter } from 'mongodb'
import { keepNew, type Kept } from './keep-new.ts'
import type { About, Envelope, Letter, LetterStatus, Setback } from './letter.ts'

export type Letters = Awaited<ReturnType<typeof lettersIn>>

/** A letter that one instance has in hand: until its lease ends, no other tries it. */
export type Claimed = Letter & { claim: string }

/** What became of a letter in hand: handed over at a moment, or not. */
export type Settled = { letter: Claimed; sentAt: Date } | { letter: Claimed; setback: Setback }

type Document = Omit<Envelope, 'id'> & About & { _id: string; claim?: string; leasedUntil?: Date }

/** MongoDB's code for an index that is not there. */
const INDEX_NOT_FOUND = 27

/** The store of letters, with its indexes made. `owner` narrows to one person's letters; undefined is everyone's. */
export async function lettersIn(db: Db) {
  const letters = db.collection<Document>('letters')
  await letters.createIndexes([
    { key: { eventId: 1 }, unique: true },
    {
      key: { orderId: 1, sequence: 1 },
      name: 'place',
      unique: true,
      partialFilterExpression: { orderId: { $exists: true } },
    },
    { key: { userId: 1, _id: -1 } },
    { key: { status: 1, _id: -1 } },
    { key: { nextAttemptAt: 1 }, partialFilterExpression: { status: 'PENDING' } },
  ])
  // Of a database from before there were letters without an order.
  await letters.dropIndex('orderId_1_sequence_1').catch((error: unknown) => {
    if (!(error instanceof MongoServerError) || error.code !== INDEX_NOT_FOUND) throw error
  })

  return {
    /** Keeps new letters, in order, and answers for each: known when its event is, or its place among its order's. */
    add: (fresh: Letter[]): Promise<Kept[]> => keepNew(letters, fresh.map(documentOf)),

    /**
     * Takes at most `max` letters that are due, the longest due first, under a lease until `until`. A letter whose lease
     * has run out, because its instance died, is due again.
     */
    claim: async (max: number, claim: string, now: Date, until: Date): Promise<Claimed[]> => {
      const due = dueAt(now)
      const found = await letters.find(due).sort({ nextAttemptAt: 1 }).limit(max).toArray()
      if (found.length === 0) return []
      const ids = found.map(({ _id }) => _id)
      const took = await letters.updateMany({ _id: { $in: ids }, ...due }, { $set: { claim, leasedUntil: until } })
      const mine =
        took.modifiedCount === ids.length ? found : await letters.find({ _id: { $in: ids }, claim }).toArray()
      return mine.map((document) => ({ ...letterOf(document), claim }))
    },

    /** Puts letters back that were not tried, so that another instance may take them at once. */
    release: async (claimed: Claimed[]): Promise<void> => {
      if (claimed.length > 0) await letters.updateMany(held(claimed), { $unset: { claim: 1, leasedUntil: 1 } })
    },

    /** Writes down what became of letters in hand; those that are in other hands by now stay as they are. */
    settle: async (settled: Settled[]): Promise<void> => {
      const done = settled.filter((one) => 'sentAt' in one)
      const put = settled.filter((one) => 'setback' in one)
      const free = { $inc: { attempts: 1 }, $unset: { claim: 1, leasedUntil: 1 } } as const
      await Promise.all([
        done.length > 0 &&
          letters.updateMany(
            held(done.map(({ letter }) => letter)),
            { $set: { status: 'SENT', sentAt: done[0]!.sentAt, lastError: null }, ...free },
            // If this is lost the letter goes once more, under the same Message-ID.
            { writeConcern: { w: 1 } },
          ),
        put.length > 0 &&
          letters.bulkWrite(
            put.map(({ letter, setback }) => ({
              updateOne: { filter: { _id: letter.id, claim: letter.claim }, update: { $set: setback, ...free } },
            })),
            { ordered: false },
          ),
      ])
    },

    /** When the next letter that no one has in hand is due; undefined when none waits. */
    nextDue: async (now: Date): Promise<Date | undefined> =>
      (
        await letters
          .find({ status: 'PENDING', leasedUntil: { $not: { $gt: now } } })
          .sort({ nextAttemptAt: 1 })
          .limit(1)
          .project<{ nextAttemptAt: Date }>({ nextAttemptAt: 1 })
          .next()
      )?.nextAttemptAt,

    /**
     * Makes a letter due now: as a new copy when it was sent or given up, and just sooner when it waits. Gives it back;
     * undefined when there is none.
     */
    sendAgain: async (id: string, now: Date): Promise<Letter | undefined> => {
      const waits = { $eq: ['$status', 'PENDING'] }
      const document = await letters.findOneAndUpdate(
        { _id: id },
        [
          {
            $set: {
              status: 'PENDING',
              copy: { $cond: [waits, '$copy', { $add: ['$copy', 1] }] },
              failures: { $cond: [waits, '$failures', 0] },
              lastError: { $cond: [waits, '$lastError', null] },
              since: { $cond: [waits, '$since', now] },
              nextAttemptAt: { $min: ['$nextAttemptAt', now] },
            },
          },
        ],
        { returnDocument: 'after' },
      )
      return document ? letterOf(document) : undefined
    },

    /**
     * Forgets whose letters these people's are: where they went, how they were called, what their links carry. Those that
     * wait are due, to be given up.
     */
    forget: async (userIds: string[], now: Date): Promise<void> => {
      const known = { userId: { $in: userIds }, recipient: { $ne: '' } }
      const nothing = { $set: { recipient: '', name: '' }, $unset: { 'account.link': 1 } } as const
      await letters.updateMany({ ...known, status: 'PENDING' }, { $min: { nextAttemptAt: now } })
      await letters.updateMany(known, nothing)
    },

    /** One page, newest first. */
    page: async (
      { owner, orderId, status }: { owner: string | undefined; orderId?: string; status?: LetterStatus },
      wish: PageWish,
    ): Promise<Page<Letter>> => {
      const filter: Filter<Document> = { ...ownedBy(owner), ...(orderId && { orderId }), ...(status && { status }) }
      const page = await pageOf(letters, { list: 'letters', filter, sort: [['_id', -1]] }, wish)
      return { ...page, items: page.items.map(letterOf) }
    },

    /** The letters with these ids, in no order; ids without one are left out. */
    withIds: async (ids: string[], owner: string | undefined): Promise<Letter[]> =>
      (await letters.find({ _id: { $in: ids }, ...ownedBy(owner) }).toArray()).map(letterOf),

    /** The letters about these orders, an order's oldest first. */
    aboutOrders: async (orderIds: string[], owner: string | undefined): Promise<Letter[]> =>
      (
        await letters
          .find({ orderId: { $in: orderIds }, ...ownedBy(owner) })
          .sort({ orderId: 1, sequence: 1 })
          .toArray()
      ).map(letterOf),

    /** How many letters wait, and since when the oldest of them does. */
    waiting: async (): Promise<{ count: number; since: Date | undefined }> => {
      const [row] = await letters
        .aggregate<{ count: number; since: Date }>([
          { $match: { status: 'PENDING' } },
          { $group: { _id: null, count: { $sum: 1 }, since: { $min: '$since' } } },
        ])
        .toArray()
      return { count: row?.count ?? 0, since: row?.since }
    },

    /** How many letters were given up. */
    failed: (): Promise<number> => letters.countDocuments({ status: 'FAILED' }),
  }
}

const dueAt = (now: Date): Filter<Document> => ({
  status: 'PENDING',
  nextAttemptAt: { $lte: now },
  leasedUntil: { $not: { $gt: now } },
})

const held = (claimed: Claimed[]): Filter<Document> => ({
  _id: { $in: claimed.map(({ id }) => id) },
  claim: { $in: [...new Set(claimed.map(({ claim }) => claim))] },
})

const ownedBy = (owner: string | undefined): Filter<Document> => (owner === undefined ? {} : { userId: owner })

const documentOf = ({ id, ...letter }: Letter): Document => ({ _id: id, ...letter })

function letterOf({ _id, claim: _claim, leasedUntil: _leasedUntil, ...letter }: Document): Letter {
  return { id: _id, ...letter }
}
