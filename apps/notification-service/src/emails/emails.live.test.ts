import { randomUUID } from 'node:crypto'
import { connectMongo, type MongoConnection } from '@halles/mongo/mongo'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import type { Document } from 'mongodb'
import { afterEach, beforeEach, describe, expect, inject, it } from 'vitest'
import { createCustomer, createOrderEvent } from '../../test/events.ts'
import { createEmailStore } from './emails.ts'
import { recordOrderEmails } from './record-emails.ts'

let mongo: MongoConnection
beforeEach(async () => {
  mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb')), 'notification-test')
})
afterEach(() => mongo.close())

const now = new Date('2026-11-24T08:30:00.000Z')
const minutesAgo = (minutes: number) => new Date(now.getTime() - minutes * 60_000)

/** An e-mail as a version that called it a letter stored it. */
const createLetter = (id: string, overrides: Document = {}): Document => ({
  _id: id,
  eventId: `event-${id}`,
  userId: 'u-1',
  recipient: 'camille@example.test',
  name: 'Camille Martin',
  locale: 'fr',
  subject: 'Votre commande #1042 a été confirmée',
  happenedAt: minutesAgo(60),
  traceparent: null,
  status: 'PENDING',
  copy: 1,
  attempts: 5,
  failures: 3,
  createdAt: minutesAgo(60),
  sentAt: null,
  since: minutesAgo(50),
  nextAttemptAt: minutesAgo(1),
  lastError: 'the mail server answered 451',
  orderId: 'o-1',
  sequence: 2,
  order: { number: '1042', total: 0, status: 'Confirmée', statusHistory: [], createdAt: '', items: [] },
  ...overrides,
})

describe('email store', () => {
  it('migrates the collection and the fields of earlier versions', async () => {
    const letters = mongo.db.collection('letters')
    await letters.createIndex(
      { orderId: 1, sequence: 1 },
      { name: 'place', unique: true, partialFilterExpression: { orderId: { $exists: true } } },
    )
    await letters.insertMany([
      createLetter('due'),
      createLetter('expired', { sequence: 3, claim: 'a dead worker', leasedUntil: minutesAgo(1) }),
      createLetter('leased', { sequence: 4, claim: 'a worker', leasedUntil: new Date(now.getTime() + 60_000) }),
    ])

    const emails = await createEmailStore(mongo.db)
    const [email] = await emails.findByIds(['due'], 'u-1')
    expect(email).toEqual({
      ...Object.fromEntries(
        Object.entries(createLetter('due')).filter(([field]) => !['_id', 'copy', 'failures', 'since'].includes(field)),
      ),
      id: 'due',
      resend: 1,
      failedAttempts: 3,
      firstAttemptAt: minutesAgo(50),
    })
    expect(await emails.countPending()).toEqual({ count: 3, oldest: minutesAgo(50) })
    const leased = await emails.lease(10, 'another worker', now, new Date(now.getTime() + 60_000))
    expect(leased.map(({ id }) => id).toSorted()).toEqual(['due', 'expired'])

    const stored = await mongo.db.collection('emails').find().toArray()
    for (const document of stored)
      expect(Object.keys(document)).not.toEqual(
        expect.arrayContaining([expect.stringMatching(/^(claim|leasedUntil|copy|failures|since)$/)]),
      )
    const names = (await mongo.db.listCollections().toArray()).map(({ name }) => name)
    expect(names.toSorted()).toEqual(['emails', 'migrations'])
    const indexes = (await mongo.db.collection('emails').indexes()).map(({ name }) => name)
    expect(indexes).toContain('order_sequence')
    expect(indexes).not.toContain('place')
  })

  it('migrates data of earlier versions when several instances start at once', async () => {
    await mongo.db
      .collection('letters')
      .insertMany(Array.from({ length: 50 }, (_, i) => createLetter(`${i}`, { orderId: randomUUID() })))
    const [emails] = await Promise.all([1, 2, 3].map(() => createEmailStore(mongo.db)))
    expect(await emails!.countPending()).toEqual({ count: 50, oldest: minutesAgo(50) })
  })

  it('finds the e-mails about orders by an index, also in a database that had none about accounts', async () => {
    const collection = mongo.db.collection('letters')
    await collection.createIndex({ orderId: 1, sequence: 1 }, { unique: true })
    await createEmailStore(mongo.db)
    const emails = mongo.db.collection('emails')
    const filter = {
      orderId: { $in: [createOrderEvent().subject, createOrderEvent().subject] },
      userId: createCustomer().id,
    }
    const plan = await emails.find(filter).sort({ orderId: 1, sequence: 1 }).explain('queryPlanner')
    expect(JSON.stringify(plan)).toContain('"indexName":"order_sequence"')
    expect((await emails.indexes()).map(({ name }) => name)).not.toContain('orderId_1_sequence_1')
    await emails.insertMany([{ eventId: 'a' }, { eventId: 'b' }])
  })

  it('leases the e-mails that are due longest, and returns them in that order', async () => {
    const emails = await createEmailStore(mongo.db)
    for (const minutes of [2, 4, 1, 3])
      await recordOrderEmails({ emails, now: () => minutesAgo(minutes) }, [createOrderEvent()])
    const leased = await emails.lease(3, 'a worker', now, new Date(now.getTime() + 60_000))
    expect(leased.map(({ nextAttemptAt }) => nextAttemptAt)).toEqual([4, 3, 2].map(minutesAgo))
  })
})
