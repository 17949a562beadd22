import { MongoBulkWriteError, type Collection, type Document, type OptionalUnlessRequiredId } from 'mongodb'

/** What became of something new: kept, or what may be there only once was there already. */
export type Kept = 'recorded' | 'known'

const DUPLICATE_KEY = 11000

/**
 * Inserts what is new by the unique indexes of the collection, in order, and answers for each.
 *
 * @throws whatever kept one of them from being written for another reason: then all of them are to come again.
 */
export async function keepNew<T extends Document>(
  collection: Collection<T>,
  documents: OptionalUnlessRequiredId<T>[],
): Promise<Kept[]> {
  const kept: Kept[] = documents.map(() => 'recorded')
  if (documents.length === 0) return kept
  try {
    await collection.insertMany(documents, { ordered: false })
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) throw error
    const failed = [error.writeErrors].flat()
    // Without any, it wraps a connection that broke: nothing is known to be kept.
    if (failed.length === 0) throw error
    for (const { index, code } of failed)
      if (code === DUPLICATE_KEY) kept[index] = 'known'
      else throw error
  }
  return kept
}
