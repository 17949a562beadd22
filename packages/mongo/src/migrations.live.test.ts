import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { migrate, type Migration } from './migrations.ts'
import { connectMongo, type MongoConnection } from './mongo.ts'

let mongo: MongoConnection
beforeEach(async () => {
  mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb')), 'migrations-test')
})
afterEach(async () => {
  await mongo.db.dropDatabase()
  await mongo.close()
})

const migrations: Migration[] = [
  { renameCollection: 'letters', to: 'emails' },
  {
    collection: 'emails',
    renameFields: { claim: 'leasedBy' },
    replaceValues: { status: { Intent: 'Pending' } },
    dropIndexes: ['claim_1'],
  },
]
const emails = () => mongo.db.collection('emails')

describe('migrate', () => {
  it('renames collections and fields, replaces values and drops indexes on old names', async () => {
    const letters = mongo.db.collection('letters')
    await letters.insertMany([{ claim: 'a', status: 'Intent' }, { status: 'Sent' }])
    await letters.createIndex({ claim: 1 })
    await migrate(mongo.db, migrations)
    const found = await emails().find().project({ _id: 0 }).toArray()
    expect(found).toEqual([{ leasedBy: 'a', status: 'Pending' }, { status: 'Sent' }])
    expect((await emails().indexes()).map(({ name }) => name)).toEqual(['_id_'])
  })

  it('changes nothing in a new or migrated database', async () => {
    await migrate(mongo.db, migrations)
    expect((await mongo.db.listCollections().toArray()).map(({ name }) => name)).toEqual(['migrations'])
    await emails().insertOne({ leasedBy: 'b' })
    await migrate(mongo.db, migrations)
    expect(await emails().countDocuments({ leasedBy: 'b' })).toBe(1)
  })

  it('records what it applied, and scans a collection once', async () => {
    await migrate(mongo.db, migrations)
    expect(await mongo.db.collection('migrations').countDocuments()).toBe(migrations.length)
    await emails().insertOne({ claim: 'written later' })
    await migrate(mongo.db, migrations)
    expect(await emails().countDocuments({ claim: 'written later' })).toBe(1)
  })

  it('is safe to run by several instances at once', async () => {
    await mongo.db.collection('letters').insertMany(Array.from({ length: 500 }, () => ({ claim: 'a' })))
    await Promise.all([1, 2, 3].map(() => migrate(mongo.db, migrations)))
    expect(await emails().countDocuments({ leasedBy: 'a', claim: { $exists: false } })).toBe(500)
  })

  it('stores documents under new ids, also after a crash between the two writes, by several instances at once', async () => {
    const replacement: Migration = {
      collection: 'emails',
      replaceIdsOf: { _id: { $regex: '^[0-9]+$' } },
      toId: ({ _id, content }) => `${_id}.${content}`,
    }
    const stored = mongo.db.collection<{ _id: string; content: string }>('emails')
    await stored.insertMany(Array.from({ length: 100 }, (_, i) => ({ _id: `${i}`, content: 'c' })))
    await stored.insertMany([
      { _id: '7.c', content: 'c' },
      { _id: 'other', content: 'c' },
    ])
    await Promise.all([1, 2, 3].map(() => migrate(mongo.db, [replacement])))
    const ids = (await stored.find().toArray()).map(({ _id }) => _id)
    expect(ids.toSorted()).toEqual([...Array.from({ length: 100 }, (_, i) => `${i}.c`), 'other'].toSorted())
  })

  it('throws when the old and the new collection both exist', async () => {
    await mongo.db.createCollection('letters')
    await mongo.db.createCollection('emails')
    await expect(migrate(mongo.db, migrations)).rejects.toThrow('letters and emails both exist')
  })
})
