import { randomUUID } from 'node:crypto'
import type { KafkaClient, OutgoingMessage } from '@halles/kafka/kafka'
import { connectMongo } from '@halles/mongo/mongo'
import { createLogger } from '@halles/telemetry/log'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { createAdmin, createPrincipal, type TestPrincipal } from '@halles/test-fixtures/principals'
import { eventually } from '@halles/test-fixtures/wait'
import { Kafka, logLevel } from 'kafkajs'
import type { Document } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { createOrderEvent } from '../../test/events.ts'
import { findReceivedEmails, startTestService, type TestService } from '../../test/test-service.ts'
import { consumeDeadLetters } from './dead-letter-consumer.ts'
import { toDeadLetter } from './dead-letter.ts'
import { createDeadLetterStore } from './dead-letters.ts'

let service: TestService
const admin = createAdmin()
beforeAll(async () => {
  const servers = { mongodb: inject('mongodb'), kafka: inject('kafka'), smtp: inject('smtp') }
  service = await startTestService(servers)
})
afterAll(() => service.close())

type DeadLetterView = { id: string; key: string; reason: string; parkedAt: string; [field: string]: unknown }

const list = async (query = '?first=100'): Promise<DeadLetterView[]> =>
  (await service.request(admin, 'GET', `/dead-letters${query}`)).json().items
const read = async (id: string) => (await service.request(admin, 'GET', `/dead-letters/${id}`)).json()
const redrive = (id: string, actor: TestPrincipal | undefined = admin) =>
  service.request(actor, 'POST', `/dead-letters/${id}/redrive`)

/** Waits until there are `count` dead letters with this key, and returns them, oldest first. */
const waitForDeadLetters = (key: string, count = 1): Promise<DeadLetterView[]> =>
  eventually(`${count} dead letters have the key ${key}`, async () => {
    const found = (await list()).filter((deadLetter) => deadLetter.key === key).toReversed()
    return found.length >= count && found
  })

/** Publishes poison messages with a key of their own, and returns their dead letters. */
async function publishPoison(...values: (string | Buffer | null)[]): Promise<DeadLetterView[]> {
  const key = randomUUID()
  for (const value of values) await service.publishMessage(key, value, { 'x-origin': 'a test' })
  return waitForDeadLetters(key, values.length)
}

const deadLetterQuery = `query ($id: ID!) { deadLetter(id: $id) {
  id reason key size value encoding headers { name value } origin { topic partition offset group } parkedAt redrives redrivenAt } }`
const redriveMutation = 'mutation ($id: ID!) { redriveDeadLetter(id: $id) { id redrives redrivenAt } }'
const pageQuery = `query ($redriven: Boolean, $first: Int, $after: String) {
  deadLetters(redriven: $redriven, first: $first, after: $after) {
    nodes { id reason key size value } edges { cursor } pageInfo { hasNextPage endCursor } totalCount } }`

describe('a message that cannot be processed', () => {
  it.each([
    ['text', 'nonsense ✓', 'nonsense ✓', 'utf-8', 'not JSON'],
    ['bytes', Buffer.from([0xff, 0x00]), '/wA=', 'base64', 'not JSON'],
    ['nothing', null, null, null, 'no value'],
    ['an empty text', '', '', 'utf-8', 'not JSON'],
  ])('is shown with its content, %s, by REST and by GraphQL', async (_what, value, text, encoding, reason) => {
    const [listed] = await publishPoison(value)
    const { headers, ...rest } = await read(listed!.id)
    expect(rest).toEqual({ ...listed, value: text, encoding })
    expect(listed).toEqual({
      id: expect.stringMatching(/^0\.\d+\.[\w-]{16}$/),
      reason,
      key: expect.any(String),
      origin: {
        topic: service.consumers.orderEvents.topic,
        partition: expect.any(Number),
        offset: expect.stringMatching(/^\d+$/),
        group: service.consumers.orderEvents.groupId,
      },
      size: value === null ? null : Buffer.byteLength(value),
      parkedAt: expect.stringMatching(/Z$/),
      redrives: 0,
      redrivenAt: null,
    })
    expect(headers).toEqual([{ name: 'x-origin', value: 'a test' }])
    const { data } = await service.graphql(admin, deadLetterQuery, { id: listed!.id })
    const named = encoding && { 'utf-8': 'UTF8', base64: 'BASE64' }[encoding]
    expect(data.deadLetter).toEqual({ ...rest, headers, encoding: named })
  })

  it('is listed newest first, page by page, by REST and by GraphQL', async () => {
    const own = (await publishPoison('a', 'b', 'c', 'd', 'e')).toReversed().map(({ id }) => id)
    const seen: string[] = []
    for (let after = ''; ;) {
      const response = (await service.request(admin, 'GET', `/dead-letters?first=2${after}`)).json()
      seen.push(...response.items.map(({ id }: DeadLetterView) => id))
      if (!response.pageInfo.hasNextPage) break
      after = `&after=${response.pageInfo.endCursor}`
    }
    expect(seen.slice(0, 5)).toEqual(own)
    expect(new Set(seen).size).toBe(seen.length)
    const first = (await service.graphql(admin, pageQuery, { first: 3 })).data.deadLetters
    const next = (await service.graphql(admin, pageQuery, { first: 2, after: first.pageInfo.endCursor })).data
      .deadLetters
    expect([...first.nodes, ...next.nodes].map(({ id }: DeadLetterView) => id)).toEqual(own)
    expect([...first.nodes, ...next.nodes].map(({ value }) => value)).toEqual(['e', 'd', 'c', 'b', 'a'])
    expect(first.totalCount).toBe(seen.length)
  })
})

describe('redriving a dead letter', () => {
  it('publishes the original message, which becomes another dead letter when it is still poison', async () => {
    const bytes = Buffer.from([0xff, 0x01])
    const [first] = await publishPoison(bytes)
    const response = await redrive(first!.id)
    expect(response.statusCode).toBe(202)
    expect(response.json()).toEqual({ ...first, redrives: 1, redrivenAt: expect.stringMatching(/Z$/) })
    const [, second] = await waitForDeadLetters(first!.key, 2)
    expect(second).toMatchObject({ reason: first!.reason, size: 2, redrives: 0 })
    expect(second!.origin).not.toEqual(first!.origin)
    expect(await read(second!.id)).toMatchObject({
      value: bytes.toString('base64'),
      headers: [{ name: 'x-origin', value: 'a test' }],
    })
    const { data } = await service.graphql(admin, redriveMutation, { id: second!.id })
    expect(data.redriveDeadLetter).toMatchObject({ id: second!.id, redrives: 1, redrivenAt: expect.any(String) })
    await waitForDeadLetters(first!.key, 3)
    const ids = async (query: string) => (await list(query)).filter(({ key }) => key === first!.key).length
    expect([await ids('?first=100&redriven=true'), await ids('?first=100&redriven=false')]).toEqual([2, 1])
  })

  it('sends the e-mail about an event, also after later events, and only once', async () => {
    const orderId = randomUUID()
    const event = createOrderEvent({ orderId, sequence: 1 })
    const { customer } = event.data
    const laterEvent = createOrderEvent({ orderId, sequence: 2, customer })
    await service.publishOrderEvents(laterEvent)
    await findReceivedEmails(inject('mailbox'), customer.email)
    const publisher = service.kafka.publisher()
    onTestFinished(publisher.close)
    const message: OutgoingMessage = { key: orderId, value: JSON.stringify(event), headers: { reason: 'too new' } }
    await publisher.send(service.consumers.orderEvents.dlq, [message])
    const [deadLetter] = await waitForDeadLetters(orderId)
    expect(deadLetter).toMatchObject({
      reason: 'too new',
      origin: { topic: service.consumers.orderEvents.topic, group: null },
    })
    for (const redrives of [1, 2]) expect((await redrive(deadLetter!.id)).json()).toMatchObject({ redrives })
    await findReceivedEmails(inject('mailbox'), customer.email, 2)
    await service.publishOrderEvents(createOrderEvent({ orderId, sequence: 3, customer }))
    const received = await findReceivedEmails(inject('mailbox'), customer.email, 3)
    expect(received.map(({ headers }) => headers['message-id'])).toEqual(
      [2, 1, 3].map((sequence) => `<${orderId}.${sequence}@halles.example>`),
    )
  })
})

describe('dead letters', () => {
  it.each([
    ['an anonymous client', undefined, 401, 'UNAUTHENTICATED'],
    ['a customer', createPrincipal(), 403, 'FORBIDDEN'],
  ] as const)('are refused to %s, by REST and by GraphQL', async (_name, principal, status, code) => {
    const [{ id }] = (await publishPoison('nonsense')) as [DeadLetterView]
    const responses = await Promise.all([
      service.request(principal, 'GET', '/dead-letters'),
      service.request(principal, 'GET', '/dead-letters?first=nonsense'),
      service.request(principal, 'GET', `/dead-letters/${id}`),
      service.request(principal, 'GET', '/dead-letters/unknown'),
      service.request(principal, 'POST', `/dead-letters/${id}/redrive`),
    ])
    for (const response of responses) expect(response.json()).toMatchObject({ status, code })
    for (const query of [deadLetterQuery, pageQuery, redriveMutation]) {
      const { data, errors } = await service.graphql(principal, query, { id })
      expect(errors).toMatchObject([{ extensions: { code } }])
      expect(JSON.stringify(data)).not.toContain('nonsense')
    }
    expect(await read(id)).toMatchObject({ redrives: 0 })
  })

  it.each(['0.999999', 'unknown', '%00', '{"$gt":""}'])('are NOT_FOUND for the id %s', async (id) => {
    for (const response of [await service.request(admin, 'GET', `/dead-letters/${id}`), await redrive(id)])
      expect(response.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    const { data, errors } = await service.graphql(admin, deadLetterQuery, { id })
    expect(data).toEqual({ deadLetter: null })
    expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
    expect((await service.graphql(admin, redriveMutation, { id })).errors).toMatchObject([
      { extensions: { code: 'NOT_FOUND' } },
    ])
  })

  it.each(['?first=0', '?first=101', '?redriven=perhaps', '?after=nonsense', '?unknown=1'])(
    'are not listed for the invalid query %s',
    async (query) => {
      const response = await service.request(admin, 'GET', `/dead-letters${query}`)
      expect(response.json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' })
    },
  )

  it('are counted in a metric until they are redriven', async () => {
    const gauge = async () =>
      Number(/^dead_letters\{.*\} (\d+)$/m.exec((await service.app.inject('/metrics')).body)![1])
    const [{ id }] = (await publishPoison('nonsense')) as [DeadLetterView]
    const before = await gauge()
    expect(before).toBeGreaterThan(0)
    await redrive(id)
    await eventually('the redriven message is dead-lettered again', async () => (await gauge()) === before)
    await publishPoison('nonsense')
    expect(await gauge()).toBe(before + 1)
  })
})

describe('dead-letter store', () => {
  const createMessage = (offset: string, value = 'v', headers: Record<string, string> = {}) =>
    toDeadLetter(
      {
        topic: 't.dlq',
        partition: 0,
        offset,
        timestamp: new Date('2026-11-24T08:30:00.000Z'),
        key: null,
        value,
        bytes: Buffer.from(value),
        headers,
        raw: { key: null, headers },
      },
      't',
    )

  it('records a dead letter once that is consumed twice', async () => {
    const mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb')), 'notification-test')
    onTestFinished(mongo.close)
    const deadLetters = await createDeadLetterStore(mongo.db)
    expect(await deadLetters.insert([createMessage('9'), createMessage('10')])).toEqual(['recorded', 'recorded'])
    await deadLetters.markRedriven(createMessage('9').id, new Date())
    const outcomes = await deadLetters.insert([createMessage('9'), createMessage('10'), createMessage('11')])
    expect(outcomes).toEqual(['duplicate', 'duplicate', 'recorded'])
    const { items } = await deadLetters.findPage({}, { first: 10 })
    expect(items.map(({ id, redrives }) => [id, redrives])).toEqual([
      [createMessage('11').id, 0],
      [createMessage('10').id, 0],
      [createMessage('9').id, 1],
    ])
  })

  it('records a dead letter that has the position of another one, on a queue that was created again', async () => {
    const mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb')), 'notification-test')
    onTestFinished(mongo.close)
    const deadLetters = await createDeadLetterStore(mongo.db)
    const headers = (time: string) => ({ 'origin-group': 'g', 'parked-at': `2026-11-24T08:30:0${time}.000Z` })
    const messages = [
      createMessage('0', 'v'),
      createMessage('0', 'w'),
      createMessage('0', 'v', headers('1')),
      createMessage('0', 'v', headers('2')),
    ]
    for (const message of messages) expect(await deadLetters.insert([message])).toEqual(['recorded'])
    expect(await deadLetters.insert(messages)).toEqual(messages.map(() => 'duplicate'))
  })

  it('migrates the ids, the fields and the indexes of earlier versions', async () => {
    const mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb')), 'notification-test')
    onTestFinished(mongo.close)
    const collection = mongo.db.collection<Document & { _id: string }>('deadLetters')
    const oldSort = { parkedAt: -1, offset: -1, _id: -1 } as const
    await collection.createIndexes([{ key: oldSort }, { key: { redrives: 1, ...oldSort } }])
    const earlier = '2026-11-24T08:29:00.000Z'
    const messages = [
      createMessage('8', 'v', { 'origin-group': 'g', 'parked-at': earlier, 'x-own': 'h' }),
      createMessage('9'),
    ]
    for (const { id, deadLetteredAt, ...rest } of messages) {
      const [, offset] = id.split('.')
      await collection.insertOne({
        ...rest,
        _id: `0.${offset}`,
        parkedAt: deadLetteredAt.toISOString(),
        offset: Number(offset),
      })
    }
    const { id, deadLetteredAt } = messages[1]!

    const deadLetters = await createDeadLetterStore(mongo.db)
    const { items } = await deadLetters.findPage({ redriven: false }, { first: 10 })
    expect(items.map(({ id, deadLetteredAt }) => [id, deadLetteredAt])).toEqual([
      [id, deadLetteredAt],
      [messages[0]!.id, new Date(earlier)],
    ])
    expect(await deadLetters.insert(messages)).toEqual(['duplicate', 'duplicate'])
    expect(await deadLetters.findByIds([id])).toMatchObject([{ id, deadLetteredAt, value: Buffer.from('v') }])
    const indexes = (await collection.indexes()).map(({ name }) => name)
    expect(indexes).toHaveLength(3)
    expect(indexes.join()).not.toContain('parkedAt')
  })
})

describe('the dead-letter queue, deleted and created again', () => {
  /** Deletes the queue and creates it again. */
  const recreateQueue = async (kafka: KafkaClient, dlq: string) => {
    const admin = new Kafka({ brokers: [inject('kafka')], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    onTestFinished(() => admin.disconnect())
    await admin.deleteTopics({ topics: [dlq] })
    await kafka.ensureTopic(dlq, 1)
  }

  it('is recorded from its new beginning while the service runs', async () => {
    const servers = { mongodb: inject('mongodb'), kafka: inject('kafka'), smtp: inject('smtp') }
    const own = await startTestService(servers)
    onTestFinished(own.close)
    const { dlq } = own.consumers.orderEvents
    const publisher = own.kafka.publisher()
    onTestFinished(publisher.close)
    const publish = (...values: string[]) =>
      publisher.send(
        dlq,
        values.map((value) => ({ key: value, value })),
      )
    const listKeys = async () =>
      (await own.request(admin, 'GET', '/dead-letters?first=100')).json().items.map(({ key }: DeadLetterView) => key)
    await own.kafka.ensureTopic(dlq, 1)
    await publish('a0', 'a1')
    await eventually('the letters of the old queue are listed', async () => (await listKeys()).length === 2)
    await recreateQueue(own.kafka, dlq)
    const keys = ['b0', 'b1', 'b2', 'b3']
    await publish(...keys)
    await eventually('the letters of the new queue are listed too', async () => (await listKeys()).length === 6)
    expect((await listKeys()).toSorted()).toEqual(['a0', 'a1', ...keys])
  })

  it('is read as a whole from time to time, whatever the consumer has missed', async () => {
    const mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb')), 'notification-test')
    onTestFinished(mongo.close)
    const deadLetters = await createDeadLetterStore(mongo.db)
    const kafka = { ...service.kafka, consume: async () => ({ close: async () => {} }) } // it never receives anything
    const dlq = `missed-${randomUUID()}`
    await kafka.ensureTopic(dlq, 1)
    const publisher = kafka.publisher()
    onTestFinished(publisher.close)
    await publisher.send(dlq, [{ key: 'a', value: 'v' }])
    const log = createLogger('test', 'silent')
    const consumer = consumeDeadLetters(
      { kafka, deadLetters, log, readInterval: 100 },
      { topic: 't', dlq, groupId: dlq },
    )
    onTestFinished(consumer.close)
    const { items } = await eventually('it is recorded', async () => {
      const page = await deadLetters.findPage({}, { first: 10 })
      return page.items.length > 0 && page
    })
    expect(items).toMatchObject([{ key: Buffer.from('a'), origin: { topic: 't' } }])
  })
})
