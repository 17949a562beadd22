import { randomUUID } from 'node:crypto'
import { openMongo, type Mongo } from '@halles/service/mongo'
import { ownDatabase } from '@halles/testkit/database'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { someEvent } from '../test/events.ts'
import { lettersIn, type Letters } from './letters.ts'
import { notify } from './notify.ts'

let mongo: Mongo
let letters: Letters
beforeAll(async () => {
  mongo = await openMongo(ownDatabase(inject('mongodb')), 'notification-test')
  letters = await lettersIn(mongo.db)
})
afterAll(() => mongo.close())

const sequences = async (orderId: string) =>
  (await letters.aboutOrders([orderId], undefined)).map(({ sequence }) => sequence)

describe('an event', () => {
  it('becomes one letter, however often and wherever it comes', async () => {
    const event = someEvent()
    expect(await notify({ letters }, [event, event])).toEqual(['recorded', 'known'])
    expect(await notify({ letters }, [event])).toEqual(['known'])
    const twice = await Promise.all([notify({ letters }, [event]), notify({ letters }, [event])])
    expect(twice).toEqual([['known'], ['known']])
    expect(await sequences(event.subject)).toEqual([2])
  })

  it('becomes one letter when two instances hear it at the same moment', async () => {
    const event = someEvent()
    const answers = await Promise.all([notify({ letters }, [event]), notify({ letters }, [event])])
    expect(new Set(answers.flat())).toEqual(new Set(['known', 'recorded']))
    expect(await sequences(event.subject)).toEqual([2])
  })

  it('is ignored when its place was taken by another', async () => {
    const event = someEvent()
    expect(await notify({ letters }, [event, { ...event, id: 'another' }])).toEqual(['recorded', 'known'])
  })

  it('that comes after a later one has its letter too: it may have been parked until now', async () => {
    const orderId = randomUUID()
    const [first, second, third] = [1, 2, 3].map((sequence) => someEvent({ sequence, orderId }))
    expect(await notify({ letters }, [first!, third!])).toEqual(['recorded', 'recorded'])
    expect(await notify({ letters }, [second!, third!])).toEqual(['recorded', 'known'])
    expect(await notify({ letters }, [second!])).toEqual(['known'])
    expect(await sequences(first!.subject)).toEqual([1, 2, 3])
  })

  it('waits for no other order, and keeps its order within one', async () => {
    const events = [randomUUID(), randomUUID()].flatMap((orderId) =>
      [1, 2, 3, 4].map((sequence) => someEvent({ sequence, orderId })),
    )
    const mixed = [0, 4, 1, 5, 2, 6, 3, 7].map((i) => events[i]!)
    expect(new Set(await notify({ letters }, mixed))).toEqual(new Set(['recorded']))
    for (const { subject } of [events[0]!, events[4]!]) expect(await sequences(subject)).toEqual([1, 2, 3, 4])
  })
})
