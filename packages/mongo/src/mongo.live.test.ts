import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { connectMongo, findPage, type MongoConnection } from './mongo.ts'
import type { Page } from '@halles/validation/page'

type Row = { _id: string; price: number; kind: string }

let mongo: MongoConnection
const rows = () => mongo.db.collection<Row>('rows')
beforeAll(async () => {
  mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb')), 'page-test')
  const many = Array.from({ length: 53 }, (_, i) => ({
    _id: `r${i.toString().padStart(2, '0')}`,
    price: i % 7,
    kind: 'a',
  }))
  await rows().insertMany(many)
})
afterAll(async () => {
  await mongo.db.dropDatabase()
  await mongo.close()
})

const byPrice = { list: 'rows', filter: { kind: 'a' }, sort: [['price', -1] as [string, 1 | -1]] }

describe('findPage', () => {
  it('neither repeats nor skips documents while others are inserted', async () => {
    const seen: string[] = []
    let page: Page<Row> | undefined
    do {
      page = await findPage(rows(), byPrice, { first: 5, after: page?.cursors.at(-1) })
      seen.push(...page.items.map(({ _id }) => _id))
      await rows().insertOne({ _id: `x${seen.length}`, price: 99, kind: 'a' }) // sorts before every later cursor
    } while (page.hasNextPage)
    expect(seen.length).toBe(53)
    expect(new Set(seen).size).toBe(53)
    await rows().deleteMany({ price: 99 })
  })

  it('sorts by computed fields and excludes omitted fields', async () => {
    const byRest = {
      ...byPrice,
      sort: [['rest', -1] as [string, 1 | -1]],
      compute: { rest: { $mod: ['$price', 3] } },
      omit: ['kind'],
    }
    const seen: (Row & { rest?: number })[] = []
    let page: Page<Row> | undefined
    do {
      page = await findPage(rows(), byRest, { first: 5, after: page?.cursors.at(-1) })
      seen.push(...page.items)
    } while (page.hasNextPage)
    expect(new Set(seen.map(({ _id }) => _id)).size).toBe(53)
    expect(seen.map(({ rest }) => rest)).toEqual(seen.map(({ price }) => price % 3).toSorted((a, b) => b - a))
    expect(seen[0]).not.toHaveProperty('kind')
  })

  it('counts all documents that match the filter', async () => {
    const { totalCount, totalCountIsExact, items } = await findPage(rows(), byPrice, { first: 3 })
    expect({ totalCount, totalCountIsExact, items: items.length }).toEqual({
      totalCount: 53,
      totalCountIsExact: true,
      items: 3,
    })
  })

  it('rejects a cursor of another filter or sort, or a malformed one', async () => {
    const { cursors } = await findPage(rows(), byPrice, { first: 1 })
    const rejection = { code: 'VALIDATION_FAILED', errors: [{ path: '/after' }] }
    await expect(findPage(rows(), { ...byPrice, filter: {} }, { first: 1, after: cursors[0] })).rejects.toMatchObject(
      rejection,
    )
    await expect(
      findPage(rows(), { ...byPrice, sort: [['_id', 1]] }, { first: 1, after: cursors[0] }),
    ).rejects.toMatchObject(rejection)
    for (const after of ['nonsense', '', Buffer.from('{"$gt":1}').toString('base64url')])
      await expect(findPage(rows(), byPrice, { first: 1, after })).rejects.toMatchObject(rejection)
  })
})
