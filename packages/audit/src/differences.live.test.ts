import { randomUUID } from 'node:crypto'
import { kafkaAt } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import { MongoClient } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { noon, readAt, smallShop, type SmallShop } from '../test/small-shop.ts'
import type { Books } from './books.ts'
import { differencesIn, rules } from './differences.ts'
import { noticesIn } from './notices.ts'
import { readBooks } from './read-books.ts'

const mongo = new MongoClient(inject('mongodb'))
const kafka = kafkaAt(inject('kafka'), 'audit-test', logger('test', 'silent'))
const publisher = kafka.publisher()
const written: string[] = []

afterAll(async () => {
  for (const database of written) await mongo.db(database).dropDatabase()
  await Promise.all([mongo.close(), publisher.close()])
})

/** Writes a shop down on real servers, and reads its books. Kafka stamps what comes now: afterwards it came when it says. */
async function booksOf({ product, order, notification, messages, parked }: SmallShop): Promise<Books> {
  const name = randomUUID().slice(0, 8)
  const databases = { product: `audit_p_${name}`, order: `audit_o_${name}`, notification: `audit_n_${name}` }
  const topics = { events: `audit-${name}`, deadLetters: `audit-${name}.dlq` }
  written.push(...Object.values(databases))
  for (const [database, collections] of Object.entries({ product, order, notification }))
    for (const [collection, documents] of Object.entries(collections as Record<string, { _id: string }[]>))
      await mongo
        .db(databases[database as keyof typeof databases])
        .collection<{ _id: string }>(collection)
        .insertMany(documents)
  await kafka.ensureTopic(topics.events, 1)
  await publisher.send(topics.events, messages)
  if (parked.length > 0) {
    await kafka.ensureTopic(topics.deadLetters, 1)
    await publisher.send(
      topics.deadLetters,
      parked.map(({ headers, ...rest }) => ({ ...rest, headers: { ...headers, 'origin-topic': topics.events } })),
    )
  }
  const books = await readBooks({ mongodb: inject('mongodb'), kafka: inject('kafka'), databases, topics })
  for (const message of [...books.events, ...books.poison]) message.timestamp = messages[Number(message.offset)]!.at
  for (const message of books.deadLetters) message.timestamp = noon
  return { ...books, readAt }
}

const asOf = new Date(readAt.getTime() - 60_000)
const find = <T extends object>(list: T[], wanted: Partial<T>): T =>
  list.find((one) => Object.entries(wanted).every(([key, value]) => one[key as keyof T] === value))!
const remove = <T extends object>(list: T[], wanted: Partial<T>): void => {
  const rest = list.filter((one) => !Object.entries(wanted).every(([key, value]) => one[key as keyof T] === value))
  expect(rest.length).toBeLessThan(list.length)
  list.splice(0, list.length, ...rest)
}
const order = (books: Books, id: string) => find(books.orders, { _id: id })
const reservation = (books: Books, id: string) => find(books.reservations, { _id: id })
const letter = (books: Books, id: string) => find(books.letters, { _id: `letter-${id}` })
const event = (books: Books, id: string) => find(books.events, { id })
const long = new Date(readAt.getTime() - 120_000)
const young = new Date(readAt.getTime() - 5000)

let clean: Books
beforeAll(async () => {
  clean = await booksOf(smallShop())
})

describe('a shop in good order', () => {
  it('is read whole, from all databases and both topics', () => {
    const { products, movements, reservations, orders, letters, accountLetters, listed, misfits } = clean
    const { events, poison, deadLetters } = clean
    const ofDatabases = { products, movements, reservations, orders, letters, accountLetters, listed, misfits }
    const counts = { ...ofDatabases, events, poison, deadLetters }
    expect(Object.fromEntries(Object.entries(counts).map(([what, { length }]) => [what, length]))).toEqual({
      products: 2,
      movements: 3,
      reservations: 5,
      orders: 4,
      letters: 7,
      accountLetters: 1,
      events: 8,
      poison: 1,
      deadLetters: 1,
      listed: 1,
      misfits: 0,
    })
    expect(clean.retainedFrom).toEqual([null])
  })

  it('has no difference', () => {
    expect(differencesIn(clean, { asOf })).toEqual([])
  })

  it('has something under way, which a quiet one has not', () => {
    expect(differencesIn(clean, { asOf: 'quiet' }).map(({ rule }) => rule)).toEqual(['order-unfinished'])
  })

  it('tells what is worth knowing', () => {
    expect(noticesIn(clean)).toEqual([
      'orders under way or being undone: 1',
      'repeats among the events, as may be: 1',
      'messages on order-events.dlq, parked: 1',
    ])
  })
})

/** For each rule, ways to break it; what is seen names this subject, and no other rule complains unless it is said. */
const plants: [rule: string, what: string, subject: string, plant: (books: Books) => void, also?: string[]][] = [
  ['stock-below-zero', 'more sold than there was', 'p-comte', ({ products, movements }) => {
    find(products, { _id: 'p-comte' }).stock = -1
    find(movements, { delta: 25 }).delta = 9
  }],
  ['stock-balance', 'stock written without a movement', 'p-huile', ({ products }) => { find(products, { _id: 'p-huile' }).stock++ }],
  ['stock-balance', 'stock given back twice', 'p-comte', ({ products }) => { find(products, { _id: 'p-comte' }).stock += 2 }],
  ['stock-balance', 'a movement of no product', 'p-none', ({ movements }) => { movements.push({ _id: 'm', productId: 'p-none', delta: 1 }) }],
  ['stock-not-held', 'an order whose stock was given back', 'o-received', (books) => {
    reservation(books, 'o-received').state = 'released'
    find(books.products, { _id: 'p-comte' }).stock++
  }],
  ['stock-not-held', 'an order without a reservation', 'o-received', (books) => {
    remove(books.reservations, { _id: 'o-received' })
    find(books.products, { _id: 'p-comte' }).stock++
  }],
  ['stock-not-held', 'another quantity than ordered', 'o-received', (books) => {
    reservation(books, 'o-received').items[0]!.quantity = 2
    find(books.products, { _id: 'p-comte' }).stock--
  }],
  ['stock-not-returned', 'a cancelled order that holds stock', 'o-cancelled', (books) => {
    reservation(books, 'o-cancelled').state = 'held'
    find(books.products, { _id: 'p-comte' }).stock -= 2
  }],
  ['stock-leaked', 'stock held by no order', 'o-nobody', ({ products, reservations }) => {
    reservations.push({ _id: 'o-nobody', state: 'held', items: [{ productId: 'p-comte', quantity: 1 }], at: long })
    find(products, { _id: 'p-comte' }).stock--
  }],
  ['stock-owed', 'stock owed back for long', 'o-cancelled', (books) => { order(books, 'o-cancelled').releaseAt = readAt }],
  ['order-lines', 'no lines', 'o-begun', (books) => {
    Object.assign(order(books, 'o-begun'), { items: [], total: 0 })
  }],
  ['order-lines', 'a product that does not exist', 'o-begun', (books) => { order(books, 'o-begun').items[0]!.productId = 'p-none' }],
  ['order-lines', 'a quantity of 0', 'o-begun', (books) => {
    Object.assign(order(books, 'o-begun').items[0]!, { quantity: 0 })
    order(books, 'o-begun').total = 0
  }],
  ['order-lines', 'half a cent', 'o-begun', (books) => {
    order(books, 'o-begun').items[0]!.price = 12.905
    order(books, 'o-begun').total = 12.91
  }],
  ['order-lines', 'a product in two lines', 'o-begun', (books) => {
    const { items } = order(books, 'o-begun')
    items.push(items[0]!)
    order(books, 'o-begun').total = 25.8
  }],
  ['order-lines', 'a total that is not the sum', 'o-begun', (books) => { order(books, 'o-begun').total = 12.91 }],
  ['order-lines', 'a total that is not exact', 'o-begun', (books) => { order(books, 'o-begun').total = 12.9000000001 }],
  ['order-history', 'no history', 'o-begun', (books) => { Object.assign(order(books, 'o-begun'), { statusHistory: [], seq: 0, unsent: [] }) }],
  ['order-history', 'a history that begins otherwise', 'o-begun', (books) => { order(books, 'o-begun').statusHistory[0]!.status = 'Confirmée' }],
  ['order-history', 'a move that nobody may make', 'o-delivered', (books) => {
    order(books, 'o-delivered').statusHistory[2]!.status = 'Reçue'
  }, ['event-content']],
  ['order-history', 'a status that its history does not end with', 'o-received', (books) => { order(books, 'o-received').status = 'Confirmée' }],
  ['order-sequence', 'a sequence that does not count', 'o-received', (books) => { order(books, 'o-received').seq = 2 }, ['event-missing']],
  ['order-sequence', 'unsent events that are not its last', 'o-delivered', (books) => { order(books, 'o-delivered').unsent = [{ seq: 2, at: young }] }],
  ['order-number', 'a number twice', 'number 1', (books) => { order(books, 'o-begun').number = '1' }],
  ['order-number', 'a number that is none', 'o-begun', (books) => { order(books, 'o-begun').number = '04' }],
  ['order-key', 'a key that placed two orders', 'k1', (books) => {
    const { idem, userId } = order(books, 'o-delivered')
    Object.assign(order(books, 'o-begun'), { idem, userId, customer: { ...order(books, 'o-begun').customer, id: userId } })
  }],
  ['order-customer', "another's customer", 'o-begun', (books) => { order(books, 'o-begun').userId = 'u-9' }],
  ['order-unfinished', 'an intent left behind', 'o-begun', (books) => { order(books, 'o-begun').createdAt = long }],
  ['order-unfinished', 'an undoing that does not end', 'o-begun', (books) => { Object.assign(order(books, 'o-begun'), { status: 'Undoing', createdAt: long }) }],
  ['order-untold', 'an event unsent for long', 'o-received', (books) => { order(books, 'o-received').unsent = [{ seq: 1, at: long }] }],
  ['event-missing', 'a last event that is lost', 'o-cancelled', ({ events, letters }) => {
    remove(events, { id: 'o-cancelled.2' })
    remove(letters, { eventId: 'o-cancelled.2' })
  }],
  ['event-missing', 'an order that was never told', 'o-received', ({ events, letters }) => {
    remove(events, { id: 'o-received.1' })
    remove(letters, { eventId: 'o-received.1' })
  }],
  ['event-order', 'a gap', 'o-delivered', ({ events, letters }) => {
    remove(events, { id: 'o-delivered.2' })
    remove(letters, { eventId: 'o-delivered.2' })
  }],
  ['event-order', 'disorder', 'o-delivered', ({ events }) => {
    const [one, two] = events.splice(1, 2)
    events.splice(1, 0, two!, one!)
  }],
  ['event-order', 'two ids for one sequence', 'o-received', (books) => {
    books.events.push({ ...event(books, 'o-received.1'), id: 'o-received.1b' })
    books.letters.push({ ...letter(books, 'o-received.1'), _id: 'letter-b', eventId: 'o-received.1b' })
  }, ['letter-twice']],
  ['event-partition', 'an order in two partitions', 'o-delivered', (books) => { event(books, 'o-delivered.3').partition = 1 }],
  ['event-partition', 'another key', 'o-delivered', (books) => { event(books, 'o-delivered.3').key = 'o-other' }],
  ...(['type', 'previousStatus', 'status', 'number', 'userId', 'total', 'createdAt', 'items', 'statusHistory', 'customer'] as const).map(
    (field): (typeof plants)[number] => ['event-content', `another ${field}`, 'o-cancelled.2', (books) => {
      Object.assign(event(books, 'o-cancelled.2').telling, { [field]: field === 'total' ? 1 : 'Livrée' })
    }, field === 'status' ? ['letter-wrong'] : []],
  ),
  ['event-repeat', 'a repeat with another content', 'o-received.1', ({ events }) => {
    const repeat = events.at(-1)!
    repeat.telling = { ...repeat.telling, total: 1 }
  }],
  ['event-repeat', 'one id for two events', 'o-delivered.2', (books) => {
    books.events.push({ ...event(books, 'o-delivered.1'), id: 'o-delivered.2' })
  }],
  ['event-without-order', 'an event of no order', 'o-nobody', (books) => {
    books.events.push({ ...event(books, 'o-received.1'), id: 'o-nobody.1', key: 'o-nobody', orderId: 'o-nobody' })
    books.letters.push({ ...letter(books, 'o-received.1'), _id: 'letter-n', eventId: 'o-nobody.1', orderId: 'o-nobody' })
  }],
  ['event-without-order', 'an event of an intent', 'o-begun', (books) => {
    const telling = { ...event(books, 'o-received.1').telling, number: '4', userId: 'u-4', createdAt: order(books, 'o-begun').createdAt.toISOString() }
    telling.statusHistory = JSON.stringify([['Reçue', noon.toISOString()]])
    telling.customer = JSON.stringify(['u-4', 'Camille Martin', 'u-4@example.test', 'fr'])
    books.events.push({ ...event(books, 'o-received.1'), id: 'o-begun.1', key: 'o-begun', orderId: 'o-begun', telling })
    books.letters.push({ ...letter(books, 'o-received.1'), _id: 'letter-n', eventId: 'o-begun.1', orderId: 'o-begun', recipient: 'u-4@example.test' })
  }],
  ['event-without-order', 'an event of a status that did not come', 'o-received.2', (books) => {
    books.events.push({ ...event(books, 'o-received.1'), id: 'o-received.2', sequence: 2 })
    books.letters.push({ ...letter(books, 'o-received.1'), _id: 'letter-n', eventId: 'o-received.2', sequence: 2 })
  }],
  ['event-poison', 'poison that was dropped', '0@8', ({ deadLetters }) => { deadLetters.pop() }],
  ['dead-letter-unlisted', 'parked where nobody sees it', '0@0', ({ listed }) => { listed.pop() }],
  ['letter-missing', 'an event without a letter', 'o-delivered.4', ({ letters }) => { remove(letters, { eventId: 'o-delivered.4' }) }],
  ['letter-twice', 'two letters of one event', 'o-received.1', (books) => {
    books.letters.push({ ...letter(books, 'o-received.1'), _id: 'letter-2' })
  }],
  ['letter-twice', 'two letters of one event of an account', 'account event', ({ accountLetters }) => {
    accountLetters.push({ ...accountLetters[0]!, _id: 'letter-2' })
  }],
  ['letter-without-event', 'a letter of nothing', 'letter-o-received.1', (books) => {
    letter(books, 'o-received.1').eventId = 'nothing'
  }, ['letter-missing']],
  ['letter-wrong', 'a letter to somebody else', 'letter-o-received.1', (books) => { letter(books, 'o-received.1').recipient = 'u-1@example.test' }],
  ['letter-wrong', 'a letter that tells another status', 'letter-o-received.1', (books) => { letter(books, 'o-received.1').order.status = 'Livrée' }],
  ['letter-stuck', 'a letter that is due while nothing is sent', 'letter-o-received.1', (books) => {
    Object.assign(letter(books, 'o-received.1'), { status: 'PENDING', sentAt: null, nextAttemptAt: long })
  }],
  ['letter-stuck', 'a letter that later ones have overtaken', 'letter-o-received.1', (books) => {
    Object.assign(letter(books, 'o-received.1'), { status: 'PENDING', sentAt: null, nextAttemptAt: long })
    Object.assign(letter(books, 'o-delivered.1'), { since: young, sentAt: young })
  }],
  ['letter-stuck', 'a letter about an account that is due while nothing is sent', 'letter-of-account', ({ accountLetters }) => {
    Object.assign(accountLetters[0]!, { status: 'PENDING', sentAt: null, nextAttemptAt: long })
  }],
  ['shape', 'a document of another shape', 'orders o-x', ({ misfits }) => { misfits.push({ collection: 'orders', id: 'o-x', why: '/items must be array' }) }],
] // prettier-ignore

describe('a difference', () => {
  it.each(plants)('%s: %s', (rule, _what, subject, plant, also = []) => {
    const books = structuredClone(clean)
    plant(books)
    const found = differencesIn(books, { asOf })
    expect(new Set(found.map(({ rule }) => rule))).toEqual(new Set([rule, ...also]))
    expect(found.filter((one) => one.rule === rule).map(({ subject }) => subject)).toContainEqual(
      expect.stringContaining(subject),
    )
    expect(noticesIn(books)).toBeInstanceOf(Array)
  })

  it('is planted for every rule', () => {
    expect([...new Set(plants.map(([rule]) => rule))].toSorted()).toEqual(rules.map(({ name }) => name).toSorted())
  })
})

/** What looks like a difference and is none. */
const harmless: [what: string, change: (books: Books) => void][] = [
  ['an order placed while the topics were read', (books) => {
    books.events.push({ ...event(books, 'o-received.1'), id: 'o-new.1', key: 'o-new', orderId: 'o-new', timestamp: readAt })
  }],
  ['a status that came while the topics were read', (books) => {
    books.events.push({ ...event(books, 'o-received.1'), id: 'o-received.2', sequence: 2, timestamp: readAt })
  }],
  ['an event that is not told yet', (books) => {
    order(books, 'o-received').unsent = [{ seq: 1, at: young }]
    remove(books.events, { id: 'o-received.1' })
    remove(books.letters, { eventId: 'o-received.1' })
  }],
  ['stock that is owed back since a moment ago', (books) => {
    const { statusHistory } = order(books, 'o-cancelled')
    statusHistory[1]!.timestamp = young
    order(books, 'o-cancelled').releaseAt = readAt
    event(books, 'o-cancelled.2').telling.statusHistory = JSON.stringify(statusHistory.map(({ status, timestamp }) => [status, timestamp]))
    reservation(books, 'o-cancelled').state = 'held'
    find(books.products, { _id: 'p-comte' }).stock -= 2
  }],
  ['an intent that is being undone, its stock given back already', (books) => {
    Object.assign(order(books, 'o-begun'), { status: 'Undoing', releaseAt: readAt })
    reservation(books, 'o-begun').state = 'released'
    find(books.products, { _id: 'p-comte' }).stock++
  }],
  ['a letter of a moment ago', (books) => {
    event(books, 'o-delivered.4').timestamp = young
    remove(books.letters, { eventId: 'o-delivered.4' })
  }],
  ['a letter in hand', (books) => {
    Object.assign(letter(books, 'o-received.1'), { status: 'PENDING', sentAt: null, nextAttemptAt: long, leasedUntil: readAt })
  }],
  ['a letter that is tried again later', (books) => {
    Object.assign(letter(books, 'o-received.1'), { status: 'PENDING', sentAt: null, nextAttemptAt: new Date(readAt.getTime() + 60_000) })
  }],
  ['many letters that wait for their turn', (books) => {
    for (const waiting of books.letters) Object.assign(waiting, { status: 'PENDING', sentAt: null, nextAttemptAt: long, since: long })
    Object.assign(letter(books, 'o-delivered.1'), { status: 'SENT', sentAt: young })
  }],
  ['a letter that was given up', (books) => { letter(books, 'o-received.1').status = 'FAILED' }],
  ['an event that was parked', (books) => {
    remove(books.letters, { eventId: 'o-delivered.4' })
    const { partition, offset } = event(books, 'o-delivered.4')
    books.deadLetters.push({ ...books.deadLetters[0]!, origin: { partition, offset }, eventId: 'o-delivered.4' })
  }],
  ['an order and its letters whose customer has deleted their account', (books) => {
    Object.assign(order(books, 'o-delivered').customer, { name: '', email: '' })
    for (const one of books.letters) if (one.orderId === 'o-delivered') one.recipient = ''
  }],
  ['letters that are not forgotten yet', (books) => { Object.assign(order(books, 'o-delivered').customer, { name: '', email: '' }) }],
  ['an event that was repeated after its customer was forgotten', (books) => {
    const first = event(books, 'o-received.1')
    const [id, , , locale] = JSON.parse(first.telling.customer)
    books.events.push({ ...first, telling: { ...first.telling, customer: JSON.stringify([id, '', '', locale]) } })
  }],
  ['events that Kafka does not keep any more', (books) => {
    books.retainedFrom = [new Date(noon.getTime() + 120_000)]
    for (const id of ['o-delivered.1', 'o-delivered.2', 'o-cancelled.1', 'o-received.1']) remove(books.events, { id })
  }],
] // prettier-ignore

it.each(harmless)('%s is no difference', (_what, change) => {
  const books = structuredClone(clean)
  change(books)
  expect(differencesIn(books, { asOf })).toEqual([])
})

describe('reading', () => {
  it('sets aside what does not fit, in databases and on topics', async () => {
    const shop = smallShop()
    Object.assign(shop.order.orders[3]!, { items: 'none' })
    shop.messages.push({ key: 'o', value: '{"specversion":"1.0"}', at: noon })
    const books = await booksOf(shop)
    const found = differencesIn(books, { asOf })
    expect(found.map(({ rule, subject }) => [rule, subject])).toEqual([
      ['shape', 'orders o-begun'],
      ['event-poison', 'order-events 0@9'],
    ])
  })

  it('a shop that has nothing yet has no difference', async () => {
    const name = randomUUID().slice(0, 8)
    const books = await readBooks({
      mongodb: inject('mongodb'),
      kafka: inject('kafka'),
      databases: { product: `p_${name}`, order: `o_${name}`, notification: `n_${name}` },
      topics: { events: `e-${name}`, deadLetters: `d-${name}` },
    })
    expect(differencesIn(books, { asOf: 'quiet' })).toEqual([])
    expect(noticesIn(books)).toEqual([])
  })

  it('says in a sentence which server does not answer', async () => {
    await expect(
      readBooks({ mongodb: 'mongodb://who:secret@127.0.0.1:1/?replicaSet=rs0', kafka: '127.0.0.1:1' }),
    ).rejects.toThrow(/^MongoDB at mongodb:\/\/127\.0\.0\.1:1\/ cannot be read: .*ECONNREFUSED/)
    await expect(readBooks({ mongodb: inject('mongodb'), kafka: '127.0.0.1:1' })).rejects.toThrow(
      /^Kafka at 127\.0\.0\.1:1 cannot be read: .*ECONNREFUSED/,
    )
  })
})
