import { pageOf } from '@halles/service/mongo'
import type { Page, PageWish } from '@halles/service/page'
import type { Db, Filter } from 'mongodb'
import type { Content, DeadLetter } from './dead-letter.ts'
import { keepNew, type Kept } from './keep-new.ts'

export type DeadLetters = Awaited<ReturnType<typeof deadLettersIn>>

/** Times are text and the place is a number, as pages need their sort keys. */
type Document = Omit<DeadLetter, 'id' | 'parkedAt'> & Content & { _id: string; parkedAt: string; offset: number }

const newestFirst = { parkedAt: -1, offset: -1, _id: -1 } as const

/** The store of what was parked on the dead-letter queue, with its indexes made. */
export async function deadLettersIn(db: Db) {
  const deadLetters = db.collection<Document>('deadLetters', { promoteBuffers: true })
  await deadLetters.createIndexes([{ key: newestFirst }, { key: { redrives: 1, ...newestFirst } }])

  return {
    /** Keeps what is new, in order, and answers for each. */
    add: (parked: (DeadLetter & Content)[]): Promise<Kept[]> => keepNew(deadLetters, parked.map(documentOf)),

    /** One page, without what they say, the latest first; `redriven` narrows to those that were, or were not, sent again. */
    page: async ({ redriven }: { redriven?: boolean }, wish: PageWish): Promise<Page<DeadLetter>> => {
      const filter: Filter<Document> = redriven === undefined ? {} : { redrives: redriven ? { $gt: 0 } : 0 }
      const sort = Object.entries(newestFirst)
      const page = await pageOf(deadLetters, { list: 'deadLetters', filter, sort, omit: ['value', 'headers'] }, wish)
      return { ...page, items: page.items.map(deadLetterOf) }
    },

    /** The dead letters with these ids, in no order, with what they say; ids without one are left out. */
    withIds: async (ids: string[]): Promise<(DeadLetter & Content)[]> =>
      (await deadLetters.find({ _id: { $in: ids } }).toArray()).map(deadLetterOf),

    /** Writes down that it was sent again, and gives it back; undefined when there is none. */
    markRedriven: async (id: string, at: Date): Promise<DeadLetter | undefined> => {
      const update = { $set: { redrivenAt: at }, $inc: { redrives: 1 } }
      const document = await deadLetters.findOneAndUpdate({ _id: id }, update, {
        returnDocument: 'after',
        projection: { value: 0, headers: 0 },
      })
      return document ? deadLetterOf(document) : undefined
    },

    /** How many were not sent again yet. */
    waiting: (): Promise<number> => deadLetters.countDocuments({ redrives: 0 }),
  }
}

const documentOf = ({ id, parkedAt, ...rest }: DeadLetter & Content): Document => ({
  _id: id,
  ...rest,
  parkedAt: parkedAt.toISOString(),
  offset: Number(id.slice(id.indexOf('.') + 1)),
})

function deadLetterOf({ _id, parkedAt, offset: _offset, ...rest }: Document): DeadLetter & Content {
  return { id: _id, parkedAt: new Date(parkedAt), ...rest }
}
