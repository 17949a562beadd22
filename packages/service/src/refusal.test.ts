import { MongoBulkWriteError, MongoClient, type BulkWriteResult } from 'mongodb'
import { describe, expect, it } from 'vitest'
import { refusalOf } from './refusal.ts'

describe('a database that cannot be reached', () => {
  it('is told as UNAVAILABLE, by a bulk write too, which wraps what kept it from the server', async () => {
    const client = new MongoClient('mongodb://127.0.0.1:1/none', { serverSelectionTimeoutMS: 50 })
    const away: unknown = await client
      .db()
      .command({ ping: 1 })
      .catch((reason: unknown) => reason)
    await client.close()
    const unavailable = { code: 'UNAVAILABLE', retryAfter: 2, cause: away }
    expect(refusalOf(away)).toMatchObject(unavailable)
    expect(refusalOf(new MongoBulkWriteError(away as Error, {} as BulkWriteResult))).toMatchObject(unavailable)
  })
})

it('a bug stays one', () => {
  expect(refusalOf(new TypeError('x'))).toBeUndefined()
  expect(refusalOf('x')).toBeUndefined()
  const duplicate = { message: 'duplicate', code: 11_000, writeErrors: [] }
  expect(refusalOf(new MongoBulkWriteError(duplicate, {} as BulkWriteResult))).toBeUndefined()
})
