import { migrate, type Migration } from '@halles/mongo/migrations'
import { findPage } from '@halles/mongo/mongo'
import type { Page, PageArgs } from '@halles/validation/page'
import type { Db, Filter } from 'mongodb'
import { insertNew, type InsertOutcome } from '../insert-new.ts'
import { toId, type DeadLetter, type DeadLetterContent } from './dead-letter.ts'

export type DeadLetterStore = Awaited<ReturnType<typeof createDeadLetterStore>>

/** Times are stored as text and the offset as a number: pages need sort keys of these types. */
type DeadLetterDocument = Omit<DeadLetter, 'id' | 'deadLetteredAt'> &
  DeadLetterContent & { _id: string; deadLetteredAt: string; offset: number }

/** The names and the ids (`<partition>.<offset>`) that earlier versions stored. */
const migrations: Migration[] = [
  {
    collection: 'deadLetters',
    renameFields: { parkedAt: 'deadLetteredAt' },
    dropIndexes: ['parkedAt_-1_offset_-1__id_-1', 'redrives_1_parkedAt_-1_offset_-1__id_-1'],
  },
  {
    collection: 'deadLetters',
    replaceIdsOf: { _id: { $regex: '^[0-9]+\\.[0-9]+$' } },
    toId: (document: DeadLetterDocument) => toId(document._id, toDeadLetter(document)),
  },
]

const newestFirst = { deadLetteredAt: -1, offset: -1, _id: -1 } as const

/** Creates the store of dead letters: migrates data of earlier versions and creates the indexes. */
export async function createDeadLetterStore(db: Db) {
  await migrate(db, migrations)
  const deadLetters = db.collection<DeadLetterDocument>('deadLetters', { promoteBuffers: true })
  await deadLetters.createIndexes([{ key: newestFirst }, { key: { redrives: 1, ...newestFirst } }])

  return {
    /** Inserts those that are not stored yet, and returns an outcome for each, in the same order. */
    insert: (newDeadLetters: (DeadLetter & DeadLetterContent)[]): Promise<InsertOutcome[]> =>
      insertNew(deadLetters, newDeadLetters.map(toDocument)),

    /** One page without content, newest first. `redriven` limits it to those that were, or were not, redriven. */
    findPage: async ({ redriven }: { redriven?: boolean }, pageArgs: PageArgs): Promise<Page<DeadLetter>> => {
      const filter: Filter<DeadLetterDocument> = redriven === undefined ? {} : { redrives: redriven ? { $gt: 0 } : 0 }
      const sort = Object.entries(newestFirst)
      const omit = ['value', 'headers']
      const page = await findPage(deadLetters, { list: 'deadLetters', filter, sort, omit }, pageArgs)
      return { ...page, items: page.items.map(toDeadLetter) }
    },

    /** The dead letters with these ids and their content, in no order. Unknown ids are left out. */
    findByIds: async (ids: string[]): Promise<(DeadLetter & DeadLetterContent)[]> =>
      (await deadLetters.find({ _id: { $in: ids } }).toArray()).map(toDeadLetter),

    /** Records that a dead letter was redriven, and returns it as it is afterwards; undefined when there is none. */
    markRedriven: async (id: string, at: Date): Promise<DeadLetter | undefined> => {
      const update = { $set: { redrivenAt: at }, $inc: { redrives: 1 } }
      const document = await deadLetters.findOneAndUpdate({ _id: id }, update, {
        returnDocument: 'after',
        projection: { value: 0, headers: 0 },
      })
      return document ? toDeadLetter(document) : undefined
    },

    /** The number of dead letters that were never redriven. */
    countPending: (): Promise<number> => deadLetters.countDocuments({ redrives: 0 }),
  }
}

const toDocument = ({ id, deadLetteredAt, ...rest }: DeadLetter & DeadLetterContent): DeadLetterDocument => ({
  _id: id,
  ...rest,
  deadLetteredAt: deadLetteredAt.toISOString(),
  offset: Number(id.split('.', 2)[1]),
})

function toDeadLetter({
  _id,
  deadLetteredAt,
  offset: _offset,
  ...rest
}: DeadLetterDocument): DeadLetter & DeadLetterContent {
  return { id: _id, deadLetteredAt: new Date(deadLetteredAt), ...rest }
}
