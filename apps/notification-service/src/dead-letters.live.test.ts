import { randomUUID } from 'node:crypto'
import type { Outgoing } from '@halles/service/kafka'
import { openMongo } from '@halles/service/mongo'
import { ownDatabase } from '@halles/testkit/database'
import { someAdmin, someone, type TestPerson } from '@halles/testkit/people'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished } from 'vitest'
import { someEvent } from '../test/events.ts'
import { lettersIn, startNotificationService, type Running } from '../test/running.ts'
import { deadLetterIn } from './dead-letter.ts'
import { deadLettersIn } from './dead-letters.ts'

let service: Running
const admin = someAdmin()
beforeAll(async () => {
  const servers = { mongodb: inject('mongodb'), kafka: inject('kafka'), smtp: inject('smtp') }
  service = await startNotificationService(servers)
})
afterAll(() => service.close())

type Dead = { id: string; key: string; reason: string; parkedAt: string; [field: string]: unknown }

const list = async (query = '?first=100'): Promise<Dead[]> =>
  (await service.request(admin, 'GET', `/dead-letters${query}`)).json().items
const read = async (id: string) => (await service.request(admin, 'GET', `/dead-letters/${id}`)).json()
const redrive = (id: string, by: TestPerson | undefined = admin) =>
  service.request(by, 'POST', `/dead-letters/${id}/redrive`)

/** The dead letters with this key, the first parked first, once there are so many. */
const parked = (key: string, count = 1): Promise<Dead[]> =>
  eventually(`${count} dead letters`, async () => {
    const found = (await list()).filter((dead) => dead.key === key).toReversed()
    return found.length >= count && found
  })

/** Poison of one's own, once it is on the queue. */
async function poison(...values: (string | Buffer | null)[]): Promise<Dead[]> {
  const key = randomUUID()
  for (const value of values) await service.say(key, value, { 'x-origin': 'a test' })
  return parked(key, values.length)
}

const whole = `query ($id: ID!) { deadLetter(id: $id) {
  id reason key size value encoding headers { name value } origin { topic partition offset group } parkedAt redrives redrivenAt } }`
const mutation = 'mutation ($id: ID!) { redriveDeadLetter(id: $id) { id redrives redrivenAt } }'
const page = `query ($redriven: Boolean, $first: Int, $after: String) {
  deadLetters(redriven: $redriven, first: $first, after: $after) {
    nodes { id reason key size value } edges { cursor } pageInfo { hasNextPage endCursor } totalCount } }`

describe('what could not be processed', () => {
  it.each([
    ['text', 'nonsense ✓', 'nonsense ✓', 'utf-8', 'not JSON'],
    ['bytes', Buffer.from([0xff, 0x00]), '/wA=', 'base64', 'not JSON'],
    ['nothing', null, null, null, 'no value'],
    ['an empty text', '', '', 'utf-8', 'not JSON'],
  ])('is shown with what it says, %s, by both doors', async (_what, value, shown, encoding, reason) => {
    const [listed] = await poison(value)
    const { headers, ...rest } = await read(listed!.id)
    expect(rest).toEqual({ ...listed, value: shown, encoding })
    expect(listed).toEqual({
      id: expect.stringMatching(/^0\.\d+$/),
      reason,
      key: expect.any(String),
      origin: {
        topic: service.subscription.topic,
        partition: expect.any(Number),
        offset: expect.stringMatching(/^\d+$/),
        group: service.subscription.groupId,
      },
      size: value === null ? null : Buffer.byteLength(value),
      parkedAt: expect.stringMatching(/Z$/),
      redrives: 0,
      redrivenAt: null,
    })
    expect(headers).toEqual([{ name: 'x-origin', value: 'a test' }])
    const { data } = await service.graphql(admin, whole, { id: listed!.id })
    const named = encoding && { 'utf-8': 'UTF8', base64: 'BASE64' }[encoding]
    expect(data.deadLetter).toEqual({ ...rest, headers, encoding: named })
  })

  it('is listed the latest first, page by page, by both doors', async () => {
    const mine = (await poison('a', 'b', 'c', 'd', 'e')).toReversed().map(({ id }) => id)
    const seen: string[] = []
    for (let after = ''; ;) {
      const answer = (await service.request(admin, 'GET', `/dead-letters?first=2${after}`)).json()
      seen.push(...answer.items.map(({ id }: Dead) => id))
      if (!answer.pageInfo.hasNextPage) break
      after = `&after=${answer.pageInfo.endCursor}`
    }
    expect(seen.slice(0, 5)).toEqual(mine)
    expect(new Set(seen).size).toBe(seen.length)
    const first = (await service.graphql(admin, page, { first: 3 })).data.deadLetters
    const next = (await service.graphql(admin, page, { first: 2, after: first.pageInfo.endCursor })).data.deadLetters
    expect([...first.nodes, ...next.nodes].map(({ id }: Dead) => id)).toEqual(mine)
    expect([...first.nodes, ...next.nodes].map(({ value }) => value)).toEqual(['e', 'd', 'c', 'b', 'a'])
    expect(first.totalCount).toBe(seen.length)
  })
})

describe('sending it again', () => {
  it('puts it on its topic as it came; poison still, it is parked as another', async () => {
    const bytes = Buffer.from([0xff, 0x01])
    const [first] = await poison(bytes)
    const answer = await redrive(first!.id)
    expect(answer.statusCode).toBe(202)
    expect(answer.json()).toEqual({ ...first, redrives: 1, redrivenAt: expect.stringMatching(/Z$/) })
    const [, second] = await parked(first!.key, 2)
    expect(second).toMatchObject({ reason: first!.reason, size: 2, redrives: 0 })
    expect(second!.origin).not.toEqual(first!.origin)
    expect(await read(second!.id)).toMatchObject({
      value: bytes.toString('base64'),
      headers: [{ name: 'x-origin', value: 'a test' }],
    })
    const { data } = await service.graphql(admin, mutation, { id: second!.id })
    expect(data.redriveDeadLetter).toMatchObject({ id: second!.id, redrives: 1, redrivenAt: expect.any(String) })
    await parked(first!.key, 3)
    const ids = async (query: string) => (await list(query)).filter(({ key }) => key === first!.key).length
    expect([await ids('?first=100&redriven=true'), await ids('?first=100&redriven=false')]).toEqual([2, 1])
  })

  it('gives an event its letter, also after later ones, and only one', async () => {
    const orderId = randomUUID()
    const event = someEvent({ orderId, sequence: 1 })
    const { customer } = event.data
    const later = someEvent({ orderId, sequence: 2, customer })
    await service.tell(later)
    await lettersIn(inject('mailbox'), customer.email)
    const publisher = service.broker.publisher()
    onTestFinished(publisher.close)
    const message: Outgoing = { key: orderId, value: JSON.stringify(event), headers: { reason: 'too new' } }
    await publisher.send(service.subscription.dlq, [message])
    const [dead] = await parked(orderId)
    expect(dead).toMatchObject({ reason: 'too new', origin: { topic: service.subscription.topic, group: null } })
    for (const redrives of [1, 2]) expect((await redrive(dead!.id)).json()).toMatchObject({ redrives })
    await lettersIn(inject('mailbox'), customer.email, 2)
    await service.tell(someEvent({ orderId, sequence: 3, customer }))
    const all = await lettersIn(inject('mailbox'), customer.email, 3)
    expect(all.map(({ headers }) => headers['message-id'])).toEqual(
      [2, 1, 3].map((sequence) => `<${orderId}.${sequence}@halles.example>`),
    )
  })
})

describe('dead letters', () => {
  it.each([
    ['no one', undefined, 401, 'UNAUTHENTICATED'],
    ['a customer', someone(), 403, 'FORBIDDEN'],
  ] as const)('are not for %s, by no door', async (_who, who, status, code) => {
    const [{ id }] = (await poison('nonsense')) as [Dead]
    const answers = await Promise.all([
      service.request(who, 'GET', '/dead-letters'),
      service.request(who, 'GET', '/dead-letters?first=nonsense'),
      service.request(who, 'GET', `/dead-letters/${id}`),
      service.request(who, 'GET', '/dead-letters/unknown'),
      service.request(who, 'POST', `/dead-letters/${id}/redrive`),
    ])
    for (const answer of answers) expect(answer.json()).toMatchObject({ status, code })
    for (const query of [whole, page, mutation]) {
      const { data, errors } = await service.graphql(who, query, { id })
      expect(errors).toMatchObject([{ extensions: { code } }])
      expect(JSON.stringify(data)).not.toContain('nonsense')
    }
    expect(await read(id)).toMatchObject({ redrives: 0 })
  })

  it.each(['0.999999', 'unknown', '%00', '{"$gt":""}'])('are NOT_FOUND by the id %s', async (id) => {
    for (const answer of [await service.request(admin, 'GET', `/dead-letters/${id}`), await redrive(id)])
      expect(answer.json()).toMatchObject({ status: 404, code: 'NOT_FOUND' })
    const { data, errors } = await service.graphql(admin, whole, { id })
    expect(data).toEqual({ deadLetter: null })
    expect(errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }])
    expect((await service.graphql(admin, mutation, { id })).errors).toMatchObject([
      { extensions: { code: 'NOT_FOUND' } },
    ])
  })

  it.each(['?first=0', '?first=101', '?redriven=perhaps', '?after=nonsense', '?unknown=1'])(
    'refuse %s',
    async (query) => {
      const answer = await service.request(admin, 'GET', `/dead-letters${query}`)
      expect(answer.json()).toMatchObject({ status: 400, code: 'VALIDATION_FAILED' })
    },
  )

  it('that wait are counted for operators', async () => {
    const gauge = async () =>
      Number(/^dead_letters\{.*\} (\d+)$/m.exec((await service.app.inject('/metrics')).body)![1])
    const [{ id }] = (await poison('nonsense')) as [Dead]
    const before = await gauge()
    expect(before).toBeGreaterThan(0)
    await redrive(id)
    await eventually('it is parked again', async () => (await gauge()) === before)
    await poison('nonsense')
    expect(await gauge()).toBe(before + 1)
  })
})

it('a dead letter that is heard twice is recorded once', async () => {
  const mongo = await openMongo(ownDatabase(inject('mongodb')), 'notification-test')
  onTestFinished(mongo.close)
  const deadLetters = await deadLettersIn(mongo.db)
  const message = (offset: string) =>
    deadLetterIn(
      {
        topic: 't.dlq',
        partition: 0,
        offset,
        key: null,
        value: 'v',
        bytes: Buffer.from('v'),
        headers: {},
        raw: { key: null, headers: {} },
      },
      't',
      new Date(),
    )
  expect(await deadLetters.add([message('9'), message('10')])).toEqual(['recorded', 'recorded'])
  await deadLetters.markRedriven('0.9', new Date())
  expect(await deadLetters.add([message('9'), message('10'), message('11')])).toEqual(['known', 'known', 'recorded'])
  const { items } = await deadLetters.page({}, { first: 10 })
  expect(items.map(({ id, redrives }) => [id, redrives])).toEqual([
    ['0.11', 0],
    ['0.10', 0],
    ['0.9', 1],
  ])
})
