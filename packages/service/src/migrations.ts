import { MongoServerError, type Db, type Document } from 'mongodb'

/** MongoDB's codes for a collection, an index, that is not there. */
const NAMESPACE_NOT_FOUND = 26
const INDEX_NOT_FOUND = 27

/** One way in which stored data got other names. Each may be run again, by several instances at once. */
export type Migration =
  | { renameCollection: string; to: string }
  /** Renames the field in every document that has it, sets values anew, and drops indexes on the old name. */
  | {
      collection: string
      renameFields?: Record<string, string>
      /** For a field: which stored value becomes which. */
      replaceValues?: Record<string, Record<string, string>>
      dropIndexes?: string[]
    }

/**
 * Brings data that an earlier version stored under other names to the names of today, before indexes are made. What is up
 * to date already stays as it is. Instances of the earlier version must not run beside this one.
 */
export async function migrate(db: Db, migrations: readonly Migration[]): Promise<void> {
  for (const migration of migrations)
    if ('renameCollection' in migration) await renameCollection(db, migration)
    else await renameInside(db, migration)
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
    // Another instance was faster.
    if (!(error instanceof MongoServerError && error.code === NAMESPACE_NOT_FOUND)) throw error
  }
}

async function renameInside(
  db: Db,
  {
    collection: name,
    renameFields = {},
    replaceValues = {},
    dropIndexes = [],
  }: Extract<Migration, { collection: string }>,
) {
  const collection = db.collection<Document>(name)
  for (const index of dropIndexes)
    try {
      await collection.dropIndex(index)
    } catch (error) {
      const isGone =
        error instanceof MongoServerError && (error.code === INDEX_NOT_FOUND || error.code === NAMESPACE_NOT_FOUND)
      if (!isGone) throw error
    }
  for (const [from, to] of Object.entries(renameFields))
    await collection.updateMany({ [from]: { $exists: true } }, { $rename: { [from]: to } })
  for (const [field, values] of Object.entries(replaceValues))
    for (const [from, to] of Object.entries(values))
      await collection.updateMany({ [field]: from }, { $set: { [field]: to } })
}
