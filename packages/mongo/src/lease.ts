import type { Collection, Document, Filter, Sort, UpdateFilter, WithId } from 'mongodb'
import { retryWrite } from './retry-write.ts'

/** What `takeLease` needs to know of the documents that it leases. */
export type LeaseRequest<T extends Document> = {
  /** Matches documents whose work is due and that are not leased. */
  due: Filter<T>
  /** Which due documents are taken first. */
  order: Sort
  /** The most documents to take. */
  limit: number
  /** The update that leases a document: it sets an id that is unique to this call, and the end of the lease. */
  hold: UpdateFilter<T>
  /** Matches documents that this call has leased, after `hold` was written. */
  held: Filter<T>
}

/**
 * Leases up to `limit` documents (Gray and Cheriton, 1989) and returns them after the update, in no particular order. Concurrent
 * instances get different documents. The documents of an instance that dies are due again once its lease has ended. A
 * lease only avoids repeated work and does not fence: the filter of a later write must reject a holder whose lease has ended.
 */
export async function takeLease<T extends Document>(
  collection: Collection<T>,
  { due, order, limit, hold, held }: LeaseRequest<T>,
): Promise<WithId<T>[]> {
  const found = await collection.find(due).sort(order).limit(limit).project<{ _id: T['_id'] }>({ _id: 1 }).toArray()
  if (found.length === 0) return []
  const candidates = { _id: { $in: found.map(({ _id }) => _id) } } as Filter<T>
  await retryWrite(() => collection.updateMany({ $and: [candidates, due] } as Filter<T>, hold))
  return collection.find({ $and: [candidates, held] } as Filter<T>).toArray()
}
