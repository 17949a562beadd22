import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import type { Collection } from 'mongodb'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { takeLease } from './lease.ts'
import { connectMongo, type MongoConnection } from './mongo.ts'

type Job = { _id: string; dueAt: number; leasedBy?: string }

let mongo: MongoConnection
let jobs: Collection<Job>
beforeAll(async () => {
  mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb')), 'lease-test')
  jobs = mongo.db.collection<Job>('jobs')
})
beforeEach(async () => {
  await jobs.deleteMany({})
  await jobs.insertMany(Array.from({ length: 20 }, (_, i) => ({ _id: `job-${i}`, dueAt: i })))
})
afterAll(async () => {
  await mongo.db.dropDatabase()
  await mongo.close()
})

/** Leases at `now` until `now + 100`. */
const take = (now: number, leasedBy: string, limit = 100) =>
  takeLease(jobs, {
    due: { dueAt: { $lte: now } },
    order: { dueAt: 1 },
    limit,
    hold: { $set: { dueAt: now + 100, leasedBy } },
    held: { leasedBy },
  })

describe('takeLease', () => {
  it('leases due documents in the given order, up to the limit', async () => {
    const taken = await take(9, 'a', 4)
    expect(taken.map(({ _id }) => _id).toSorted()).toEqual(['job-0', 'job-1', 'job-2', 'job-3'])
    expect(taken.every(({ leasedBy }) => leasedBy === 'a')).toBe(true)
  })

  it('leases nothing when no document is due', async () => {
    expect(await take(-1, 'a')).toEqual([])
  })

  it('leases each document to only one of several concurrent callers', async () => {
    const taken = (await Promise.all(Array.from({ length: 8 }, (_, i) => take(19, `caller-${i}`)))).flat()
    expect(new Set(taken.map(({ _id }) => _id)).size).toBe(taken.length)
    expect(taken.length).toBe(20)
  })

  it('leases a document again after its lease has ended', async () => {
    await take(19, 'a')
    expect(await take(118, 'b')).toEqual([])
    expect(await take(119, 'b')).toHaveLength(20)
  })
})
