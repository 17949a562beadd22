import { randomUUID } from 'node:crypto'
import { createKafka } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { noon, readAt, createSampleShop, type SampleShop } from '../test/sample-shop.ts'
import type { Snapshot } from './snapshot.ts'
import { findDifferences, rules } from './differences.ts'
import { listNotices } from './notices.ts'
import { readSnapshot } from './read-snapshot.ts'

const mongo = new MongoClient(inject('mongodb'))
const kafka = createKafka(inject('kafka'), 'reconciliation-test', createLogger('test', 'silent'))
const publisher = kafka.publisher()
const written: string[] = []

afterAll(async () => {
  for (const database of written) await mongo.db(database).dropDatabase()
  await Promise.all([mongo.close(), publisher.close()])
})

/** Writes the data of a shop to real servers and reads a snapshot. Kafka sets the timestamps, so they are replaced afterwards. */
async function readSampleShop({ product, order, notification, messages, deadLettered }: SampleShop): Promise<Snapshot> {
  const name = randomUUID().slice(0, 8)
  const databases = {
    product: `reconcile_p_${name}`,
    order: `reconcile_o_${name}`,
    notification: `reconcile_n_${name}`,
  }
  const topics = { events: `reconcile-${name}`, deadLetters: `reconcile-${name}.dlq` }
  written.push(...Object.values(databases))
  for (const [database, collections] of Object.entries({ product, order, notification }))
    for (const [collection, documents] of Object.entries(collections as Record<string, { _id: string }[]>))
      await mongo
        .db(databases[database as keyof typeof databases])
        .collection<{ _id: string }>(collection)
        .insertMany(documents)
  await kafka.ensureTopic(topics.events, 1)
  await publisher.send(topics.events, messages)
  if (deadLettered.length > 0) {
    await kafka.ensureTopic(topics.deadLetters, 1)
    await publisher.send(
      topics.deadLetters,
      deadLettered.map(({ headers, ...rest }) => ({ ...rest, headers: { ...headers, 'origin-topic': topics.events } })),
    )
  }
  const snapshot = await readSnapshot({ mongodb: inject('mongodb'), kafka: inject('kafka'), databases, topics })
  for (const message of [...snapshot.events, ...snapshot.unparsable])
    message.timestamp = messages[Number(message.offset)]!.at
  for (const message of snapshot.deadLetters) message.timestamp = noon
  return { ...snapshot, readAt }
}

const asOf = new Date(readAt.getTime() - 60_000)
const find = <T extends object>(list: T[], wanted: Partial<T>): T =>
  list.find((one) => Object.entries(wanted).every(([key, value]) => one[key as keyof T] === value))!
const remove = <T extends object>(list: T[], wanted: Partial<T>): void => {
  const rest = list.filter((one) => !Object.entries(wanted).every(([key, value]) => one[key as keyof T] === value))
  expect(rest.length).toBeLessThan(list.length)
  list.splice(0, list.length, ...rest)
}
const order = (snapshot: Snapshot, id: string) => find(snapshot.orders, { _id: id })
const reservation = (snapshot: Snapshot, id: string) => find(snapshot.reservations, { _id: id })
const email = (snapshot: Snapshot, id: string) => find(snapshot.emails, { _id: `email-${id}` })
const event = (snapshot: Snapshot, id: string) => find(snapshot.events, { id })
const overdue = new Date(readAt.getTime() - 120_000)
const recent = new Date(readAt.getTime() - 5000)

let clean: Snapshot
beforeAll(async () => {
  clean = await readSampleShop(createSampleShop())
})

describe('readSnapshot and findDifferences, on a consistent shop', () => {
  it('reads all databases and both topics', () => {
    const { products, movements, reservations, orders, emails, accountEmails, listedDeadLetters, invalidDocuments } =
      clean
    const { events, unparsable, deadLetters } = clean
    const ofDatabases = {
      products,
      movements,
      reservations,
      orders,
      emails,
      accountEmails,
      listedDeadLetters,
      invalidDocuments,
    }
    const counts = { ...ofDatabases, events, unparsable, deadLetters }
    expect(Object.fromEntries(Object.entries(counts).map(([what, { length }]) => [what, length]))).toEqual({
      products: 2,
      movements: 3,
      reservations: 5,
      orders: 4,
      emails: 7,
      accountEmails: 1,
      events: 8,
      unparsable: 1,
      deadLetters: 1,
      listedDeadLetters: 1,
      invalidDocuments: 0,
    })
    expect(clean.retainedFrom).toEqual([null])
  })

  it('finds no difference', () => {
    expect(findDifferences(clean, { asOf })).toEqual([])
  })

  it('finds a pending order only where nothing may be in progress', () => {
    expect(findDifferences(clean, { asOf: 'quiet' }).map(({ rule }) => rule)).toEqual(['order-unfinished'])
  })

  it('lists notices', () => {
    expect(listNotices(clean)).toEqual([
      'orders pending or being cancelled: 1',
      'duplicate events (at-least-once delivery allows them): 1',
      'dead letters on order-events.dlq: 1',
    ])
  })
})

/** For each rule, changes that violate it. The difference names the subject; no other rule is violated unless listed. */
const mutations: [rule: string, what: string, subject: string, mutate: (snapshot: Snapshot) => void, also?: string[]][] = [
  ['stock-below-zero', 'more sold than there was', 'p-comte', ({ products, movements }) => {
    find(products, { _id: 'p-comte' }).stock = -1
    find(movements, { delta: 25 }).delta = 9
  }],
  ['stock-balance', 'stock written without a movement', 'p-huile', ({ products }) => { find(products, { _id: 'p-huile' }).stock++ }],
  ['stock-balance', 'stock released twice', 'p-comte', ({ products }) => { find(products, { _id: 'p-comte' }).stock += 2 }],
  ['stock-balance', 'a movement of no product', 'p-none', ({ movements }) => { movements.push({ _id: 'm', productId: 'p-none', delta: 1 }) }],
  ['stock-not-held', 'an order whose stock was released', 'o-received', (snapshot) => {
    reservation(snapshot, 'o-received').state = 'released'
    find(snapshot.products, { _id: 'p-comte' }).stock++
  }],
  ['stock-not-held', 'an order without a reservation', 'o-received', (snapshot) => {
    remove(snapshot.reservations, { _id: 'o-received' })
    find(snapshot.products, { _id: 'p-comte' }).stock++
  }],
  ['stock-not-held', 'another quantity than ordered', 'o-received', (snapshot) => {
    reservation(snapshot, 'o-received').items[0]!.quantity = 2
    find(snapshot.products, { _id: 'p-comte' }).stock--
  }],
  ['stock-not-returned', 'a cancelled order that holds stock', 'o-cancelled', (snapshot) => {
    reservation(snapshot, 'o-cancelled').state = 'held'
    find(snapshot.products, { _id: 'p-comte' }).stock -= 2
  }],
  ['stock-leaked', 'stock held by no order', 'o-nobody', ({ products, reservations }) => {
    reservations.push({ _id: 'o-nobody', state: 'held', items: [{ productId: 'p-comte', quantity: 1 }], at: overdue })
    find(products, { _id: 'p-comte' }).stock--
  }],
  ['stock-release-overdue', 'a stock release that is pending for too long', 'o-cancelled', (snapshot) => { order(snapshot, 'o-cancelled').releaseAttemptAt = readAt }],
  ['order-lines', 'no lines', 'o-pending', (snapshot) => {
    Object.assign(order(snapshot, 'o-pending'), { items: [], total: 0 })
  }],
  ['order-lines', 'a product that does not exist', 'o-pending', (snapshot) => { order(snapshot, 'o-pending').items[0]!.productId = 'p-none' }],
  ['order-lines', 'a quantity of 0', 'o-pending', (snapshot) => {
    Object.assign(order(snapshot, 'o-pending').items[0]!, { quantity: 0 })
    order(snapshot, 'o-pending').total = 0
  }],
  ['order-lines', 'half a cent', 'o-pending', (snapshot) => {
    order(snapshot, 'o-pending').items[0]!.price = 12.905
    order(snapshot, 'o-pending').total = 12.91
  }],
  ['order-lines', 'a product in two lines', 'o-pending', (snapshot) => {
    const { items } = order(snapshot, 'o-pending')
    items.push(items[0]!)
    order(snapshot, 'o-pending').total = 25.8
  }],
  ['order-lines', 'a total that is not the sum', 'o-pending', (snapshot) => { order(snapshot, 'o-pending').total = 12.91 }],
  ['order-lines', 'a total that is not exact', 'o-pending', (snapshot) => { order(snapshot, 'o-pending').total = 12.9000000001 }],
  ['order-history', 'no history', 'o-pending', (snapshot) => { Object.assign(order(snapshot, 'o-pending'), { statusHistory: [], seq: 0, unpublished: [] }) }],
  ['order-history', 'a history that begins with another status', 'o-pending', (snapshot) => { order(snapshot, 'o-pending').statusHistory[0]!.status = 'Confirmée' }],
  ['order-history', 'a forbidden transition', 'o-delivered', (snapshot) => {
    order(snapshot, 'o-delivered').statusHistory[2]!.status = 'Reçue'
  }, ['event-content']],
  ['order-history', 'a status that is not the last of its history', 'o-received', (snapshot) => { order(snapshot, 'o-received').status = 'Confirmée' }],
  ['order-sequence', 'a sequence that is not the length of the history', 'o-received', (snapshot) => { order(snapshot, 'o-received').seq = 2 }, ['event-missing']],
  ['order-sequence', 'unpublished events that are not its last', 'o-delivered', (snapshot) => { order(snapshot, 'o-delivered').unpublished = [{ seq: 2, at: recent }] }],
  ['order-number', 'a duplicate number', 'number 1', (snapshot) => { order(snapshot, 'o-pending').number = '1' }],
  ['order-number', 'an invalid number', 'o-pending', (snapshot) => { order(snapshot, 'o-pending').number = '04' }],
  ['order-key', 'a key that placed two orders', 'k1', (snapshot) => {
    const { idempotency, userId } = order(snapshot, 'o-delivered')
    Object.assign(order(snapshot, 'o-pending'), { idempotency, userId, customer: { ...order(snapshot, 'o-pending').customer, id: userId } })
  }],
  ['order-customer', 'the customer of another user', 'o-pending', (snapshot) => { order(snapshot, 'o-pending').userId = 'u-9' }],
  ['order-unfinished', 'a pending order left behind', 'o-pending', (snapshot) => { order(snapshot, 'o-pending').createdAt = overdue }],
  ['order-unfinished', 'a cancellation that does not finish', 'o-pending', (snapshot) => { Object.assign(order(snapshot, 'o-pending'), { status: 'Cancelling', createdAt: overdue }) }],
  ['order-unpublished', 'an event that is unpublished for too long', 'o-received', (snapshot) => { order(snapshot, 'o-received').unpublished = [{ seq: 1, at: overdue }] }],
  ['event-missing', 'a last event that is lost', 'o-cancelled', ({ events, emails }) => {
    remove(events, { id: 'o-cancelled.2' })
    remove(emails, { eventId: 'o-cancelled.2' })
  }],
  ['event-missing', 'an order without any event', 'o-received', ({ events, emails }) => {
    remove(events, { id: 'o-received.1' })
    remove(emails, { eventId: 'o-received.1' })
  }],
  ['event-order', 'a gap', 'o-delivered', ({ events, emails }) => {
    remove(events, { id: 'o-delivered.2' })
    remove(emails, { eventId: 'o-delivered.2' })
  }],
  ['event-order', 'events out of order', 'o-delivered', ({ events }) => {
    const [one, two] = events.splice(1, 2)
    events.splice(1, 0, two!, one!)
  }],
  ['event-order', 'two ids for one sequence', 'o-received', (snapshot) => {
    snapshot.events.push({ ...event(snapshot, 'o-received.1'), id: 'o-received.1b' })
    snapshot.emails.push({ ...email(snapshot, 'o-received.1'), _id: 'email-b', eventId: 'o-received.1b' })
  }, ['email-duplicate']],
  ['event-partition', 'an order in two partitions', 'o-delivered', (snapshot) => { event(snapshot, 'o-delivered.3').partition = 1 }],
  ['event-partition', 'another key', 'o-delivered', (snapshot) => { event(snapshot, 'o-delivered.3').key = 'o-other' }],
  ...(['type', 'previousStatus', 'status', 'number', 'userId', 'total', 'createdAt', 'items', 'statusHistory', 'customer'] as const).map(
    (field): (typeof mutations)[number] => ['event-content', `another ${field}`, 'o-cancelled.2', (snapshot) => {
      Object.assign(event(snapshot, 'o-cancelled.2').content, { [field]: field === 'total' ? 1 : 'Livrée' })
    }, field === 'status' ? ['email-content'] : []],
  ),
  ['event-repeat', 'a duplicate with different content', 'o-received.1', ({ events }) => {
    const duplicate = events.at(-1)!
    duplicate.content = { ...duplicate.content, total: 1 }
  }],
  ['event-repeat', 'one id for two events', 'o-delivered.2', (snapshot) => {
    snapshot.events.push({ ...event(snapshot, 'o-delivered.1'), id: 'o-delivered.2' })
  }],
  ['event-without-order', 'an event of no order', 'o-nobody', (snapshot) => {
    snapshot.events.push({ ...event(snapshot, 'o-received.1'), id: 'o-nobody.1', key: 'o-nobody', orderId: 'o-nobody' })
    snapshot.emails.push({ ...email(snapshot, 'o-received.1'), _id: 'email-n', eventId: 'o-nobody.1', orderId: 'o-nobody' })
  }],
  ['event-without-order', 'an event of a pending order', 'o-pending', (snapshot) => {
    const content = { ...event(snapshot, 'o-received.1').content, number: '4', userId: 'u-4', createdAt: order(snapshot, 'o-pending').createdAt.toISOString() }
    content.statusHistory = JSON.stringify([['Reçue', noon.toISOString()]])
    content.customer = JSON.stringify(['u-4', 'Camille Martin', 'u-4@example.test', 'fr'])
    snapshot.events.push({ ...event(snapshot, 'o-received.1'), id: 'o-pending.1', key: 'o-pending', orderId: 'o-pending', content })
    snapshot.emails.push({ ...email(snapshot, 'o-received.1'), _id: 'email-n', eventId: 'o-pending.1', orderId: 'o-pending', recipient: 'u-4@example.test' })
  }],
  ['event-without-order', 'an event of a status that the order does not have', 'o-received.2', (snapshot) => {
    snapshot.events.push({ ...event(snapshot, 'o-received.1'), id: 'o-received.2', sequence: 2 })
    snapshot.emails.push({ ...email(snapshot, 'o-received.1'), _id: 'email-n', eventId: 'o-received.2', sequence: 2 })
  }],
  ['event-unparsable', 'an unparsable message that was dropped', '0@8', ({ deadLetters }) => { deadLetters.pop() }],
  ['dead-letter-unlisted', 'a dead letter that admins cannot list', '0@0', ({ listedDeadLetters }) => { listedDeadLetters.pop() }],
  ['dead-letter-unlisted', 'a dead letter at the position of another one, on a queue that was created again', '0@0', ({ deadLetters }) => { deadLetters[0]!.deadLetteredAt = '2026-01-01T00:00:00.000Z' }],
  ['email-missing', 'an event without an e-mail', 'o-delivered.4', ({ emails }) => { remove(emails, { eventId: 'o-delivered.4' }) }],
  ['email-duplicate', 'two e-mails about one event', 'o-received.1', (snapshot) => {
    snapshot.emails.push({ ...email(snapshot, 'o-received.1'), _id: 'email-2' })
  }],
  ['email-duplicate', 'two e-mails about one account event', 'account event', ({ accountEmails }) => {
    accountEmails.push({ ...accountEmails[0]!, _id: 'email-2' })
  }],
  ['email-without-event', 'an e-mail without an event', 'email-o-received.1', (snapshot) => {
    email(snapshot, 'o-received.1').eventId = 'nothing'
  }, ['email-missing']],
  ['email-content', 'an e-mail to another address', 'email-o-received.1', (snapshot) => { email(snapshot, 'o-received.1').recipient = 'u-1@example.test' }],
  ['email-content', 'an e-mail with another status', 'email-o-received.1', (snapshot) => { email(snapshot, 'o-received.1').order.status = 'Livrée' }],
  ['email-stuck', 'an e-mail that is due while none is sent', 'email-o-received.1', (snapshot) => {
    Object.assign(email(snapshot, 'o-received.1'), { status: 'PENDING', sentAt: null, nextAttemptAt: overdue })
  }],
  ['email-stuck', 'an e-mail that younger ones have overtaken', 'email-o-received.1', (snapshot) => {
    Object.assign(email(snapshot, 'o-received.1'), { status: 'PENDING', sentAt: null, nextAttemptAt: overdue })
    Object.assign(email(snapshot, 'o-delivered.1'), { firstAttemptAt: recent, sentAt: recent })
  }],
  ['email-stuck', 'an account e-mail that is due while none is sent', 'email-of-account', ({ accountEmails }) => {
    Object.assign(accountEmails[0]!, { status: 'PENDING', sentAt: null, nextAttemptAt: overdue })
  }],
  ['shape', 'a document of another shape', 'orders o-x', ({ invalidDocuments }) => { invalidDocuments.push({ collection: 'orders', id: 'o-x', reason: '/items must be array' }) }],
] // prettier-ignore

describe('findDifferences', () => {
  it.each(mutations)('reports %s for %s', (rule, _what, subject, mutate, also = []) => {
    const snapshot = structuredClone(clean)
    mutate(snapshot)
    const found = findDifferences(snapshot, { asOf })
    expect(new Set(found.map(({ rule }) => rule))).toEqual(new Set([rule, ...also]))
    expect(found.filter((one) => one.rule === rule).map(({ subject }) => subject)).toContainEqual(
      expect.stringContaining(subject),
    )
    expect(listNotices(snapshot)).toBeInstanceOf(Array)
  })

  it('is tested with a violation of every rule', () => {
    expect([...new Set(mutations.map(([rule]) => rule))].toSorted()).toEqual(rules.map(({ name }) => name).toSorted())
  })
})

/** Changes that look like differences and are none. */
const harmlessChanges: [what: string, change: (snapshot: Snapshot) => void][] = [
  ['an order placed while the topics were read', (snapshot) => {
    snapshot.events.push({ ...event(snapshot, 'o-received.1'), id: 'o-new.1', key: 'o-new', orderId: 'o-new', timestamp: readAt })
  }],
  ['a status that came while the topics were read', (snapshot) => {
    snapshot.events.push({ ...event(snapshot, 'o-received.1'), id: 'o-received.2', sequence: 2, timestamp: readAt })
  }],
  ['an event that is not published yet', (snapshot) => {
    order(snapshot, 'o-received').unpublished = [{ seq: 1, at: recent }]
    remove(snapshot.events, { id: 'o-received.1' })
    remove(snapshot.emails, { eventId: 'o-received.1' })
  }],
  ['a stock release that is pending since a moment ago', (snapshot) => {
    const { statusHistory } = order(snapshot, 'o-cancelled')
    statusHistory[1]!.timestamp = recent
    order(snapshot, 'o-cancelled').releaseAttemptAt = readAt
    event(snapshot, 'o-cancelled.2').content.statusHistory = JSON.stringify(statusHistory.map(({ status, timestamp }) => [status, timestamp]))
    reservation(snapshot, 'o-cancelled').state = 'held'
    find(snapshot.products, { _id: 'p-comte' }).stock -= 2
  }],
  ['a pending order that is being cancelled, with its stock released already', (snapshot) => {
    Object.assign(order(snapshot, 'o-pending'), { status: 'Cancelling', releaseAttemptAt: readAt })
    reservation(snapshot, 'o-pending').state = 'released'
    find(snapshot.products, { _id: 'p-comte' }).stock++
  }],
  ['an e-mail that is not recorded yet, about an event of a moment ago', (snapshot) => {
    event(snapshot, 'o-delivered.4').timestamp = recent
    remove(snapshot.emails, { eventId: 'o-delivered.4' })
  }],
  ['a leased e-mail', (snapshot) => {
    Object.assign(email(snapshot, 'o-received.1'), { status: 'PENDING', sentAt: null, nextAttemptAt: overdue, leaseUntil: readAt })
  }],
  ['an e-mail that is retried later', (snapshot) => {
    Object.assign(email(snapshot, 'o-received.1'), { status: 'PENDING', sentAt: null, nextAttemptAt: new Date(readAt.getTime() + 60_000) })
  }],
  ['many e-mails in the queue', (snapshot) => {
    for (const waiting of snapshot.emails) Object.assign(waiting, { status: 'PENDING', sentAt: null, nextAttemptAt: overdue, firstAttemptAt: overdue })
    Object.assign(email(snapshot, 'o-delivered.1'), { status: 'SENT', sentAt: recent })
  }],
  ['an e-mail that has failed for good', (snapshot) => { email(snapshot, 'o-received.1').status = 'FAILED' }],
  ['an event that was dead-lettered', (snapshot) => {
    remove(snapshot.emails, { eventId: 'o-delivered.4' })
    const { partition, offset } = event(snapshot, 'o-delivered.4')
    snapshot.deadLetters.push({ ...snapshot.deadLetters[0]!, origin: { partition, offset }, eventId: 'o-delivered.4' })
  }],
  ['an order and its e-mails after the customer deleted their account', (snapshot) => {
    Object.assign(order(snapshot, 'o-delivered').customer, { name: '', email: '' })
    for (const one of snapshot.emails) if (one.orderId === 'o-delivered') one.recipient = ''
  }],
  ['e-mails that are not erased yet', (snapshot) => { Object.assign(order(snapshot, 'o-delivered').customer, { name: '', email: '' }) }],
  ['a duplicate of an event from after the erasure of its customer', (snapshot) => {
    const first = event(snapshot, 'o-received.1')
    const [id, , , locale] = JSON.parse(first.content.customer)
    snapshot.events.push({ ...first, content: { ...first.content, customer: JSON.stringify([id, '', '', locale]) } })
  }],
  ['events that Kafka does not retain any more', (snapshot) => {
    snapshot.retainedFrom = [new Date(noon.getTime() + 120_000)]
    for (const id of ['o-delivered.1', 'o-delivered.2', 'o-cancelled.1', 'o-received.1']) remove(snapshot.events, { id })
  }],
] // prettier-ignore

it.each(harmlessChanges)('findDifferences accepts %s', (_what, change) => {
  const snapshot = structuredClone(clean)
  change(snapshot)
  expect(findDifferences(snapshot, { asOf })).toEqual([])
})

describe('readSnapshot', () => {
  it('reports documents of another shape and unparsable messages as differences', async () => {
    const shop = createSampleShop()
    Object.assign(shop.order.orders[3]!, { items: 'none' })
    shop.messages.push({ key: 'o', value: '{"specversion":"1.0"}', at: noon })
    const snapshot = await readSampleShop(shop)
    const found = findDifferences(snapshot, { asOf })
    expect(found.map(({ rule, subject }) => [rule, subject])).toEqual([
      ['shape', 'orders o-pending'],
      ['event-unparsable', 'order-events 0@9'],
    ])
  })

  it('reads a shop without any data, which has no difference', async () => {
    const name = randomUUID().slice(0, 8)
    const snapshot = await readSnapshot({
      mongodb: inject('mongodb'),
      kafka: inject('kafka'),
      databases: { product: `p_${name}`, order: `o_${name}`, notification: `n_${name}` },
      topics: { events: `e-${name}`, deadLetters: `d-${name}` },
    })
    expect(findDifferences(snapshot, { asOf: 'quiet' })).toEqual([])
    expect(listNotices(snapshot)).toEqual([])
  })

  it('says which server does not answer', async () => {
    await expect(
      readSnapshot({ mongodb: 'mongodb://user:secret@127.0.0.1:1/?replicaSet=rs0', kafka: '127.0.0.1:1' }),
    ).rejects.toThrow(/^MongoDB at mongodb:\/\/127\.0\.0\.1:1\/ cannot be read: .*ECONNREFUSED/)
    await expect(readSnapshot({ mongodb: inject('mongodb'), kafka: '127.0.0.1:1' })).rejects.toThrow(
      /^Kafka at 127\.0\.0\.1:1 cannot be read: .*ECONNREFUSED/,
    )
  })
})
