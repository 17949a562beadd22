import { kafkaAt, type Broker, type Incoming, type Listening } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import { eventually, inTime } from '@halles/testkit/wait'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import type { OrderEvent } from '@halles/contracts/order-events'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { someEvent } from '../test/events.ts'
import { ownSubscription } from '../test/running.ts'
import { listenToOrders } from './events.ts'
import type { Kept } from './keep-new.ts'

const log = logger('test', 'silent')
const broker = kafkaAt(inject('kafka'), 'notification-test', log)
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

type Record = (events: OrderEvent[]) => Promise<Kept[]>

/** A topic of its own with someone who listens; `record` stands for the database. */
async function topic({
  record = async (events) => events.map(() => 'recorded'),
  through = broker,
  largest = 8_000_000,
}: {
  record?: Record
  /** What the dead-letter queue takes at a time, in bytes. */
  largest?: number
  through?: Pick<Broker, 'ensureTopic' | 'listen' | 'publisher'>
} = {}) {
  const subscription = ownSubscription()
  const recorded: OrderEvent[] = []
  const outcomes: string[] = []
  await broker.ensureTopic(subscription.topic, 1)
  await broker.ensureTopic(subscription.dlq, 1, undefined, { 'max.message.bytes': String(largest) })
  const publisher = broker.publisher()
  const orders = listenToOrders(
    {
      broker: through,
      log,
      heard: (outcome) => outcomes.push(outcome),
      record: async (events) => {
        const kept = await record(events)
        recorded.push(...events)
        return kept
      },
    },
    subscription,
  )
  closers.push(publisher.close, orders.close)
  const say = (...values: (string | Buffer | null)[]) =>
    publisher.send(
      subscription.topic,
      values.map((value) => ({ key: 'an-order', value, headers: { 'content-type': 'application/json' } })),
    )
  return { ...subscription, recorded, outcomes, say }
}

/** What is parked, repeats aside, once there are so many: what was parked when its batch failed is parked again with it. */
async function parked({ dlq }: { dlq: string }, count: number): Promise<Incoming[]> {
  const came = new Map<string | undefined, Incoming>()
  const listener = await broker.listen({
    groupId: dlq,
    topic: dlq,
    onBatch: async (batch) => {
      for (const message of batch)
        came.set(message.headers['origin-offset'], came.get(message.headers['origin-offset']) ?? message)
    },
  })
  closers.push(listener.close)
  return eventually(`${count} are parked`, () => came.size >= count && [...came.values()])
}

const folder = new URL('../../../packages/contracts/examples/order-events/', import.meta.url)
const examplesIn = (url: URL): string[] =>
  readdirSync(url)
    .filter((name) => name.endsWith('.json'))
    .map((name) => readFileSync(new URL(name, url), 'utf8'))

describe('what order-service promises to say', () => {
  it('is all understood, in order', async () => {
    const examples = examplesIn(folder)
    const { say, recorded } = await topic()
    await say(...examples)
    await eventually('all are recorded', () => recorded.length === examples.length)
    expect(recorded).toEqual(examples.map((text) => JSON.parse(text)))
  })

  it('is parked when it breaks the promise, and the next one goes on', async () => {
    const broken = examplesIn(new URL('invalid/', folder))
    const good = someEvent()
    const { say, recorded, ...names } = await topic()
    await say(...broken, JSON.stringify(good))
    await eventually('the good one is recorded', () => recorded.length === 1)
    expect(recorded).toEqual([good])
    expect((await parked(names, broken.length)).map(({ value }) => value)).toEqual(broken)
  })
})

describe('poison', () => {
  it('is parked as it came, with why and whence in its headers', async () => {
    const { say, outcomes, ...names } = await topic()
    const bytes = Buffer.from([0xff, 0xfe, 0x00, 0xc3])
    const began = Date.now()
    await say(JSON.stringify(someEvent()), bytes, '{"specversion"', null, '[]', 'x'.repeat(1_000_001))
    const letters = await parked(names, 5)
    expect(letters.map((one) => one.bytes)).toEqual([
      bytes,
      Buffer.from('{"specversion"'),
      null,
      Buffer.from('[]'),
      Buffer.from('x'.repeat(1_000_001)),
    ])
    expect(letters.map(({ headers }) => headers['origin-offset'])).toEqual(['1', '2', '3', '4', '5'])
    expect(letters.map(({ headers }) => headers['reason'])).toEqual([
      'not JSON',
      'not JSON',
      'no value',
      expect.stringMatching(/^not an order event: /),
      'larger than any order',
    ])
    for (const { key, headers } of letters) {
      expect(key).toBe('an-order')
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'origin-topic': names.topic,
        'origin-partition': '0',
        'origin-group': names.groupId,
      })
      expect(new Date(headers['parked-at']!).getTime()).toBeGreaterThanOrEqual(began)
    }
    expect(outcomes.toSorted((a, b) => a.localeCompare(b))).toEqual([...Array(5).fill('parked'), 'recorded'])
  })

  it('that is too much for one send goes in several, and too large a message without its value', async () => {
    const { say, recorded, ...names } = await topic({ largest: 3000 })
    const many = Array.from({ length: 20 }, (_, i) => `${i} ${'x'.repeat(500)}`)
    const good = someEvent()
    await say(...many.slice(0, 10), 'y'.repeat(5000), ...many.slice(10), JSON.stringify(good))
    const there = await parked(names, 21)
    await eventually('what follows is recorded', () => recorded.length > 0)
    expect(there.filter(({ value }) => value !== null).map(({ value }) => value)).toEqual(many)
    const [large] = there.filter(({ value }) => value === null)
    expect(large!.headers).toMatchObject({
      'value-left-at-origin': '5000',
      reason: 'not JSON',
      'origin-topic': names.topic,
      'origin-offset': '10',
    })
  })

  it('keeps key and headers to the byte', async () => {
    const { topic: name, ...names } = await topic()
    const publisher = broker.publisher()
    closers.push(publisher.close)
    const bytes = Buffer.from([0xff, 0x00])
    await publisher.send(name, [{ key: bytes, value: 'nonsense', headers: { bytes, several: ['a', bytes] } }])
    const [{ raw }] = (await parked(names, 1)) as [Incoming]
    expect(raw.key).toEqual(bytes)
    expect(raw.headers).toMatchObject({ bytes, several: [Buffer.from('a'), bytes] })
  })

  it('is an event whose subject is another order', async () => {
    const { say, ...names } = await topic()
    await say(JSON.stringify({ ...someEvent(), subject: 'another' }))
    expect((await parked(names, 1))[0]!.headers['reason']).toBe('subject is not the id of the order')
  })

  it('is not acknowledged before it is parked', async () => {
    let tries = 0
    const through = {
      ...broker,
      publisher: () => {
        const publisher = broker.publisher()
        const send: typeof publisher.send = (...args) =>
          ++tries < 3 ? Promise.reject(new Error('not now')) : publisher.send(...args)
        return { ...publisher, send }
      },
    }
    const { say, recorded, ...names } = await topic({ through })
    const good = someEvent()
    await say('nonsense', JSON.stringify(good))
    expect(await parked(names, 1)).toMatchObject([{ value: 'nonsense' }])
    expect(tries).toBe(3)
    // The good one came with it each time: that it is known by then is the store's to say.
    await eventually('recorded with each try', () => recorded.length === 3)
    expect(recorded).toEqual([good, good, good])
  })
})

describe('an event', () => {
  it('comes again when it could not be recorded, and none is passed over', async () => {
    let tries = 0
    const record: Record = async (events) => {
      if (++tries < 3) throw new TypeError('the database is away')
      return events.map(() => 'recorded')
    }
    const { say, recorded } = await topic({ record })
    const events = [someEvent(), someEvent(), someEvent()]
    await say(...events.map((event) => JSON.stringify(event)))
    await eventually('all are recorded', () => recorded.length === 3)
    expect(recorded).toEqual(events)
  })

  it('is heard by one of a group, and goes on where the group was', async () => {
    const first = await topic()
    await first.say(JSON.stringify(someEvent()))
    await eventually('the first is recorded', () => first.recorded.length === 1)
    await closers.pop()!()
    const later = someEvent()
    await first.say(JSON.stringify(later))
    const recorded: OrderEvent[] = []
    const again = listenToOrders(
      { broker, log, record: async (events) => (recorded.push(...events), events.map(() => 'recorded')) },
      first,
    )
    closers.push(again.close)
    await eventually('the later one is recorded', () => recorded.length > 0)
    expect(recorded).toEqual([later])
  })
})

it('stops while Kafka is there and says nothing', async () => {
  const silent = createServer(() => {}).listen(0, '127.0.0.1')
  await once(silent, 'listening')
  closers.push(() => silent.close())
  const mute = kafkaAt(`127.0.0.1:${(silent.address() as AddressInfo).port}`, 'notification-test', log)
  // As when Kafka goes away between the two.
  const { promise, resolve } = Promise.withResolvers<void>()
  const through = { ...mute, ensureTopic: async () => {}, listen: (wish: Listening) => (resolve(), mute.listen(wish)) }
  const orders = listenToOrders({ broker: through, log, record: async () => [] }, ownSubscription())
  await promise
  await expect(inTime(7000, orders.close())).resolves.toBeUndefined()
})

it('stops while Kafka is away', async () => {
  const away = kafkaAt('127.0.0.1:1', 'notification-test', log)
  await listenToOrders({ broker: away, log, record: async () => [] }, ownSubscription()).close()
  await expect(away.ping()).rejects.toThrow()
})
