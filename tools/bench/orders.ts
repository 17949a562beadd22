import path from 'node:path'
import { databaseUrl, freePort, startManagedProcess, createProcessGroup } from '@halles/test-servers'
import { root } from '../workspace.ts'
import type { Options, Row } from './results.ts'
import type { WriteResult, Writes } from './bare-writes.ts'
import type { Case } from './baskets.ts'
import { startBenchmarkShop, type BenchmarkShop, type Closers } from './benchmark-shop.ts'
import { startChild } from './child-process.ts'
import type { Load, LoadResult } from './load-generator.ts'
import { measure, measureInterleaved, toRow, type Variant } from './rounds.ts'
import type { StockCheck } from './unguarded.ts'

const CASES: Case[] = ['spread', 'hot']
const BUYERS = [1, 16, 64]
/** The number of orders that every variant places in every case before the measurements, so that its code is compiled. */
const WARM_UP_ORDERS = 2000
/** The rates at which e-mails are timed, in orders a second: so low that no order queues behind another. */
const RATES = [5, 50]
/** The heap settings of the services in packages/dev-shop/src/shop.ts, so that both sides are comparable. */
const FLAGS = ['--max-semi-space-size=8']

/**
 * Measures orders a second through the gateway, spread over 1,000 products and with one hot product in all, next to two
 * limits in the same run: the bare MongoDB writes of an order, and the same flow without guarantees behind a gateway of the
 * same build. Before that it measures the time from the response to the event and to the e-mail.
 *
 * notification-service is stopped except in the rows with e-mails, so that orders have mongod and the cores to themselves.
 * Rounds are interleaved. `others_pct` is the share of the CPU that unrelated processes used: if it is more than a few
 * percent, compare ratios and CPU times, not rates.
 *
 * `--against DIR` measures the shop of another checkout in the same rounds, instead of the limits.
 */
export async function orders(options: Options): Promise<Row[]> {
  const plan = {
    rounds: options.rounds ?? 3,
    seconds: options.seconds ?? 4,
    buyers: options.buyers ?? BUYERS,
    cases: CASES,
  }
  const closers: Closers = []
  const rows: Row[] = []
  try {
    const loadGenerator = await startChild<Load, LoadResult>('load-generator.ts')
    closers.push(loadGenerator.stop)
    const benchmark = await startBenchmarkShop(root, loadGenerator, closers)
    console.log('The shop is ready.')
    if (options.against === undefined) rows.push(...(await measureEmails(benchmark, plan)))
    await benchmark.stopEmails()

    const variants = [benchmark.variant('halles')]
    if (options.against === undefined)
      variants.push(
        ...(await createUnguardedVariants(benchmark, closers)),
        ...(await createBareWritesVariants(benchmark, closers)),
      )
    else {
      const other = await startBenchmarkShop(path.resolve(options.against), loadGenerator, closers)
      await other.stopEmails()
      variants.push(other.variant('against'))
    }
    console.log('Warming up.')
    for (const contention of CASES)
      for (const { run } of variants) await run({ case: contention, buyers: 64, for: { orders: WARM_UP_ORDERS } })
    rows.push(...(await measureInterleaved(variants, plan)))
  } finally {
    for (const close of closers.toReversed()) await close()
  }
  return rows
}

/** Measures the times to event and e-mail at low rates, and the throughput of orders while e-mails are sent. */
async function measureEmails(benchmark: BenchmarkShop, { seconds }: { seconds: number }): Promise<Row[]> {
  const measureLoad = (load: Pick<Load, 'buyers' | 'for' | 'rate'>) =>
    measure(benchmark, () => benchmark.placeOrders({ case: 'spread', ...load }, { withEmails: true }))
  await measureLoad({ buyers: 16, for: { orders: WARM_UP_ORDERS } })
  const rows: Row[] = []
  for (const rate of RATES) {
    const measured = await measureLoad({ buyers: 16, rate, for: { ms: seconds * 2000 } })
    rows.push(toRow('halles', `${rate} orders a second, with e-mails`, 16, [measured]))
  }
  const closedLoop = await measureLoad({ buyers: 64, for: { ms: seconds * 1000 } })
  rows.push(toRow('halles', 'spread, with e-mails', 64, [closedLoop]))
  return rows
}

/** Starts the flow without guarantees. One variant checks the stock, the other does not. */
async function createUnguardedVariants(benchmark: BenchmarkShop, closers: Closers): Promise<Variant[]> {
  const { services, mongodb, kafka, productGrpc } = benchmark.shop.running
  const jwks = `${services.auth}/.well-known/jwks.json`
  const [port, gatewayPort] = [await freePort(), await freePort()]
  const service = await startChild<{ stockCheck: StockCheck }, void>('unguarded.ts', {
    args: [String(port), databaseUrl(mongodb, 'bench_unguarded'), kafka, productGrpc, jwks],
    flags: FLAGS,
    log: path.join(benchmark.shop.logs, 'unguarded.log'),
  })
  closers.push(service.stop)
  const group = createProcessGroup()
  const gateway = await startManagedProcess({
    spawn: (more) =>
      group.spawn('gateway', process.execPath, [...FLAGS, path.join(root, 'apps/gateway/dist/main.js')], {
        ...more,
        env: {
          ...process.env,
          PORT: String(gatewayPort),
          JWKS_URL: jwks,
          AUTH_URL: services.auth,
          PRODUCT_URL: services.product,
          ORDER_URL: `http://127.0.0.1:${port}`,
          NOTIFICATION_URL: services.notification,
          RATE_LIMIT: '0',
          MAX_OPEN_REQUESTS: '0',
          MALLOC_ARENA_MAX: '2',
        },
        cwd: root,
        log: path.join(benchmark.shop.logs, 'unguarded-gateway.log'),
      }),
    isReady: async () => (await fetch(`http://127.0.0.1:${gatewayPort}/healthz`)).ok,
  })
  closers.push(gateway.stop)

  const variant = (name: string, stockCheck: StockCheck): Variant => ({
    name,
    harnessPids: benchmark.harnessPids,
    pids: () => ({ ...benchmark.pids(), gateway: gateway.pid()!, order: service.pid }),
    run: async (load) => {
      await service.request({ stockCheck })
      return benchmark.placeOrders(load, { at: `http://127.0.0.1:${gatewayPort}` })
    },
  })
  return [variant('unguarded', 'check'), variant('unguarded, blind', 'skip')]
}

/** Starts the process that makes only the writes of orders, in batches and one by one. */
async function createBareWritesVariants(benchmark: BenchmarkShop, closers: Closers): Promise<Variant[]> {
  const { mongodb } = benchmark.shop.running
  const writer = await startChild<Writes, WriteResult>('bare-writes.ts', {
    args: [databaseUrl(mongodb, 'bench_order'), databaseUrl(mongodb, 'bench_product')],
    flags: FLAGS,
  })
  closers.push(writer.stop)
  const variant = (name: string, mode: Writes['mode']): Variant => ({
    name,
    harnessPids: benchmark.harnessPids,
    pids: () => ({ order: writer.pid, mongodb: benchmark.pids().mongodb! }),
    run: async ({ case: contention, buyers, for: limit }) => {
      const written = await writer.request({ mode, case: contention, buyers, for: limit })
      return { ...written, toEvent: [] }
    },
  })
  return [variant('bare writes', 'batched'), variant('bare writes, one by one', 'one-by-one')]
}
