import { DUPLICATE_KEY } from '@halles/mongo/mongo'
import { MongoBulkWriteError, type Collection, type Document, type OptionalUnlessRequiredId } from 'mongodb'

/** The result of inserting one document: inserted now, or refused by a unique index because an equal one is stored. */
export type InsertOutcome = 'recorded' | 'duplicate'

/**
 * Inserts documents, and skips those that the collection's unique indexes already hold (idempotent consumer). Returns one
 * outcome for each document, in the same order.
 *
 * @throws Error when any document was not written for another reason: the caller then repeats the whole call.
 */
export async function insertNew<T extends Document>(
  collection: Collection<T>,
  documents: OptionalUnlessRequiredId<T>[],
): Promise<InsertOutcome[]> {
  const outcomes: InsertOutcome[] = documents.map(() => 'recorded')
  if (documents.length === 0) return outcomes
  try {
    await collection.insertMany(documents, { ordered: false })
  } catch (error) {
    if (!(error instanceof MongoBulkWriteError) || error.result.getWriteConcernError()) throw error
    const writeErrors = [error.writeErrors].flat()
    // Without write errors it wraps a broken connection: it is unknown what was written.
    if (writeErrors.length === 0) throw error
    for (const { index, code } of writeErrors)
      if (code === DUPLICATE_KEY) outcomes[index] = 'duplicate'
      else throw error
  }
  return outcomes
}
