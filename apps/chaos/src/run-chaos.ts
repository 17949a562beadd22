import { findDifferences } from '@halles/reconciliation'
import { config, userError } from '@halles/test-servers'
import { startShop, type ProcessName, type Shop } from '@halles/dev-shop'
import { keepArtifacts } from './artifacts.ts'
import type { ChaosResult } from './chaos-result.ts'
import { createFaultInjector, type InjectedFault } from './faults/fault-injector.ts'
import { createFaultProxy, type FaultProxy } from './faults/fault-proxy.ts'
import {
  faultsOfConnection,
  scheduleFaults,
  scheduleSoakFaults,
  type ConnectionName,
  type Fault,
  type Topology,
} from './faults/fault-schedule.ts'
import { createMailServer } from './faults/mail-server.ts'
import { checkIdempotencyKeys } from './invariants/check-idempotency-keys.ts'
import { findViolations } from './invariants/find-violations.ts'
import { createFlashSales, type Actor } from './load/actor.ts'
import { signInAccount, simulateAccountOwner, type OwnedAccount } from './load/account-owner.ts'
import { simulateAdmin } from './load/admin.ts'
import { simulateBuyer } from './load/buyer.ts'
import { prepareLoad } from './load/prepare-load.ts'
import { createShopClient } from './load/shop-client.ts'
import { createRandom } from './random.ts'
import { createRunLog } from './run-log.ts'
import { createEnvironment, type SeededBugName } from './seeded-bugs/seeded-bugs.ts'
import { createShopInspector, type LongestUnfinished, type ShopInspector } from './shop-inspector.ts'
import { findTrends, formatQuantity, toSeries, type Trend } from './soak/flatness.ts'
import { sampleUntil } from './soak/sampler.ts'
import type { Violation } from './violation.ts'

export { seededBugs, type SeededBugName } from './seeded-bugs/seeded-bugs.ts'

export type ChaosOptions = {
  /** The number of simulated buyers. */
  buyers: number
  /** The duration of load and faults, in seconds. */
  seconds: number
  /** Determines the choices of buyers and admins and the schedule of faults, but not the interleaving. */
  seed: number
  /** Whether MongoDB is a replica set of three members and Kafka has three brokers, which fail as well. */
  replicas?: boolean
  /** Replaces the schedule that the seed determines. */
  faults?: Fault[]
  /**
   * Whether memory, file descriptors and collections are sampled and must stay flat (a soak test). Few faults are injected,
   * and no service is killed, as a restart would hide what it leaks.
   */
  soak?: boolean
  /** Bugs that the run must find. */
  seededBugs?: readonly SeededBugName[]
  /** The folder for the artifacts of a run with violations; without it they are not kept. */
  artifactsFolder?: string
  onProgress?: (line: string) => void
  /** Aborts the run without a result. */
  signal?: AbortSignal
}

/** The number of simulated admins, and how many buyers come on a person who only works with their account. */
const ADMINS = 3
const BUYERS_PER_ACCOUNT_OWNER = 4
/** How long an order may stay unfinished, in milliseconds: a request that was answered 503 or 504 is recovered in this time. */
const MAX_UNFINISHED = 60_000
/**
 * How long an attempt to send an e-mail may take, in milliseconds. A long run outlives moments in which a busy machine is
 * slower than that, and an attempt that times out is repeated although the mail server may have accepted it.
 */
const SMTP_TIMEOUT = 5000
const SOAK_SMTP_TIMEOUT = 20_000
/** How long the shop may take to settle, in milliseconds: an e-mail that a killed instance was sending is leased for a while. */
const SETTLE_TIMEOUT = 150_000
/**
 * Starts a shop with two order-services and two notification-services, puts it under load, injects faults, waits until it
 * has settled, and checks the invariants.
 *
 * @throws Error when the shop does not start, when a killed process cannot be started again, or when the run is aborted
 */
export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const {
    buyers: buyerCount,
    seconds,
    seed,
    replicas = false,
    artifactsFolder,
    onProgress = () => {},
    signal,
  } = options
  const { mongodb, kafka } = config().given
  if (mongodb !== undefined || kafka !== undefined)
    throw userError('A chaos run kills its servers: start it without MONGODB_URL and KAFKA_BROKERS.')
  const runLog = createRunLog()
  const mailServer = await createMailServer()
  const proxies = new Map<ConnectionName, FaultProxy>()
  const watching = new AbortController()
  let shop: Shop | undefined
  let inspector: ShopInspector | undefined
  try {
    shop = await startShop({
      instances: replicas ? 2 : { order: 2, notification: 2 },
      ...(replicas && { mongodbNodes: 3, kafkaBrokers: 3 }),
      existingServers: { smtp: mailServer.url },
      createProxy: async (from, to) => {
        if (faultsOfConnection(from, to) === undefined || (replicas && to.startsWith('kafka'))) return undefined
        const name: ConnectionName = `${from}→${to}`
        const proxy = await createFaultProxy(name, { socks: replicas && to === 'mongodb' })
        proxies.set(name, proxy)
        return proxy
      },
      env: createEnvironment(options.seededBugs ?? [], options.soak ? SOAK_SMTP_TIMEOUT : SMTP_TIMEOUT),
      onProgress,
      onCrash: (message) =>
        runLog.reportViolation({
          rule: 'process-crashed',
          subject: 'a service',
          expected: 'running until killed',
          found: message,
        }),
      signal,
    })
    const client = createShopClient(shop.running.gateway, runLog)
    const { buyers, admins, catalogue } = await prepareLoad(
      { client, runLog, random: createRandom(seed, 'preparation') },
      shop.running.accounts.admin,
      { adminCount: ADMINS, buyerCount, seconds },
    )
    inspector = createShopInspector(shop.running)
    await inspector.connect()
    onProgress(`Load: ${buyerCount} buyers for ${seconds} s, seed ${seed}`)

    const topology: Topology = { processes: Object.keys(shop.operatorUrls) as ProcessName[], replicas }
    const schedule = options.faults ?? (options.soak ? scheduleSoakFaults : scheduleFaults)(topology, seed, seconds)
    const { publish } = inspector
    const injector = createFaultInjector({ shop, proxies, mailServer, publish, onProgress, signal })
    const longest = inspector.watchUnfinishedOrders(watching.signal)
    const began = Date.now()
    const isOver = (): boolean => Date.now() - began > seconds * 1000 || (signal?.aborted ?? false)
    const flashSales = createFlashSales()
    const createActor = (name: string): Actor => ({
      client,
      runLog,
      catalogue,
      flashSales,
      isOver,
      random: createRandom(seed, name),
      saleRandom: createRandom(seed, `${name} in a sale`),
    })
    const accounts: OwnedAccount[] = []
    const injection = injector.run(schedule)
    const sampling = new AbortController()
    const { operatorUrls } = shop
    const sampled = options.soak
      ? sampleUntil(sampling.signal, {
          // This process is not a part of the shop.
          pids: () => Object.fromEntries(Object.entries(shop!.running.pids).filter(([, pid]) => pid !== process.pid)),
          operatorUrls,
          countDocuments: inspector.countDocuments,
        })
      : Promise.resolve([])
    setTimeout(injector.stop, seconds * 1000).unref()
    await Promise.all([
      ...buyers.map((buyer) => simulateBuyer(createActor(buyer.name), buyer)),
      ...admins.map((admin) => simulateAdmin(createActor(admin.name), admin)),
      ...Array.from({ length: Math.ceil(buyerCount / BUYERS_PER_ACCOUNT_OWNER) }, (_, i) =>
        simulateAccountOwner(createActor(`Owner ${i}`), mailServer, `Owner ${i}`, accounts),
      ),
    ])
    injector.stop()
    sampling.abort()
    const samples = await sampled
    const trends = findTrends(toSeries(samples))
    const loadEnded = Date.now()
    onProgress(
      `${runLog.acceptedOrders.size} orders placed, ${injector.injected.length} faults injected; waiting until the shop settles`,
    )
    await injection
    signal?.throwIfAborted()
    const unsettled = await inspector.waitUntilSettled(SETTLE_TIMEOUT, signal)
    const settledAfter = Date.now() - loadEnded

    onProgress(`Settled after ${(settledAfter / 1000).toFixed(1)} s; sending the idempotency keys again`)
    await checkIdempotencyKeys({
      client,
      runLog,
      buyers,
      random: createRandom(seed, 'keys'),
      storedOrders: await inspector.readIdempotencyKeys(),
    })
    for (const account of accounts) await signInAccount({ client, runLog }, account)
    unsettled.push(...(await inspector.waitUntilSettled(SETTLE_TIMEOUT, signal)))
    watching.abort()
    signal?.throwIfAborted()

    const snapshot = await inspector.readSnapshot()
    const { injected } = injector
    const { received: receivedEmails } = mailServer
    const longestUnfinished = await longest
    const violations = [
      ...runLog.violations,
      ...unsettled.map((found) => ({
        rule: 'not-settled',
        subject: 'the shop',
        expected: 'no work in progress',
        found,
      })),
      ...findOverdueOrder(longestUnfinished, injected),
      ...findGrowth(trends),
      ...findDifferences(snapshot, { asOf: 'quiet' }),
      ...findViolations({ snapshot, runLog, receivedEmails, injected, catalogue }),
    ]
    const result: ChaosResult = {
      options: { buyers: buyerCount, seconds, seed },
      began,
      loadEnded,
      schedule,
      injected,
      runLog,
      receivedEmails,
      snapshot,
      longestUnfinished,
      settledAfter,
      services: Object.keys(operatorUrls),
      samples,
      trends,
      violations,
      artifacts: undefined,
    }
    if (violations.length > 0 && artifactsFolder !== undefined)
      result.artifacts = await keepArtifacts(artifactsFolder, shop, result)
    return result
  } finally {
    watching.abort()
    await inspector?.close()
    await shop?.stop()
    await Promise.all([...proxies.values()].map((proxy) => proxy.close()))
    await mailServer.close()
  }
}

/** An order that was unfinished for too long. The time in which MongoDB had no primary does not count. */
function findOverdueOrder(
  { ms, at, orderId, status }: LongestUnfinished,
  injected: readonly InjectedFault[],
): Violation[] {
  const withoutPrimary = injected
    .map(({ began, electedAt = began }) => Math.min(electedAt, at) - Math.max(began, at - ms))
    .reduce((sum, overlap) => sum + Math.max(0, overlap), 0)
  if (ms - withoutPrimary <= MAX_UNFINISHED) return []
  const found = `${status} for ${Math.round(ms / 1000)} s`
  const expected = `confirmed or cancelled within ${MAX_UNFINISHED / 1000} s while MongoDB has a primary`
  return [{ rule: 'unfinished-too-long', subject: `order ${orderId}`, expected, found }]
}

function findGrowth(trends: readonly Trend[]): Violation[] {
  return trends.flatMap(({ name, unit, early, late, isFlat }) =>
    isFlat
      ? []
      : [
          {
            rule: 'not-flat',
            subject: name,
            expected: `about ${formatQuantity(early, unit)} in the last fifth of the run, as in the second`,
            found: formatQuantity(late, unit),
          },
        ],
  )
}
