import { createHash } from 'node:crypto'
import { MongoServerError, type Db, type Document } from 'mongodb'
import { isDuplicateKeyError } from './mongo.ts'

/** MongoDB's error codes for a collection and an index that does not exist. */
const NAMESPACE_NOT_FOUND = 26
const INDEX_NOT_FOUND = 27

/** A renaming of stored data, or new ids for it. Migrations are idempotent, and safe to run by several instances at once. */
export type Migration =
  | { renameCollection: string; to: string }
  /** Renames fields, replaces values and drops indexes, in every document of a collection. */
  | {
      collection: string
      renameFields?: Record<string, string>
      /** By field name: each stored value and its replacement. */
      replaceValues?: Record<string, Record<string, string>>
      dropIndexes?: string[]
    }
  /** Stores the documents that match a filter under new ids, which depend on their content only. */
  | { collection: string; replaceIdsOf: Document; toId: (document: any) => string }

/**
 * Renames data that an earlier version stored under other names. Call it before creating indexes. Data with the current names
 * is left unchanged. Instances of the earlier version must not run at the same time. The collection `migrations` records each
 * migration that was applied: it scans its collection once, not at every start.
 *
 * @throws Error when the old and the new collection both exist
 */
export async function migrate(db: Db, migrations: readonly Migration[]): Promise<void> {
  const applied = db.collection<{ _id: string; appliedAt: Date }>('migrations')
  for (const migration of migrations) {
    const _id = createHash('sha256').update(JSON.stringify(migration)).digest('base64url')
    if (await applied.findOne({ _id })) continue
    if ('renameCollection' in migration) await renameCollection(db, migration)
    else if ('toId' in migration) await replaceIds(db, migration)
    else await migrateCollection(db, migration)
    await applied.updateOne({ _id }, { $setOnInsert: { appliedAt: new Date() } }, { upsert: true })
  }
}

async function renameCollection(db: Db, { renameCollection: from, to }: { renameCollection: string; to: string }) {
  const names = (await db.listCollections({ name: { $in: [from, to] } }, { nameOnly: true }).toArray()).map(
    ({ name }) => name,
  )
  if (!names.includes(from)) return
  if (names.includes(to)) throw new Error(`The collections ${from} and ${to} both exist: merge or drop one of them.`)
  try {
    await db.renameCollection(from, to)
  } catch (error) {
    // Another instance has renamed it in the meantime.
    if (!(error instanceof MongoServerError && error.code === NAMESPACE_NOT_FOUND)) throw error
  }
}

async function replaceIds(
  db: Db,
  { collection: name, replaceIdsOf, toId }: Extract<Migration, { toId: unknown }>,
): Promise<void> {
  const collection = db.collection<Document & { _id: string }>(name)
  // One at a time, because a document may be large.
  for await (const document of collection.find(replaceIdsOf, { promoteBuffers: true, batchSize: 10 })) {
    const _id = toId(document)
    if (_id === document._id) continue
    try {
      await collection.insertOne({ ...document, _id })
    } catch (error) {
      if (!isDuplicateKeyError(error)) throw error // inserted before a crash, or by another instance
    }
    await collection.deleteOne({ _id: document._id })
  }
}

async function migrateCollection(
  db: Db,
  {
    collection: name,
    renameFields = {},
    replaceValues = {},
    dropIndexes = [],
  }: Exclude<Migration, { renameCollection: string } | { toId: unknown }>,
) {
  const collection = db.collection(name)
  for (const index of dropIndexes)
    try {
      await collection.dropIndex(index)
    } catch (error) {
      const isMissing =
        error instanceof MongoServerError && (error.code === INDEX_NOT_FOUND || error.code === NAMESPACE_NOT_FOUND)
      if (!isMissing) throw error
    }
  for (const [from, to] of Object.entries(renameFields))
    await collection.updateMany({ [from]: { $exists: true } }, { $rename: { [from]: to } })
  for (const [field, values] of Object.entries(replaceValues))
    for (const [from, to] of Object.entries(values))
      await collection.updateMany({ [field]: from }, { $set: { [field]: to } })
}
