import type { Collection, Document, Filter, Sort, UpdateFilter, WithId } from 'mongodb'

/** What `takeLease` needs to know of the documents that it leases. */
export type LeaseRequest<T extends Document> = {
  /** Documents whose work is due and that nobody holds. */
  due: Filter<T>
  /** Which of them come first. */
  order: Sort
  /** The most documents to take. */
  limit: number
  /** The update that marks a document as held by this call: an id that no other call has, and until when. */
  hold: UpdateFilter<T>
  /** Documents that this call holds, once `hold` has been written. */
  held: Filter<T>
}

/**
 * Takes up to `limit` documents under a lease (Gray and Cheriton, 1989) and returns them as they are afterwards, in no
 * order: another instance gets other documents, and the documents of an instance that dies are due again once its lease
 * has ended. A lease saves repeated work; it does not fence: whoever wakes late must find its own write refused by that
 * write's filter.
 */
export async function takeLease<T extends Document>(
  collection: Collection<T>,
  { due, order, limit, hold, held }: LeaseRequest<T>,
): Promise<WithId<T>[]> {
  const found = await collection.find(due).sort(order).limit(limit).project<{ _id: T['_id'] }>({ _id: 1 }).toArray()
  if (found.length === 0) return []
  const these = { _id: { $in: found.map(({ _id }) => _id) } } as Filter<T>
  await collection.updateMany({ $and: [these, due] } as Filter<T>, hold)
  return collection.find({ $and: [these, held] } as Filter<T>).toArray()
}
