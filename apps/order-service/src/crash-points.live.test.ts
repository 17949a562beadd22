import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { freePort } from '@halles/servers'
import { instrumented, momentsIn, sourcesIn, type Slow } from '@halles/testkit/crash-points'
import { ownDatabase } from '@halles/testkit/database'
import { serveKeys, startProcess, type Process } from '@halles/testkit/process'
import { eventually } from '@halles/testkit/wait'
import { MongoClient, type Filter } from 'mongodb'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { days, live, newDay, type Day, type Kind, type Surroundings } from '../test/day.ts'
import { listenTo } from '../test/listener.ts'
import { openStores } from '../test/stores.ts'
import type { Stored } from './orders.ts'
import { stockAt } from './stock.ts'

// Order-service is killed right after each thing that it awaits: in starting, placing, moving, telling, recovering and
// stopping. The points come from the sources, so a new step is tried as soon as it is written.

/** These only read. */
const reading = ['graphql.ts', 'list-orders.ts', 'metrics.ts', 'read-order.ts']
const { points, dyingAt, listing, remove } = instrumented([
  ...sourcesIn(new URL('.', import.meta.url), reading),
  new URL('../../../packages/service/src/rounds.ts', import.meta.url),
])
afterAll(remove)

/** The points that no day comes to, and why. One that is come to all the same fails the test. */
const beyond: Record<string, string> = {
  "debts.ts counts: await Promise.all([ orders.countDocuments({ status: { $in: ['Inte…": 'only reads',
  'orders.ts findMany: await orders.find({ _id: { $in: ids }, ...filter, ...visible }).t…': 'only reads',
  'rest.ts rest: await shop.listOrders(request.person, request.query)': 'only reads',
  'rest.ts rest: await shop.readOrder(signedIn(request.person), request.params)': 'only reads',
  'intents.ts confirm: await confirm(ids) #2':
    'MongoDB broke the connection in the first one: the same write once more',
  'rounds.ts run: await new Promise((resolve) => setTimeout(resolve, pause))': 'a round failed: nothing but a pause',
}

/**
 * What a day may come to or not: other tests delete accounts on the same Kafka. It is one write, done again when its event
 * comes again.
 */
const perhaps = new Set(['orders.ts forget: await orders.updateMany( { userId: { $in: userIds } }, { $set: { …'])

/** What other days come to by chance, and the one that comes to it each time. */
const surely: Record<string, Kind> = {
  'debts.ts told: await orders.updateMany({ ...these, seq: { $gt: seq } }, { $pull:…': 'overtaken',
}

/** Where a process takes its time on some days, to be overtaken there. */
const slowly: Partial<Record<Kind, Slow>> = {
  overtaken: { at: "outbox.ts deliver: await Promise.all( batch.events.map((event) => inSpan('send order…", ms: 2000 },
}

/** How many processes live and die at a time, each on a database of its own. */
const LANES = 3
/** How long whatever was left behind may take until it is finished or undone, in milliseconds. */
const WITHIN = 60_000

type Lane = Surroundings & { start: (flags?: string[]) => Process }
type Death = { day: Day; left: Awaited<ReturnType<Day['leave']>>; died: boolean }

const cleanups: (() => unknown)[] = []
/** By point, the first of its moment, at which the process is killed for all of them, and the day that comes to it. */
const moments = new Map<string, { at: string; kind: Kind }>()
/** By first point of a moment, the days that were to end there: the last one did. */
const deaths = new Map<string, Death[]>()
let listener: Awaited<ReturnType<typeof listenTo>>

beforeAll(async () => {
  const lanes = await openShop()
  await explore(lanes[0]!)

  const queue = [...moments].filter(([name, { at }]) => name === at)
  const die = async (lane: Lane, mine: (kind: Kind) => boolean): Promise<void> => {
    for (;;) {
      const next = queue.findIndex(([, { kind }]) => mine(kind))
      if (next === -1) return
      const [[name, { kind }]] = queue.splice(next, 1) as [(typeof queue)[number]]
      await dieAt(lane, name, kind)
    }
  }
  await Promise.all(lanes.map((lane) => die(lane, (kind) => kind === 'everyday')))
  // Some of the others hold up product-service, so they are lived one at a time.
  await die(lanes[0]!, () => true)

  await Promise.all(lanes.map(comeBack))
}, 600_000)

afterAll(async () => {
  for (const cleanup of cleanups.toReversed()) await cleanup()
})

/** What order-service needs around it: real servers, and a product-service that does not die. */
async function openShop(): Promise<Lane[]> {
  const keys = await serveKeys()
  cleanups.push(keys.close)
  listener = await listenTo(inject('kafka'))
  cleanups.push(listener.close)

  const productDatabase = ownDatabase(inject('mongodb'), 'product')
  const client = new MongoClient(productDatabase)
  const grpcPort = await freePort()
  const productService = startProcess(new URL('../../product-service/src/main.ts', import.meta.url), {
    MONGODB_URL: productDatabase,
    GRPC_PORT: String(grpcPort),
    JWKS_URL: keys.url,
  })
  cleanups.push(() => client.close(), productService.kill)
  const products = (await productService.listening)!
  const grpc = `127.0.0.1:${grpcPort}`

  return Promise.all(
    Array.from({ length: LANES }, async () => {
      const database = ownDatabase(inject('mongodb'), 'order')
      const stores = await openStores(inject('mongodb'), database)
      const stock = stockAt(grpc)
      cleanups.push(stores.close, stock.close)
      const env = { MONGODB_URL: database, KAFKA_BROKERS: inject('kafka'), PRODUCT_GRPC_URL: grpc, JWKS_URL: keys.url }
      const start = (flags: string[] = []): Process => {
        const process = startProcess(new URL('main.ts', import.meta.url), env, flags)
        cleanups.push(process.kill)
        return process
      }
      return { stores, stock, products, productDb: client.db(), start }
    }),
  )
}

/** Lives each kind of day to see which points it comes to; again where chance kept it from some of them. */
async function explore(lane: Lane): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), 'halles-days-'))
  cleanups.push(() => rmSync(folder, { recursive: true }))
  const missing = (): boolean => points.some((name) => !moments.has(name) && !(name in beyond) && !perhaps.has(name))
  for (const kind of days) await exploreBy(lane, kind, path.join(folder, kind))
  for (let again = 0; again < 3 && missing(); again++) await exploreBy(lane, 'everyday', path.join(folder, `${again}`))
}

async function exploreBy(lane: Lane, kind: Kind, list: string): Promise<void> {
  const day = await newDay(lane)
  const { left, code } = await live(day, kind, () => lane.start(listing(list, slowly[kind])))
  expect({ kind, code, wrong: day.wrong }).toEqual({ kind, code: 0, wrong: [] })
  deaths.set(`none, ${list}`, [{ day, left, died: true }])
  for (const moment of momentsIn(list)) {
    const mine = (name: string): boolean => !perhaps.has(name) && (surely[name] ?? kind) === kind
    const fresh = moment.filter((name) => !moments.has(name) && mine(name))
    for (const name of fresh) moments.set(name, { at: fresh[0]!, kind })
  }
}

/** Lives a day that is to end at a point; where chance has it otherwise, another one. */
async function dieAt(lane: Lane, name: string, kind: Kind): Promise<void> {
  const tries: Death[] = []
  deaths.set(name, tries)
  while (tries.length < 5) {
    const day = await newDay(lane)
    const { left, signal } = await live(day, kind, () => lane.start(dyingAt(name, slowly[kind])))
    tries.push({ day, left, died: signal === 'SIGKILL' })
    if (signal === 'SIGKILL') return
  }
}

/** Starts order-service for good, asks again for all that was asked for, and waits until nothing is in between. */
async function comeBack({ stores, start }: Lane): Promise<void> {
  const url = (await start().listening)!
  const here = [...deaths.values()].flat().filter(({ day }) => day.stores === stores)
  await Promise.all(here.map(({ day }) => eventually('every wish has its answer', () => day.askAgain(url), WITHIN)))
  await eventually('nothing is in between', async () => (await stores.collection.countDocuments(between)) === 0, WITHIN)
}
const between: Filter<Stored> = {
  $or: [{ status: { $in: ['Intent', 'Undoing'] } }, { releaseAt: { $exists: true } }, { unsent: { $exists: true } }],
}

it('comes to every point, but for those that are known to lie beyond', () => {
  expect(points.filter((name) => !moments.has(name) && !perhaps.has(name)).sort()).toEqual(Object.keys(beyond).sort())
})

describe('order-service, killed right after', () => {
  it.each(points.filter((name) => !(name in beyond) && !perhaps.has(name)))(
    '%s, leaves nothing amiss',
    async (name) => {
      const tries = deaths.get(moments.get(name)!.at)!
      expect(tries.at(-1)?.died).toBe(true)
      for (const { day, left } of tries) expect(await day.amiss(left, listener.sequences)).toEqual([])
    },
  )
})
