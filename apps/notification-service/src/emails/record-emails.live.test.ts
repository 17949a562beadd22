import { randomUUID } from 'node:crypto'
import { connectMongo, type MongoConnection } from '@halles/mongo/mongo'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createOrderEvent } from '../../test/events.ts'
import { createEmailStore, type EmailStore } from './emails.ts'
import { recordOrderEmails } from './record-emails.ts'

let mongo: MongoConnection
let emails: EmailStore
beforeAll(async () => {
  mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb')), 'notification-test')
  emails = await createEmailStore(mongo.db)
})
afterAll(() => mongo.close())

const findSequences = async (orderId: string) =>
  (await emails.findByOrders([orderId], undefined)).map(({ sequence }) => sequence)

describe('recordOrderEmails', () => {
  it('records one e-mail for an event that is delivered several times', async () => {
    const event = createOrderEvent()
    expect(await recordOrderEmails({ emails }, [event, event])).toEqual(['recorded', 'duplicate'])
    expect(await recordOrderEmails({ emails }, [event])).toEqual(['duplicate'])
    const again = await Promise.all([recordOrderEmails({ emails }, [event]), recordOrderEmails({ emails }, [event])])
    expect(again).toEqual([['duplicate'], ['duplicate']])
    expect(await findSequences(event.subject)).toEqual([2])
  })

  it('records one e-mail when two instances consume an event at the same time', async () => {
    const event = createOrderEvent()
    const outcomes = await Promise.all([recordOrderEmails({ emails }, [event]), recordOrderEmails({ emails }, [event])])
    expect(new Set(outcomes.flat())).toEqual(new Set(['duplicate', 'recorded']))
    expect(await findSequences(event.subject)).toEqual([2])
  })

  it('ignores an event whose sequence number another event of the order has', async () => {
    const event = createOrderEvent()
    const outcomes = await recordOrderEmails({ emails }, [event, { ...event, id: 'another' }])
    expect(outcomes).toEqual(['recorded', 'duplicate'])
  })

  it('records an e-mail for an event that arrives after a later one, as a redriven one does', async () => {
    const orderId = randomUUID()
    const [first, second, third] = [1, 2, 3].map((sequence) => createOrderEvent({ sequence, orderId }))
    expect(await recordOrderEmails({ emails }, [first!, third!])).toEqual(['recorded', 'recorded'])
    expect(await recordOrderEmails({ emails }, [second!, third!])).toEqual(['recorded', 'duplicate'])
    expect(await recordOrderEmails({ emails }, [second!])).toEqual(['duplicate'])
    expect(await findSequences(first!.subject)).toEqual([1, 2, 3])
  })

  it('records interleaved events of several orders, in sequence within each order', async () => {
    const events = [randomUUID(), randomUUID()].flatMap((orderId) =>
      [1, 2, 3, 4].map((sequence) => createOrderEvent({ sequence, orderId })),
    )
    const mixed = [0, 4, 1, 5, 2, 6, 3, 7].map((i) => events[i]!)
    expect(new Set(await recordOrderEmails({ emails }, mixed))).toEqual(new Set(['recorded']))
    for (const { subject } of [events[0]!, events[4]!]) expect(await findSequences(subject)).toEqual([1, 2, 3, 4])
  })
})
