import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { kafkaAt, type Incoming } from '@halles/service/kafka'
import { logger } from '@halles/service/log'
import { openMongo } from '@halles/service/mongo'
import { instrumented, momentsIn, sourcesIn } from '@halles/testkit/crash-points'
import { ownDatabase } from '@halles/testkit/database'
import { serveKeys, type Process } from '@halles/testkit/process'
import { eventually } from '@halles/testkit/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { LINK_SECRET, someAccountEvent, someCustomer, someDeletion } from '../test/events.ts'
import { answersOf, days, newDay, type Day, type Kind, type Surroundings } from '../test/day.ts'
import { mailServer } from '../test/mail-server.ts'
import { accountsBeside, deletionsBeside, ownSubscription, startOn } from '../test/running.ts'
import { deadLettersIn } from './dead-letters.ts'
import { lettersIn } from './letters.ts'

// Notification-service is killed right after each thing that it awaits: in starting, hearing, parking, delivering, sending
// again and stopping. The points come from the sources, so a new step is tried as soon as it is written.

/** These only read, or are not what a test can start. */
const without = ['graphql.ts', 'main.ts', 'metrics.ts', 'read-dead-letters.ts', 'read-letters.ts']
const { points, dyingAt, listing, remove } = instrumented(sourcesIn(new URL('.', import.meta.url), without))
afterAll(remove)

/** The points that no day comes to, and why. One that is come to all the same fails the test. */
const reads = 'only reads'
const beyond: Record<string, string> = {
  "dead-letters.ts page: await pageOf(deadLetters, { list: 'deadLetters', filter, sort, om…": reads,
  "letters.ts page: await pageOf(letters, { list: 'letters', filter, sort: [['_id', -…": reads,
  'letters.ts withIds: await letters.find({ _id: { $in: ids }, ...ownedBy(owner) }).toAr…': reads,
  'letters.ts aboutOrders: await letters .find({ orderId: { $in: orderIds }, ...ownedBy(owne…': reads,
  "letters.ts waiting: await letters .aggregate ([ { $match: { status: 'PENDING' } }, { …": reads,
  'rest.ts rest: await listLetters(shop, request.person, request.query)': reads,
  'rest.ts rest: await listDeadLetters(shop, request.person, request.query)': reads,
  'rest.ts rest: await readDeadLetter(shop, request.person, request.params.id)': reads,
}

/** Those that a day comes to by chance, and why none has to. */
const byChance: Record<string, string> = {
  'deliver.ts take: await letters.release(claimed)': 'told to stop in the middle of a claim: the lease ends by itself',
  'deliver.ts written: await pause(1000)': 'MongoDB is away: nothing but a pause',
  'letters.ts claim: await letters.find({ _id: { $in: ids }, claim }).toArray()':
    'another instance claimed some of the same: a read after the claim, which is a point',
}

/** How many processes live and die at a time, each on a database and topics of its own. */
const LANES = 3

type Lane = Surroundings & { start: (flags?: string[]) => Process; lived: Day[] }

const cleanups: (() => unknown)[] = []
const log = logger('test', 'silent')
/** By point, the first of its moment, at which the process is killed for all of them, and the day that comes to it. */
const moments = new Map<string, { at: string; kind: Kind }>()
/** By first point of a moment: whether the process died there in the end, and the days that were to end there. */
const deaths = new Map<string, { died: boolean; lived: Day[] }>()
/** What the group was given, by lane, once each had heard all there was: one message that was put there then. */
const leftovers: string[][] = []

beforeAll(async () => {
  const keys = await serveKeys()
  cleanups.push(keys.close)
  const lanes = await Promise.all(Array.from({ length: LANES }, () => openLane(keys.url)))
  await explore(lanes[0]!)
  const queue = [...moments].filter(([name, { at }]) => name === at)
  await Promise.all(
    lanes.map(async (lane) => {
      for (let next = queue.shift(); next; next = queue.shift()) await dieAt(lane, next[0], next[1].kind)
      await comeBack(lane)
    }),
  )
}, 1_800_000)

afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup()
})

/** What notification-service needs around it: real servers, and a mail server that answers by address. */
async function openLane(jwksUrl: string): Promise<Lane> {
  const subscription = ownSubscription()
  const database = ownDatabase(inject('mongodb'))
  const mongo = await openMongo(database, 'notification-test')
  const broker = kafkaAt(inject('kafka'), 'notification-test', log)
  await broker.ensureTopic(subscription.topic, 1)
  await broker.ensureTopic(accountsBeside(subscription).topic, 1)
  await broker.ensureTopic(deletionsBeside(subscription).topic, 1)
  await broker.ensureTopic(subscription.dlq, 1, undefined, { 'max.message.bytes': '3000' })
  const publisher = broker.publisher()
  const mail = await mailServer()
  const hanging = new Set<string>()
  answersOf(mail, hanging)
  cleanups.push(mongo.close, mail.close, publisher.close)
  const env = {
    MONGODB_URL: database,
    KAFKA_BROKERS: inject('kafka'),
    SMTP_URL: mail.url,
    JWKS_URL: jwksUrl,
    SMTP_TIMEOUT_MS: '1000',
    RETRY_SCALE: '0.01',
    ACCOUNT_LINK_SECRET: LINK_SECRET,
  }
  const start = (flags: string[] = []): Process => {
    const process = startOn(subscription, env, flags)
    cleanups.push(process.kill)
    return process
  }
  const letters = await lettersIn(mongo.db)
  return {
    subscription,
    broker,
    publisher,
    mail,
    hanging,
    letters,
    deadLetters: await deadLettersIn(mongo.db),
    start,
    lived: [],
  }
}

const dayOn = (lane: Lane): Day => {
  const day = newDay(lane)
  lane.lived.push(day)
  return day
}

/** Lives each kind of day to see which points it comes to; again where chance kept it from some of them. */
async function explore(lane: Lane): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'halles-days-'))
  cleanups.push(() => rmSync(folder, { recursive: true }))
  const isMissing = (name: string): boolean => !moments.has(name) && !(name in beyond) && !(name in byChance)
  for (let tries = 0; tries < 3 && points.some(isMissing); tries++)
    for (const kind of days) {
      const list = path.join(folder, `${kind} ${tries}`)
      const day = dayOn(lane)
      expect(await day.live(kind, lane.start(listing(list)))).toMatchObject({ code: 0 })
      for (const moment of momentsIn(list)) {
        const fresh = moment.filter((name) => !moments.has(name) && !(name in byChance))
        for (const name of fresh) moments.set(name, { at: fresh[0]!, kind })
      }
    }
}

/** Lives a day that is to end at a point; where chance has it otherwise, another one. */
async function dieAt(lane: Lane, name: string, kind: Kind): Promise<void> {
  const death = { died: false, lived: [] as Day[] }
  deaths.set(name, death)
  while (!death.died && death.lived.length < 3) {
    const day = dayOn(lane)
    death.lived.push(day)
    const { signal } = await day.live(kind, lane.start(dyingAt(name)))
    death.died = signal === 'SIGKILL'
  }
}

/** Starts the service for good, waits until nothing is in between, stops it, and sees where its group stands. */
async function comeBack(lane: Lane): Promise<void> {
  const { start, letters, deadLetters, subscription, broker, publisher } = lane
  const service = start()
  await service.listening
  // What is heard of each topic last has all of it heard before: what is parked two of them, and a letter whose reader is
  // forgotten the two others.
  const event = await someAccountEvent('account.role-changed', { user: someCustomer() })
  const { subject } = event
  const lastOnes = async () => (await letters.page({ owner: subject }, { first: 1 })).items[0]
  await publisher.send(accountsBeside(subscription).topic, [{ key: subject, value: JSON.stringify(event) }])
  await eventually('what became of accounts is heard', async () => (await lastOnes())?.status === 'SENT')
  const deletion = JSON.stringify(someDeletion(subject))
  await publisher.send(deletionsBeside(subscription).topic, [{ key: subject, value: deletion }])
  await eventually('deletions are heard', async () => (await lastOnes())?.recipient === '')
  await publisher.send(subscription.topic, [{ key: 'the first', value: 'nonsense' }])
  const isHeard = async () => {
    const { items } = await deadLetters.page({}, { first: 1 })
    return items[0]?.key?.toString() === 'the first'
  }
  await eventually('all is heard', isHeard)
  await eventually('no letter waits', async () => (await letters.waiting()).count === 0)
  expect(await service.stop()).toMatchObject({ code: 0 })

  for (const [topic, groupId] of [
    [subscription.topic, subscription.groupId],
    [accountsBeside(subscription).topic, accountsBeside(subscription).groupId],
    [deletionsBeside(subscription).topic, deletionsBeside(subscription).groupId],
    [subscription.dlq, `${subscription.groupId}-dlq`],
  ] as const) {
    const came: Incoming[] = []
    const listener = await broker.listen({ groupId, topic, onBatch: async (batch) => void came.push(...batch) })
    cleanups.push(listener.close)
    await publisher.send(topic, [{ key: 'the last', value: 'the last' }])
    await eventually('the last message', () => came.some(({ key }) => key === 'the last'))
    leftovers.push(came.map(({ key }) => String(key)))
  }
}

it('comes to every point, but for those that are known to lie beyond', () => {
  const certain = points.filter((name) => !(name in byChance))
  expect(certain).toHaveLength(points.length - Object.keys(byChance).length)
  expect(certain.filter((name) => !moments.has(name)).sort()).toEqual(Object.keys(beyond).sort())
})

describe('notification-service, killed right after', () => {
  it.each(points.filter((name) => !(name in beyond || name in byChance)))(
    '%s, has one letter for each event',
    async (name) => {
      const { died, lived } = deaths.get(moments.get(name)!.at)!
      expect(died).toBe(true)
      for (const day of lived) expect(await day.amiss()).toEqual([])
    },
  )
})

it('has acknowledged all that it heard, and nothing else', () => {
  expect(leftovers).toEqual(Array.from({ length: 4 * LANES }, () => ['the last']))
})
