import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { ORDER_EVENTS, ORDER_EVENTS_DLQ, type OrderEvent } from '@halles/contracts/order-events'
import { kafkaAt, type Outgoing } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { shopAt, type Visitor } from './kit.ts'

const shop = shopAt(inject('shop'))
const kafka = kafkaAt(inject('kafka'), 'e2e', logger('e2e', 'silent'))
const publisher = kafka.publisher()
let admin: Visitor
beforeAll(async () => {
  admin = await shop.admin()
})
afterAll(() => publisher.close())

type DeadLetter = { id: string; key: string; reason: string; redrives: number; [field: string]: unknown }

/** What is on the dead-letter queue with this key, the first parked first, once there are so many. */
const parked = (key: string, count: number): Promise<DeadLetter[]> =>
  eventually(`${count} dead letters`, async () => {
    const { body } = await admin.rest('GET', '/dead-letters?first=100')
    const found = body.items.filter((dead: DeadLetter) => dead.key === key).toReversed()
    return found.length >= count && found
  })

const root = path.resolve(import.meta.dirname, '../../..')

/** Runs what `npm run dlq` runs. */
function dlq(
  args: string[],
  { gateway, admin: by }: { gateway: string; admin: { email: string; password: string } } = inject('shop'),
): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, HALLES_ADMIN_EMAIL: by.email, HALLES_ADMIN_PASSWORD: by.password }
  const command = ['tools/run.mjs', 'tools/dlq.ts', ...args, '--gateway', gateway]
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: root, env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
  })
}

/** An order of a customer, and the event that told of it, made anew as another order's. */
async function goodEvent(orderId: string): Promise<{ buyer: Visitor; event: OrderEvent }> {
  const buyer = await shop.customer()
  const time = new Date().toISOString()
  const customer = { id: buyer.id, name: 'Camille Martin', email: buyer.email, locale: 'fr' } as const
  const order = {
    id: orderId,
    number: '77',
    userId: buyer.id,
    items: [{ productId: randomUUID(), name: 'Comté', quantity: 1, price: 12.9 }],
    total: 12.9,
    status: 'Reçue' as const,
    statusHistory: [{ status: 'Reçue' as const, timestamp: time }],
    createdAt: time,
  }
  const event: OrderEvent = {
    specversion: '1.0',
    id: randomUUID(),
    source: '/order-service',
    type: 'order.created',
    subject: orderId,
    time,
    datacontenttype: 'application/json',
    data: { sequence: 1, order, previousStatus: null, customer },
  }
  return { buyer, event }
}

const send = (key: string, ...values: Outgoing['value'][]) =>
  publisher.send(
    ORDER_EVENTS,
    values.map((value) => ({ key, value })),
  )

it('poison between events holds up none of them, and can be listed, shown and sent again by every door', async () => {
  const key = randomUUID()
  const [first, second] = await Promise.all([goodEvent(key), goodEvent(randomUUID())])
  const bytes = Buffer.from([0xff, 0xfe, 0x00, 0xc3])
  const large = 'x'.repeat(1_020_000)
  await send(key, JSON.stringify(first.event), bytes, null, '{"specversion":"1.0"}')
  await send(key, large)
  await send(
    key,
    JSON.stringify(second.event).replaceAll(second.event.subject, key).replace('"sequence":1', '"sequence":2'),
  )
  for (const { buyer } of [first, second])
    await eventually(
      'its letter',
      async () => (await buyer.rest('GET', `/notifications?orderId=${key}`)).body.totalCount === 1,
    )

  const dead = await parked(key, 4)
  expect(dead.map(({ reason }) => reason)).toEqual([
    'not JSON',
    'no value',
    expect.stringMatching(/^not an order event: /),
    'larger than any order',
  ])
  for (const { reason, origin, redrives } of dead) {
    expect(reason).not.toMatch(/\bat \S+:\d+|node_modules|\n/)
    expect(origin).toMatchObject({ topic: ORDER_EVENTS, group: 'notification-service', offset: expect.any(String) })
    expect(redrives).toBe(0)
  }
  const [garbage, empty, shape, huge] = dead.map(({ id }) => id) as [string, string, string, string]

  // By REST.
  const read = async (id: string) => (await admin.rest('GET', `/dead-letters/${id}`)).body
  expect(await read(garbage)).toMatchObject({ value: bytes.toString('base64'), encoding: 'base64', size: 4 })
  expect(await read(empty)).toMatchObject({ value: null, encoding: null, size: null })
  expect(await read(shape)).toMatchObject({ value: '{"specversion":"1.0"}', encoding: 'utf-8' })
  expect((await read(huge)).value).toBe(large)
  const sent = await admin.rest('POST', `/dead-letters/${garbage}/redrive`)
  expect(sent).toMatchObject({ status: 202, body: { id: garbage, redrives: 1 } })
  expect(await read((await parked(key, 5))[4]!.id)).toMatchObject({ value: bytes.toString('base64'), redrives: 0 })

  // By GraphQL.
  const query = `query D($id: ID!) {
    deadLetter(id: $id) { reason value encoding size redrives origin { topic group } headers { name } }
    deadLetters(redriven: true, first: 100) { nodes { id redrives } } }`
  const seen = await admin.graphql(query, { id: garbage })
  expect(seen.data).toEqual({
    deadLetter: {
      reason: 'not JSON',
      value: bytes.toString('base64'),
      encoding: 'BASE64',
      size: 4,
      redrives: 1,
      origin: { topic: ORDER_EVENTS, group: 'notification-service' },
      headers: [],
    },
    deadLetters: { nodes: expect.arrayContaining([{ id: garbage, redrives: 1 }]) },
  })
  const again = await admin.graphql('mutation R($id: ID!) { redriveDeadLetter(id: $id) { id redrives } }', {
    id: shape,
  })
  expect(again.data).toEqual({ redriveDeadLetter: { id: shape, redrives: 1 } })
  await parked(key, 6)
  const forbidden = await first.buyer.graphql(query, { id: garbage })
  expect(forbidden.errors!.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN', 'FORBIDDEN'])

  // By the command.
  const listed = await dlq(['list'])
  expect(listed).toMatchObject({ code: 0, err: '' })
  const rows = listed.out.trim().split('\n')
  expect(rows[0]).toMatch(/^ID +PARKED +FROM +KEY +BYTES +SENT AGAIN +REASON$/)
  expect(rows.filter((row) => row.includes(key))).toHaveLength(4) // two of six were sent again
  expect((await dlq(['show', shape])).out).toMatch(/reason +not an order event: .*\n[^]*\n\{"specversion":"1.0"\}\n$/)
  expect(await dlq(['redrive', empty])).toMatchObject({ code: 0, out: `${empty} sent to ${ORDER_EVENTS} again\n` })
  await parked(key, 7)
})

it('an event that was parked gets its letter when it is sent again, and one only', async () => {
  const orderId = randomUUID()
  const { buyer, event } = await goodEvent(orderId)
  const headers = { reason: 'an older version did not know it', 'origin-topic': ORDER_EVENTS }
  await publisher.send(ORDER_EVENTS_DLQ, [{ key: orderId, value: JSON.stringify(event), headers }])
  const [dead] = await parked(orderId, 1)
  const all = await dlq(['redrive', '--all'])
  expect(all.err).toBe('')
  expect(all.out).toContain(`${dead!.id} sent to ${ORDER_EVENTS} again\n`)
  expect(all.out).toMatch(/\d+ sent again, 0 not\.\n$/)
  expect((await admin.rest('POST', `/dead-letters/${dead!.id}/redrive`)).body).toMatchObject({ redrives: 2 })
  const [letter] = await shop.lettersOnce(1, orderId)
  expect(letter!.to[0]!.address).toBe(buyer.email)
  // What comes after both has been heard: then so were they.
  const next = structuredClone(event)
  Object.assign(next, { id: randomUUID(), type: 'order.status-changed' })
  next.data.sequence = 2
  await send(orderId, JSON.stringify(next))
  expect(await shop.lettersOnce(2, orderId)).toHaveLength(2)
  expect((await buyer.rest('GET', `/notifications?orderId=${orderId}`)).body.totalCount).toBe(2)
})

it('npm run dlq says in a sentence what is wrong, and ends with 1', async () => {
  const at = inject('shop')
  const nowhere = { ...at, gateway: 'http://127.0.0.1:1' }
  const wrong = { ...at, admin: { email: at.admin.email, password: 'not the password' } }
  const buyer = { email: `${randomUUID()}@example.test`, password: randomUUID() }
  await shop.nobody.rest('POST', '/register', { name: 'Camille', ...buyer })
  const answers = await Promise.all([
    dlq([]),
    dlq(['redrive']),
    dlq(['list', '--colour']),
    dlq(['show', '7.7']),
    dlq(['redrive', '7.7']),
    dlq(['list'], nowhere),
    dlq(['list'], wrong),
    dlq(['list'], { ...at, admin: buyer }),
  ])
  expect(answers.map(({ code }) => code)).toEqual(answers.map(() => 1))
  for (const { err } of answers) expect(err).not.toMatch(/^ +at |ECONN/m)
  expect(answers.map(({ err }) => err)).toEqual([
    expect.stringMatching(/^Usage: /),
    expect.stringMatching(/^Usage: /),
    expect.stringMatching(/--colour[^]*Usage: /),
    'The shop answered 404: There is no such dead letter.\n',
    '7.7 not sent. The shop answered 404: There is no such dead letter.\n',
    'No shop answers at http://127.0.0.1:1: is it running?\n',
    expect.stringMatching(/^admin@halles\.example cannot sign in at .*: set HALLES_ADMIN_EMAIL/),
    'The shop answered 403: Only an admin may do this.\n',
  ])
})
