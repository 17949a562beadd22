import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '@halles/test-servers'
import { instrumentSources, readReachedPoints, listSources, type Delay } from '@halles/crash-points/crash-points'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { serveJwks, startProcess, type Process } from '@halles/test-fixtures/process'
import { eventually } from '@halles/test-fixtures/wait'
import { MongoClient, type Filter } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { consumeOrderEvents, type OrderEventsConsumer } from '../test/order-events.ts'
import {
  createScenario,
  runScenario,
  scenarioKinds,
  type Environment,
  type Scenario,
  type ScenarioKind,
} from '../test/scenario.ts'
import { openStores } from '../test/stores.ts'
import type { StoredOrder } from './order.ts'
import { createStockClient } from './place-order/stock-client.ts'

// Order-service is killed right after each expression that it awaits: while it starts, places orders, changes their
// status, publishes, recovers and stops. The crash points are read from the sources, so a new step is tested as soon as
// it is written.

/** These files only read. */
const readOnlyFiles = ['graphql.ts', 'list-orders.ts', 'metrics.ts', 'order-statistics.ts', 'read-order.ts']
const { points, flagsToCrashAt, flagsToList, remove } = instrumentSources([
  ...listSources(new URL('.', import.meta.url), readOnlyFiles),
  ...listSources(new URL('place-order/', import.meta.url)),
  new URL('../../../packages/concurrency/src/poll-every.ts', import.meta.url),
  new URL('../../../packages/mongo/src/lease.ts', import.meta.url),
])
afterAll(remove)

/** The points that no scenario reaches, and why. If a scenario reaches one all the same, the test fails. */
const unreachable: Record<string, string> = {
  "orders.ts countBacklog: await Promise.all([ orders.countDocuments({ status: { $in: ['Pend…": 'only reads',
  'orders.ts findMany: await orders.find({ _id: { $in: ids }, ...filter, ...placedFilter…': 'only reads',
  'orders.ts sumByDay: await orders .aggregate ( [ { $match: filter }, { $bucket: { grou…': 'only reads',
  'rest.ts registerRestRoutes: await withinAnswerTimeout(page)': 'only reads',
  'rest.ts registerRestRoutes: await withinAnswerTimeout(order)': 'only reads',
  'poll-every.ts poll: await new Promise((resolve) => setTimeout(resolve, interval))':
    'a poll failed: nothing but a pause',
}

/**
 * The points that a scenario reaches by chance: other tests delete accounts on the same Kafka, which is one write that is
 * repeated when its event is consumed again; two requests change one order at the same time, and one of them has written
 * nothing yet.
 */
const reachedByChance = new Set([
  'orders.ts anonymizeCustomers: await retryWrite(() => orders.updateMany({ userId: { $in: userIds…',
  'change-status.ts changeStatus: await backoff(attempt, BACKOFF)',
])

/** The points that other scenarios reach by chance, and the kind that always reaches them. */
const requiredKinds: Record<string, ScenarioKind> = {
  'pending-publications.ts markPublished: await retryWrite(() => orders.updateMany({ ...these, seq: { $gt: …':
    'changedWhilePublishing',
}

/** The point at which the process is slowed down in some kinds, so that something else happens meanwhile. */
const slowPoints: Partial<Record<ScenarioKind, Delay>> = {
  changedWhilePublishing: {
    at: "outbox.ts publish: await Promise.all( batch.events.map((event) => runInSpan('send or…",
    ms: 2000,
  },
}

/** How many processes run at a time, each on a database of its own. */
const CONCURRENCY = 3
/** How long it may take until every leftover is confirmed or cancelled, in milliseconds. */
const SETTLE_TIMEOUT = 60_000

type Lane = Environment & { start: (flags?: string[]) => Process }
type Run = { scenario: Scenario; leftovers: Awaited<ReturnType<Scenario['createLeftovers']>>; killed: boolean }

const cleanups: (() => unknown)[] = []
/**
 * By point: the first point of its moment, at which the process is killed for all of them, and the kind that reaches
 * it.
 */
const moments = new Map<string, { at: string; kind: ScenarioKind }>()
/** By first point of a moment: the runs that should be killed there. The last one was. */
const runs = new Map<string, Run[]>()
let consumer: OrderEventsConsumer

beforeAll(async () => {
  const lanes = await startEnvironment()
  await explore(lanes[0]!)

  const queue = [...moments].filter(([name, { at }]) => name === at)
  const killAll = async (lane: Lane, includes: (kind: ScenarioKind) => boolean): Promise<void> => {
    for (;;) {
      const next = queue.findIndex(([, { kind }]) => includes(kind))
      if (next === -1) return
      const [[name, { kind }]] = queue.splice(next, 1) as [(typeof queue)[number]]
      await killAt(lane, name, kind)
    }
  }
  await Promise.all(lanes.map((lane) => killAll(lane, (kind) => kind === 'normal')))
  // Some of the other kinds block product-service, so they run one at a time.
  await killAll(lanes[0]!, () => true)

  await Promise.all(lanes.map(restart))
}, 600_000)

afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup()
})

/** Starts what order-service depends on: real servers, and a product-service that is not killed. */
async function startEnvironment(): Promise<Lane[]> {
  const keys = await serveJwks()
  cleanups.push(keys.close)
  consumer = await consumeOrderEvents(inject('kafka'))
  cleanups.push(consumer.close)

  const productDatabase = uniqueDatabaseUrl(inject('mongodb'), 'product')
  const client = new MongoClient(productDatabase)
  const grpcPort = await freePort()
  const productService = startProcess(new URL('../../product-service/src/main.ts', import.meta.url), {
    MONGODB_URL: productDatabase,
    GRPC_PORT: String(grpcPort),
    JWKS_URL: keys.url,
  })
  cleanups.push(() => client.close(), productService.kill)
  const productUrl = (await productService.listening)!
  const grpc = `127.0.0.1:${grpcPort}`

  return Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      const database = uniqueDatabaseUrl(inject('mongodb'), 'order')
      const stores = await openStores(inject('mongodb'), database)
      const stock = createStockClient(grpc)
      cleanups.push(stores.close, stock.close)
      const env = { MONGODB_URL: database, KAFKA_BROKERS: inject('kafka'), PRODUCT_GRPC_URL: grpc, JWKS_URL: keys.url }
      const start = (flags: string[] = []): Process => {
        const process = startProcess(new URL('main.ts', import.meta.url), env, flags)
        cleanups.push(process.kill)
        return process
      }
      return { stores, stock, productUrl, productDb: client.db(), start }
    }),
  )
}

/**
 * Runs each kind of scenario to list the points that it reaches; again while some are not reached, for chance plays a
 * part.
 */
async function explore(lane: Lane): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'halles-scenarios-'))
  cleanups.push(() => rmSync(folder, { recursive: true }))
  const incomplete = (): boolean =>
    points.some((name) => !moments.has(name) && !(name in unreachable) && !reachedByChance.has(name))
  for (const kind of scenarioKinds) await listPoints(lane, kind, path.join(folder, kind))
  for (let again = 0; again < 3 && incomplete(); again++)
    await listPoints(lane, 'normal', path.join(folder, `${again}`))
}

async function listPoints(lane: Lane, kind: ScenarioKind, list: string): Promise<void> {
  const scenario = await createScenario(lane)
  const { leftovers, code } = await runScenario(scenario, kind, () => lane.start(flagsToList(list, slowPoints[kind])))
  expect({ kind, code, unexpected: scenario.unexpected }).toEqual({ kind, code: 0, unexpected: [] })
  runs.set(`none, ${list}`, [{ scenario, leftovers, killed: true }])
  for (const moment of readReachedPoints(list)) {
    const belongs = (name: string): boolean => !reachedByChance.has(name) && (requiredKinds[name] ?? kind) === kind
    const fresh = moment.filter((name) => !moments.has(name) && belongs(name))
    for (const name of fresh) moments.set(name, { at: fresh[0]!, kind })
  }
}

/** Runs a scenario that should be killed at a point; up to five times if chance keeps it from the point. */
async function killAt(lane: Lane, name: string, kind: ScenarioKind): Promise<void> {
  const attempts: Run[] = []
  runs.set(name, attempts)
  while (attempts.length < 5) {
    const scenario = await createScenario(lane)
    const { leftovers, signal } = await runScenario(scenario, kind, () =>
      lane.start(flagsToCrashAt(name, slowPoints[kind])),
    )
    attempts.push({ scenario, leftovers, killed: signal === 'SIGKILL' })
    if (signal === 'SIGKILL') return
  }
}

/** Starts order-service for good, repeats every placement, and waits until nothing is pending. */
async function restart({ stores, start }: Lane): Promise<void> {
  const url = (await start().listening)!
  const ownRuns = [...runs.values()].flat().filter(({ scenario }) => scenario.stores === stores)
  await Promise.all(
    ownRuns.map(({ scenario }) =>
      eventually('every placement is answered', () => scenario.repeatPlacements(url), SETTLE_TIMEOUT),
    ),
  )
  await eventually(
    'nothing is pending',
    async () => (await stores.collection.countDocuments(unfinished)) === 0,
    SETTLE_TIMEOUT,
  )
}
const unfinished: Filter<StoredOrder> = {
  $or: [
    { status: { $in: ['Pending', 'Cancelling'] } },
    { releaseAttemptAt: { $exists: true } },
    { unpublished: { $exists: true } },
  ],
}

it('order-service reaches every crash point in a scenario, but for those listed as unreachable', () => {
  const missed = points.filter((name) => !moments.has(name) && !reachedByChance.has(name))
  expect(missed.sort()).toEqual(Object.keys(unreachable).sort())
})

describe('order-service killed right after', () => {
  it.each(points.filter((name) => !(name in unreachable) && !reachedByChance.has(name)))(
    '%s violates no invariant',
    async (name) => {
      const attempts = runs.get(moments.get(name)!.at)!
      expect(attempts.at(-1)?.killed).toBe(true)
      for (const { scenario, leftovers } of attempts)
        expect(await scenario.findViolations(leftovers, consumer.sequences)).toEqual([])
    },
  )
})
