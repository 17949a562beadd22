import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createKafka, type IncomingMessage } from '@halles/kafka/kafka'
import { createLogger } from '@halles/telemetry/log'
import { connectMongo } from '@halles/mongo/mongo'
import { instrumentSources, readReachedPoints, listSources } from '@halles/crash-points/crash-points'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { serveJwks, type Process } from '@halles/test-fixtures/process'
import { eventually } from '@halles/test-fixtures/wait'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { createAccountDeletion, createAccountEvent, createCustomer, LINK_SECRET } from '../test/events.ts'
import { startMailServer } from '../test/mail-server.ts'
import {
  answerByAddress,
  createScenario,
  scenarioKinds,
  type Environment,
  type Scenario,
  type ScenarioKind,
} from '../test/scenario.ts'
import { createTestConsumers, publishEvents, startServiceProcess } from '../test/test-service.ts'
import { createDeadLetterStore } from './dead-letters/dead-letters.ts'
import { createEmailStore } from './emails/emails.ts'

// Kills notification-service right after each expression that it awaits: at start, and while it consumes, dead-letters,
// delivers, redrives and stops. The crash points are read from the sources, so a new `await` is tested without a change
// here.

/** Sources that only read, or that a test cannot start. */
const excluded = {
  '.': ['graphql.ts', 'main.ts', 'metrics.ts'],
  'emails/': ['read-emails.ts'],
  'dead-letters/': ['read-dead-letters.ts'],
}
const sources = Object.entries(excluded).flatMap(([folder, files]) =>
  listSources(new URL(folder, import.meta.url), files),
)
const { points, flagsToCrashAt, flagsToList, remove } = instrumentSources(sources)
afterAll(remove)

/** The points that no scenario reaches, and why. The test fails when one of them is reached. */
const readsOnly = 'only reads'
const unreachable: Record<string, string> = {
  "dead-letters.ts findPage: await findPage(deadLetters, { list: 'deadLetters', filter, sort, …": readsOnly,
  "emails.ts findPage: await findPage( emails, { list: 'emails', filter, sort: [['_id', …": readsOnly,
  'emails.ts findByIds: await emails.find({ _id: { $in: ids }, ...ownerFilter(owner) }).t…': readsOnly,
  'emails.ts findByOrders: await emails .find({ orderId: { $in: orderIds }, ...ownerFilter(o…': readsOnly,
  "emails.ts countPending: await emails .aggregate ([ { $match: { status: 'PENDING' } }, { $…": readsOnly,
  'dead-letter-consumer.ts readWhole: await kafka.readTopic({ topic: dlq, onBatch: record })':
    'only after ten minutes: it reads again what the consumer reads, and records the same',
  'rest.ts registerRestRoutes: await listEmails(deps, principal, { ...query, userIds: userIds?.s…': readsOnly,
  'rest.ts registerRestRoutes: await listDeadLetters(deps, request.principal, request.query)': readsOnly,
  'rest.ts registerRestRoutes: await readDeadLetter(deps, request.principal, request.params.id)': readsOnly,
}

/** The points that a scenario reaches only by chance, and why they need not be tested. */
const reachedByChance: Record<string, string> = {
  'delivery-worker.ts leaseDueEmails: await emails.release(leased)':
    'a shutdown in the middle of a lease: the lease ends by itself',
  'delivery-worker.ts recordWithRetries: await sleep(1000)': 'only a pause, while MongoDB is away',
}

/** How many processes run at a time, each with a database and topics of its own. */
const CONCURRENCY = 3

/** An environment in which one process at a time runs, and the scenarios that ran in it. */
type Lane = Environment & { start: (flags?: string[]) => Process; scenarios: Scenario[] }

const cleanups: (() => unknown)[] = []
const log = createLogger('test', 'silent')
/**
 * By point: the scenario that reaches it, and the point at which the process is killed for it. Points that no one outside
 * the process can tell apart are killed at the first of them.
 */
const reached = new Map<string, { killAt: string; kind: ScenarioKind }>()
/** By point at which a process was to be killed: whether it was, and the scenarios that ran for it. */
const kills = new Map<string, { isKilled: boolean; scenarios: Scenario[] }>()
/** What each consumer group was delivered after all else was consumed: the one message that was published last. */
const leftovers: string[][] = []

beforeAll(async () => {
  const keys = await serveJwks()
  cleanups.push(keys.close)
  const lanes = await Promise.all(Array.from({ length: CONCURRENCY }, () => createLane(keys.url)))
  await discoverPoints(lanes[0]!)
  const queue = [...reached].filter(([name, { killAt }]) => name === killAt)
  await Promise.all(
    lanes.map(async (lane) => {
      for (let next = queue.shift(); next; next = queue.shift()) await killAtPoint(lane, next[0], next[1].kind)
      await recover(lane)
    }),
  )
}, 1_800_000)

afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup()
})

/** Creates what notification-service needs: real servers, and a mail server that answers by address. */
async function createLane(jwksUrl: string): Promise<Lane> {
  const consumers = createTestConsumers()
  const database = uniqueDatabaseUrl(inject('mongodb'))
  const mongo = await connectMongo(database, 'notification-test')
  const kafka = createKafka(inject('kafka'), 'notification-test', log)
  for (const { topic } of Object.values(consumers)) await kafka.ensureTopic(topic, 1)
  await kafka.ensureTopic(consumers.orderEvents.dlq, 1, undefined, { 'max.message.bytes': '3000' })
  const publisher = kafka.publisher()
  const mailServer = await startMailServer()
  const hangingRecipients = new Set<string>()
  answerByAddress(mailServer, hangingRecipients)
  cleanups.push(mongo.close, mailServer.close, publisher.close)
  const env = {
    MONGODB_URL: database,
    KAFKA_BROKERS: inject('kafka'),
    SMTP_URL: mailServer.url,
    JWKS_URL: jwksUrl,
    SMTP_TIMEOUT_MS: '1000',
    RETRY_SCALE: '0.01',
    ACCOUNT_LINK_SECRET: LINK_SECRET,
  }
  const start = (flags: string[] = []): Process => {
    const process = startServiceProcess(consumers, env, flags)
    cleanups.push(process.kill)
    return process
  }
  return {
    consumers,
    kafka,
    publisher,
    mailServer,
    hangingRecipients,
    emails: await createEmailStore(mongo.db),
    deadLetters: await createDeadLetterStore(mongo.db),
    start,
    scenarios: [],
  }
}

const addScenario = (lane: Lane): Scenario => {
  const scenario = createScenario(lane)
  lane.scenarios.push(scenario)
  return scenario
}

/** Runs each kind of scenario to learn which points it reaches; again where chance kept it from some of them. */
async function discoverPoints(lane: Lane): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'halles-crash-points-'))
  cleanups.push(() => rmSync(folder, { recursive: true }))
  const isMissing = (name: string): boolean =>
    !reached.has(name) && !(name in unreachable) && !(name in reachedByChance)
  for (let round = 0; round < 3 && points.some(isMissing); round++)
    for (const kind of scenarioKinds) {
      const list = path.join(folder, `${kind} ${round}`)
      const scenario = addScenario(lane)
      expect(await scenario.run(kind, lane.start(flagsToList(list)))).toMatchObject({ code: 0 })
      for (const moment of readReachedPoints(list)) {
        const newPoints = moment.filter((name) => !reached.has(name) && !(name in reachedByChance))
        for (const name of newPoints) reached.set(name, { killAt: newPoints[0]!, kind })
      }
    }
}

/** Runs a scenario that a kill at this point ends; where chance prevented the kill, up to two more. */
async function killAtPoint(lane: Lane, name: string, kind: ScenarioKind): Promise<void> {
  const kill = { isKilled: false, scenarios: [] as Scenario[] }
  kills.set(name, kill)
  while (!kill.isKilled && kill.scenarios.length < 3) {
    const scenario = addScenario(lane)
    kill.scenarios.push(scenario)
    const { signal } = await scenario.run(kind, lane.start(flagsToCrashAt(name)))
    kill.isKilled = signal === 'SIGKILL'
  }
}

/** Starts the service once more, waits until it has processed everything, stops it, and reads what its groups left. */
async function recover(lane: Lane): Promise<void> {
  const { start, emails, deadLetters, consumers, kafka, publisher } = lane
  const service = start()
  await service.listening
  // A topic is consumed when its last message is. For two topics that is a message that is dead-lettered, for the two
  // others an e-mail whose account is then deleted.
  const event = await createAccountEvent('account.role-changed', { user: createCustomer() })
  const { subject } = event
  const findLastEmail = async () => (await emails.findPage({ owner: subject }, { first: 1 })).items[0]
  await publishEvents(publisher, consumers.accountEvents.topic, [event])
  await eventually('account events are consumed', async () => (await findLastEmail())?.status === 'SENT')
  await publishEvents(publisher, consumers.accountDeletions.topic, [createAccountDeletion(subject)])
  await eventually('account deletions are consumed', async () => (await findLastEmail())?.recipient === '')
  await publisher.send(consumers.orderEvents.topic, [{ key: 'the first', value: 'nonsense' }])
  await eventually('order events and dead letters are consumed', async () => {
    const { items } = await deadLetters.findPage({}, { first: 1 })
    return items[0]?.key?.toString() === 'the first'
  })
  await eventually('no e-mail is pending', async () => (await emails.countPending()).count === 0)
  expect(await service.stop()).toMatchObject({ code: 0 })

  const { dlq, groupId: orderGroup } = consumers.orderEvents
  for (const { topic, groupId } of [...Object.values(consumers), { topic: dlq, groupId: `${orderGroup}-dlq` }]) {
    const delivered: IncomingMessage[] = []
    const onBatch = async (batch: IncomingMessage[]) => void delivered.push(...batch)
    const consumer = await kafka.consume({ groupId, topic, onBatch })
    cleanups.push(consumer.close)
    await publisher.send(topic, [{ key: 'the last', value: 'the last' }])
    await eventually('the last message is delivered', () => delivered.some(({ key }) => key === 'the last'))
    leftovers.push(delivered.map(({ key }) => String(key)))
  }
}

describe('notification-service', () => {
  it('reaches every crash point except those that are known to be unreachable', () => {
    const certain = points.filter((name) => !(name in reachedByChance))
    expect(certain).toHaveLength(points.length - Object.keys(reachedByChance).length)
    expect(certain.filter((name) => !reached.has(name)).sort()).toEqual(Object.keys(unreachable).sort())
  })

  it.each(points.filter((name) => !(name in unreachable || name in reachedByChance)))(
    'has one e-mail for each event after a kill at %s',
    async (name) => {
      const { isKilled, scenarios } = kills.get(reached.get(name)!.killAt)!
      expect(isKilled).toBe(true)
      for (const scenario of scenarios) expect(await scenario.findViolations()).toEqual([])
    },
  )

  it('has committed the offsets of everything that it consumed, and no others', () => {
    expect(leftovers).toEqual(Array.from({ length: 4 * CONCURRENCY }, () => ['the last']))
  })
})
