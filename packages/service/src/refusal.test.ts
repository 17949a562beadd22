import { MongoClient } from 'mongodb'
import { describe, expect, it } from 'vitest'
import { refusalOf } from './refusal.ts'

/** No database listens there. */
const nowhere = () => new MongoClient('mongodb://127.0.0.1:1/none', { serverSelectionTimeoutMS: 50 })

describe('a database that cannot be reached', () => {
  it.each([
    ['a read', (client: MongoClient) => client.db().collection('a').findOne()],
    [
      'many inserts',
      (client: MongoClient) =>
        client
          .db()
          .collection('a')
          .insertMany([{ a: 1 }]),
    ],
    [
      'a bulk write',
      (client: MongoClient) =>
        client
          .db()
          .collection('a')
          .bulkWrite([{ deleteOne: { filter: {} } }]),
    ],
  ])('is told as UNAVAILABLE by %s', async (_what, use) => {
    const client = nowhere()
    const error: unknown = await use(client).catch((reason: unknown) => reason)
    await client.close()
    expect(refusalOf(error)).toMatchObject({ code: 'UNAVAILABLE', retryAfter: 2, cause: expect.any(Error) })
  })
})

it('a bug stays one', () => {
  expect(refusalOf(new TypeError('x'))).toBeUndefined()
  expect(refusalOf('x')).toBeUndefined()
})
