import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import path from 'node:path'
import { ORDER_EVENTS, ORDER_EVENTS_DLQ, type OrderEvent } from '@halles/contracts/order-events'
import { createKafka, type OutgoingMessage } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { createShopClient, type ApiClient } from './shop-client.ts'

const shop = createShopClient(inject('shop'))
const kafka = createKafka(inject('kafka'), 'e2e', createLogger('e2e', 'silent'))
const publisher = kafka.publisher()
let admin: ApiClient
beforeAll(async () => {
  admin = await shop.signInAdmin()
})
afterAll(() => publisher.close())

type DeadLetter = { id: string; key: string; reason: string; redrives: number; [field: string]: unknown }

/** Waits until at least `count` dead letters have this key, and returns them in the order of the queue. */
const waitForDeadLetters = (key: string, count: number): Promise<DeadLetter[]> =>
  eventually(`${count} dead letters`, async () => {
    const { body } = await admin.rest('GET', '/dead-letters?first=100')
    const deadLetters = body.items.filter((deadLetter: DeadLetter) => deadLetter.key === key).toReversed()
    return deadLetters.length >= count && deadLetters
  })

const root = path.resolve(import.meta.dirname, '../../..')

/** Runs the command of `npm run dlq`. */
function runDlq(
  args: string[],
  { gateway, admin: credentials }: { gateway: string; admin: { email: string; password: string } } = inject('shop'),
): Promise<{ code: number; out: string; err: string }> {
  const env = { ...process.env, HALLES_ADMIN_EMAIL: credentials.email, HALLES_ADMIN_PASSWORD: credentials.password }
  const command = ['tools/run.mjs', 'tools/dlq.ts', ...args, '--gateway', gateway]
  return new Promise((resolve) => {
    execFile(process.execPath, command, { cwd: root, env }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    )
  })
}

/** Creates a valid `order.created` event for a new customer. */
async function createOrderEvent(orderId: string): Promise<{ buyer: ApiClient; event: OrderEvent }> {
  const buyer = await shop.createCustomer()
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

const publish = (key: string, ...values: OutgoingMessage['value'][]) =>
  publisher.send(
    ORDER_EVENTS,
    values.map((value) => ({ key, value })),
  )

it('invalid messages between events are dead-lettered without delaying the events, and can be listed, shown and redriven by REST, GraphQL and npm run dlq', async () => {
  const key = randomUUID()
  const [first, second] = await Promise.all([createOrderEvent(key), createOrderEvent(randomUUID())])
  const bytes = Buffer.from([0xff, 0xfe, 0x00, 0xc3])
  const large = 'x'.repeat(1_020_000)
  await publish(key, JSON.stringify(first.event), bytes, null, '{"specversion":"1.0"}')
  await publish(key, large)
  await publish(
    key,
    JSON.stringify(second.event).replaceAll(second.event.subject, key).replace('"sequence":1', '"sequence":2'),
  )
  for (const { buyer } of [first, second])
    await eventually(
      'the notification of the event',
      async () => (await buyer.rest('GET', `/notifications?orderId=${key}`)).body.totalCount === 1,
    )

  const deadLetters = await waitForDeadLetters(key, 4)
  expect(deadLetters.map(({ reason }) => reason)).toEqual([
    'not JSON',
    'no value',
    expect.stringMatching(/^not an order event: /),
    'larger than any order',
  ])
  for (const { reason, origin, redrives } of deadLetters) {
    expect(reason).not.toMatch(/\bat \S+:\d+|node_modules|\n/)
    expect(origin).toMatchObject({ topic: ORDER_EVENTS, group: 'notification-service', offset: expect.any(String) })
    expect(redrives).toBe(0)
  }
  const [binary, empty, invalid, tooLarge] = deadLetters.map(({ id }) => id) as [string, string, string, string]

  // By REST.
  const read = async (id: string) => (await admin.rest('GET', `/dead-letters/${id}`)).body
  expect(await read(binary)).toMatchObject({ value: bytes.toString('base64'), encoding: 'base64', size: 4 })
  expect(await read(empty)).toMatchObject({ value: null, encoding: null, size: null })
  expect(await read(invalid)).toMatchObject({ value: '{"specversion":"1.0"}', encoding: 'utf-8' })
  expect((await read(tooLarge)).value).toBe(large)
  const redriven = await admin.rest('POST', `/dead-letters/${binary}/redrive`)
  expect(redriven).toMatchObject({ status: 202, body: { id: binary, redrives: 1 } })
  expect(await read((await waitForDeadLetters(key, 5))[4]!.id)).toMatchObject({
    value: bytes.toString('base64'),
    redrives: 0,
  })

  // By GraphQL.
  const query = `query D($id: ID!) {
    deadLetter(id: $id) { reason value encoding size redrives origin { topic group } headers { name } }
    deadLetters(redriven: true, first: 100) { nodes { id redrives } } }`
  const queried = await admin.graphql(query, { id: binary })
  expect(queried.data).toEqual({
    deadLetter: {
      reason: 'not JSON',
      value: bytes.toString('base64'),
      encoding: 'BASE64',
      size: 4,
      redrives: 1,
      origin: { topic: ORDER_EVENTS, group: 'notification-service' },
      headers: [],
    },
    deadLetters: { nodes: expect.arrayContaining([{ id: binary, redrives: 1 }]) },
  })
  const again = await admin.graphql('mutation R($id: ID!) { redriveDeadLetter(id: $id) { id redrives } }', {
    id: invalid,
  })
  expect(again.data).toEqual({ redriveDeadLetter: { id: invalid, redrives: 1 } })
  await waitForDeadLetters(key, 6)
  const forbidden = await first.buyer.graphql(query, { id: binary })
  expect(forbidden.errors!.map(({ extensions }) => extensions.code)).toEqual(['FORBIDDEN', 'FORBIDDEN'])

  // By npm run dlq.
  const listed = await runDlq(['list'])
  expect(listed).toMatchObject({ code: 0, err: '' })
  const rows = listed.out.trim().split('\n')
  expect(rows[0]).toMatch(/^ID +PARKED +FROM +KEY +BYTES +SENT AGAIN +REASON$/)
  expect(rows.filter((row) => row.includes(key))).toHaveLength(4) // two of the six were redriven
  expect((await runDlq(['show', invalid])).out).toMatch(
    /reason +not an order event: .*\n[^]*\n\{"specversion":"1.0"\}\n$/,
  )
  expect(await runDlq(['redrive', empty])).toMatchObject({ code: 0, out: `${empty} sent to ${ORDER_EVENTS} again\n` })
  await waitForDeadLetters(key, 7)
})

it('a dead-lettered event sends its e-mail once when it is redriven, even twice', async () => {
  const orderId = randomUUID()
  const { buyer, event } = await createOrderEvent(orderId)
  const headers = { reason: 'an older version did not know it', 'origin-topic': ORDER_EVENTS }
  await publisher.send(ORDER_EVENTS_DLQ, [{ key: orderId, value: JSON.stringify(event), headers }])
  const [deadLetter] = await waitForDeadLetters(orderId, 1)
  const redriveAll = await runDlq(['redrive', '--all'])
  expect(redriveAll.err).toBe('')
  expect(redriveAll.out).toContain(`${deadLetter!.id} sent to ${ORDER_EVENTS} again\n`)
  expect(redriveAll.out).toMatch(/\d+ sent again, 0 not\.\n$/)
  expect((await admin.rest('POST', `/dead-letters/${deadLetter!.id}/redrive`)).body).toMatchObject({ redrives: 2 })
  const [email] = await shop.waitForOrderEmails(1, orderId)
  expect(email!.to[0]!.address).toBe(buyer.email)
  // Once a later event of the same partition is consumed, so are both redriven ones.
  const next = structuredClone(event)
  Object.assign(next, { id: randomUUID(), type: 'order.status-changed' })
  next.data.sequence = 2
  await publish(orderId, JSON.stringify(next))
  expect(await shop.waitForOrderEmails(2, orderId)).toHaveLength(2)
  expect((await buyer.rest('GET', `/notifications?orderId=${orderId}`)).body.totalCount).toBe(2)
})

it('npm run dlq exits with 1 and one sentence about what is wrong', async () => {
  const shopAddress = inject('shop')
  const unreachable = { ...shopAddress, gateway: 'http://127.0.0.1:1' }
  const wrongPassword = { ...shopAddress, admin: { email: shopAddress.admin.email, password: 'not the password' } }
  const buyer = { email: `${randomUUID()}@example.test`, password: randomUUID() }
  await shop.anonymous.rest('POST', '/register', { name: 'Camille', ...buyer })
  const results = await Promise.all([
    runDlq([]),
    runDlq(['redrive']),
    runDlq(['list', '--colour']),
    runDlq(['show', '7.7']),
    runDlq(['redrive', '7.7']),
    runDlq(['list'], unreachable),
    runDlq(['list'], wrongPassword),
    runDlq(['list'], { ...shopAddress, admin: buyer }),
  ])
  expect(results.map(({ code }) => code)).toEqual(results.map(() => 1))
  for (const { err } of results) expect(err).not.toMatch(/^ +at |ECONN/m)
  expect(results.map(({ err }) => err)).toEqual([
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
