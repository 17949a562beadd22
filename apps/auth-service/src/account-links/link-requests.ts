import { newId } from '@halles/mongo/ids'
import { migrate } from '@halles/mongo/migrations'
import type { Db } from 'mongodb'
import type { LinkPurpose } from './account-link.ts'

/** A request for an e-mail with a link. Whether the address of `emailKey` has an account is looked up later. */
export type LinkRequest = {
  purpose: Exclude<LinkPurpose, 'email-change'>
  emailKey: string
  traceparent?: string | undefined
}

/** As in MongoDB. A worker that leases a request has it to itself until `availableAt`. */
type LinkRequestDocument = LinkRequest & { _id: string; availableAt: Date; expiresAt: Date }

export type LinkRequestStore = Awaited<ReturnType<typeof createLinkRequestStore>>

const HOUR = 3_600_000
/** How long a worker holds a request before another instance may take it, in milliseconds. */
const LEASE = 30_000

/** Creates the store of link requests that are not processed yet. A request that nobody processes ends after an hour. */
export async function createLinkRequestStore(db: Db) {
  await migrate(db, [
    { collection: 'linkRequests', renameFields: { freeAt: 'availableAt' }, dropIndexes: ['freeAt_1'] },
  ])
  const requests = db.collection<LinkRequestDocument>('linkRequests')
  await requests.createIndexes([{ key: { availableAt: 1 } }, { key: { expiresAt: 1 }, expireAfterSeconds: 0 }])

  return {
    insert: async (request: LinkRequest, at: Date): Promise<void> =>
      void (await requests.insertOne({
        _id: newId(),
        ...request,
        availableAt: at,
        expiresAt: new Date(at.getTime() + HOUR),
      })),

    /** Leases the oldest request that is available; null when there is none. */
    lease: (at: Date): Promise<(LinkRequest & { _id: string }) | null> =>
      requests.findOneAndUpdate(
        { availableAt: { $lte: at } },
        { $set: { availableAt: new Date(at.getTime() + LEASE) } },
        { sort: { availableAt: 1 } },
      ),

    remove: async (id: string): Promise<void> => void (await requests.deleteOne({ _id: id })),
  }
}
