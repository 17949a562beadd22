import { newId } from '@halles/service/ids'
import type { Db } from 'mongodb'
import type { Purpose } from './account-link.ts'

/** Someone wants a letter with a link, to the address whose key this is. Whether it has an account is looked up later. */
export type LinkRequest = {
  purpose: Exclude<Purpose, 'email-change'>
  emailKey: string
  traceparent?: string | undefined
}

/** As in MongoDB; whoever works on one has it to themselves until `freeAt`. */
type Kept = LinkRequest & { _id: string; freeAt: Date; expiresAt: Date }

export type LinkRequests = Awaited<ReturnType<typeof linkRequestsIn>>

const HOUR = 3_600_000
/** How long one may take before another instance does it, in milliseconds. */
const CLAIM = 30_000

/** The wishes for letters that nobody has dealt with yet, in their database. */
export async function linkRequestsIn(db: Db) {
  const requests = db.collection<Kept>('linkRequests')
  await requests.createIndexes([{ key: { freeAt: 1 } }, { key: { expiresAt: 1 }, expireAfterSeconds: 0 }])

  return {
    add: async (request: LinkRequest, at: Date): Promise<void> =>
      void (await requests.insertOne({
        _id: newId(),
        ...request,
        freeAt: at,
        expiresAt: new Date(at.getTime() + HOUR),
      })),

    /** One to deal with, for a while; null when there is none. */
    claim: (at: Date): Promise<(LinkRequest & { _id: string }) | null> =>
      requests.findOneAndUpdate(
        { freeAt: { $lte: at } },
        { $set: { freeAt: new Date(at.getTime() + CLAIM) } },
        { sort: { freeAt: 1 } },
      ),

    done: async (id: string): Promise<void> => void (await requests.deleteOne({ _id: id })),
  }
}
