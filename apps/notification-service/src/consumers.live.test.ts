import { createKafka, type KafkaClient, type IncomingMessage, type ConsumerOptions } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { eventually, rejectAfter } from '@halles/test-fixtures/wait'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import type { OrderEvent } from '@halles/contracts/order-events'
import { afterEach, describe, expect, inject, it } from 'vitest'
import { createOrderEvent } from '../test/events.ts'
import { createTestConsumers } from '../test/test-service.ts'
import { consumeOrderEvents } from './consumers.ts'
import type { InsertOutcome } from './insert-new.ts'

const log = createLogger('test', 'silent')
const kafka = createKafka(inject('kafka'), 'notification-test', log)
const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

type RecordEvents = (events: OrderEvent[]) => Promise<InsertOutcome[]>

/** Starts a consumer on a topic that no other test uses. `record` stands for the database, `client` for Kafka. */
async function startConsumer({
  record = async (events) => events.map(() => 'recorded'),
  client = kafka,
  queueLimit = 8_000_000,
}: {
  record?: RecordEvents
  /** The most bytes that the dead-letter queue accepts in one send. */
  queueLimit?: number
  client?: Pick<KafkaClient, 'ensureTopic' | 'consume' | 'publisher'>
} = {}) {
  const config = createTestConsumers().orderEvents
  const recorded: OrderEvent[] = []
  const outcomes: string[] = []
  await kafka.ensureTopic(config.topic, 1)
  await kafka.ensureTopic(config.dlq, 1, undefined, { 'max.message.bytes': String(queueLimit) })
  const publisher = kafka.publisher()
  const consumer = consumeOrderEvents(
    {
      kafka: client,
      log,
      onMessage: (outcome) => outcomes.push(outcome),
      record: async (events) => {
        const insertOutcomes = await record(events)
        recorded.push(...events)
        return insertOutcomes
      },
    },
    config,
  )
  closers.push(publisher.close, consumer.close)
  const publish = (...values: (string | Buffer | null)[]) =>
    publisher.send(
      config.topic,
      values.map((value) => ({ key: 'an-order', value, headers: { 'content-type': 'application/json' } })),
    )
  return { ...config, recorded, outcomes, publish }
}

/**
 * Waits until there are `count` dead letters, and returns them without repeats: what was dead-lettered before its batch
 * failed is dead-lettered again with it.
 */
async function readDeadLetters({ dlq }: { dlq: string }, count: number): Promise<IncomingMessage[]> {
  const byOffset = new Map<string | undefined, IncomingMessage>()
  const consumer = await kafka.consume({
    groupId: dlq,
    topic: dlq,
    onBatch: async (batch) => {
      for (const message of batch)
        byOffset.set(message.headers['origin-offset'], byOffset.get(message.headers['origin-offset']) ?? message)
    },
  })
  closers.push(consumer.close)
  return eventually(`${count} dead letters are published`, () => byOffset.size >= count && [...byOffset.values()])
}

const folder = new URL('../../../packages/contracts/examples/order-events/', import.meta.url)
const readExamples = (url: URL): string[] =>
  readdirSync(url)
    .filter((name) => name.endsWith('.json'))
    .map((name) => readFileSync(new URL(name, url), 'utf8'))

describe('consumer of order events', () => {
  it('records all example events of the contract, in order', async () => {
    const examples = readExamples(folder)
    const { publish, recorded } = await startConsumer()
    await publish(...examples)
    await eventually('all are recorded', () => recorded.length === examples.length)
    expect(recorded).toEqual(examples.map((text) => JSON.parse(text)))
  })

  it('dead-letters the invalid examples of the contract, and records the next event', async () => {
    const invalid = readExamples(new URL('invalid/', folder))
    const valid = createOrderEvent()
    const { publish, recorded, ...config } = await startConsumer()
    await publish(...invalid, JSON.stringify(valid))
    await eventually('the valid event is recorded', () => recorded.length === 1)
    expect(recorded).toEqual([valid])
    expect((await readDeadLetters(config, invalid.length)).map(({ value }) => value)).toEqual(invalid)
  })
})

describe('consumer of order events, for a poison message', () => {
  it('dead-letters it unchanged, with the reason and the origin in its headers', async () => {
    const { publish, outcomes, ...config } = await startConsumer()
    const bytes = Buffer.from([0xff, 0xfe, 0x00, 0xc3])
    const startedAt = Date.now()
    await publish(JSON.stringify(createOrderEvent()), bytes, '{"specversion"', null, '[]', 'x'.repeat(1_000_001))
    const deadLetters = await readDeadLetters(config, 5)
    expect(deadLetters.map(({ bytes }) => bytes)).toEqual([
      bytes,
      Buffer.from('{"specversion"'),
      null,
      Buffer.from('[]'),
      Buffer.from('x'.repeat(1_000_001)),
    ])
    expect(deadLetters.map(({ headers }) => headers['origin-offset'])).toEqual(['1', '2', '3', '4', '5'])
    expect(deadLetters.map(({ headers }) => headers['reason'])).toEqual([
      'not JSON',
      'not JSON',
      'no value',
      expect.stringMatching(/^not an order event: /),
      'larger than any order',
    ])
    for (const { key, headers } of deadLetters) {
      expect(key).toBe('an-order')
      expect(headers).toMatchObject({
        'content-type': 'application/json',
        'origin-topic': config.topic,
        'origin-partition': '0',
        'origin-group': config.groupId,
      })
      expect(new Date(headers['parked-at']!).getTime()).toBeGreaterThanOrEqual(startedAt)
    }
    expect(outcomes.toSorted((a, b) => a.localeCompare(b))).toEqual([...Array(5).fill('dead-lettered'), 'recorded'])
  })

  it('splits a batch that is too large for one send, and drops a value that is too large by itself', async () => {
    const { publish, recorded, ...config } = await startConsumer({ queueLimit: 3000 })
    const many = Array.from({ length: 20 }, (_, i) => `${i} ${'x'.repeat(500)}`)
    const valid = createOrderEvent()
    await publish(...many.slice(0, 10), 'y'.repeat(5000), ...many.slice(10), JSON.stringify(valid))
    const deadLetters = await readDeadLetters(config, 21)
    await eventually('the next event is recorded', () => recorded.length > 0)
    expect(deadLetters.filter(({ value }) => value !== null).map(({ value }) => value)).toEqual(many)
    const [large] = deadLetters.filter(({ value }) => value === null)
    expect(large!.headers).toMatchObject({
      'value-left-at-origin': '5000',
      reason: 'not JSON',
      'origin-topic': config.topic,
      'origin-offset': '10',
    })
  })

  it('keeps the bytes of its key and headers', async () => {
    const { topic, ...config } = await startConsumer()
    const publisher = kafka.publisher()
    closers.push(publisher.close)
    const bytes = Buffer.from([0xff, 0x00])
    await publisher.send(topic, [{ key: bytes, value: 'nonsense', headers: { bytes, several: ['a', bytes] } }])
    const [{ raw }] = (await readDeadLetters(config, 1)) as [IncomingMessage]
    expect(raw.key).toEqual(bytes)
    expect(raw.headers).toMatchObject({ bytes, several: [Buffer.from('a'), bytes] })
  })

  it('dead-letters an event whose subject is another order', async () => {
    const { publish, ...config } = await startConsumer()
    await publish(JSON.stringify({ ...createOrderEvent(), subject: 'another' }))
    expect((await readDeadLetters(config, 1))[0]!.headers['reason']).toBe('subject is not the id of the order')
  })

  it('does not commit its offset before it is dead-lettered', async () => {
    let sends = 0
    const client = {
      ...kafka,
      publisher: () => {
        const publisher = kafka.publisher()
        const send: typeof publisher.send = (...args) =>
          ++sends < 3 ? Promise.reject(new Error('not now')) : publisher.send(...args)
        return { ...publisher, send }
      },
    }
    const { publish, recorded, ...config } = await startConsumer({ client })
    const valid = createOrderEvent()
    await publish('nonsense', JSON.stringify(valid))
    expect(await readDeadLetters(config, 1)).toMatchObject([{ value: 'nonsense' }])
    expect(sends).toBe(3)
    // The valid event is delivered again with each retry of the batch: the store recognises the duplicates.
    await eventually('it is recorded with each retry', () => recorded.length === 3)
    expect(recorded).toEqual([valid, valid, valid])
  })
})

describe('consumer of order events, for an event', () => {
  it('consumes it again when it could not be recorded, and skips none', async () => {
    let attempts = 0
    const record: RecordEvents = async (events) => {
      if (++attempts < 3) throw new TypeError('the database is away')
      return events.map(() => 'recorded')
    }
    const { publish, recorded } = await startConsumer({ record })
    const events = [createOrderEvent(), createOrderEvent(), createOrderEvent()]
    await publish(...events.map((event) => JSON.stringify(event)))
    await eventually('all are recorded', () => recorded.length === 3)
    expect(recorded).toEqual(events)
  })

  it('resumes at the committed offset of its group', async () => {
    const first = await startConsumer()
    await first.publish(JSON.stringify(createOrderEvent()))
    await eventually('the first event is recorded', () => first.recorded.length === 1)
    await closers.pop()!()
    const laterEvent = createOrderEvent()
    await first.publish(JSON.stringify(laterEvent))
    const recorded: OrderEvent[] = []
    const restarted = consumeOrderEvents(
      { kafka, log, record: async (events) => (recorded.push(...events), events.map(() => 'recorded')) },
      first,
    )
    closers.push(restarted.close)
    await eventually('the later event is recorded', () => recorded.length > 0)
    expect(recorded).toEqual([laterEvent])
  })
})

describe('consumer of order events, on close', () => {
  it('stops within 7 s while Kafka accepts connections and does not answer', async () => {
    const silentServer = createServer(() => {}).listen(0, '127.0.0.1')
    await once(silentServer, 'listening')
    closers.push(() => silentServer.close())
    const silentKafka = createKafka(
      `127.0.0.1:${(silentServer.address() as AddressInfo).port}`,
      'notification-test',
      log,
    )
    // As when Kafka becomes silent after the topic was created.
    const { promise: isConsuming, resolve } = Promise.withResolvers<void>()
    const client = {
      ...silentKafka,
      ensureTopic: async () => {},
      consume: (options: ConsumerOptions) => (resolve(), silentKafka.consume(options)),
    }
    const { orderEvents } = createTestConsumers()
    const consumer = consumeOrderEvents({ kafka: client, log, record: async () => [] }, orderEvents)
    await isConsuming
    await expect(rejectAfter(7000, consumer.close())).resolves.toBeUndefined()
  })

  it('stops while Kafka is away', async () => {
    const absentKafka = createKafka('127.0.0.1:1', 'notification-test', log)
    const { orderEvents } = createTestConsumers()
    await consumeOrderEvents({ kafka: absentKafka, log, record: async () => [] }, orderEvents).close()
    await expect(absentKafka.ping()).rejects.toThrow()
  })
})
