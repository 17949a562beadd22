import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { root } from '../workspace.ts'
import { startBenchmarkShop, type BenchmarkShop, type Closers } from './benchmark-shop.ts'
import { startChild, type Child } from './child-process.ts'
import type { Load, LoadResult } from './load-generator.ts'
import { machineCpu, processCpu, quantile, residentMemory, round } from './measure.ts'
import type { OpenLoad, OpenLoadResult } from './open-loop-load.ts'
import { drawOverload } from './overload-picture.ts'
import type { Options, Row } from './results.ts'

/** The loads, as multiples of the sustainable rate. */
const MULTIPLES = [0.5, 1, 2, 5, 10]
/** Clients in so many /24 networks that no limit of one client is reached. */
const NETWORKS = 500
/** The first rate that is tried, in requests a second, and by what each next one is larger. */
const FIRST_RATE = 100
const STEP = 1.3
/** A rate is sustained when this share of the requests is served, with this 99th percentile, in milliseconds. */
const SUSTAINED = { share: 0.99, p99: 1000 } as const
/** Orders that are placed first, so that the code is compiled. */
const WARM_UP_ORDERS = 2000
/** The pause between two loads, in milliseconds. */
const REST = 3000

type Measured = { result: OpenLoadResult; rss: number; gatewayRss: number; cores: Record<string, number> }

/**
 * Measures what the shop serves beyond its capacity: half of the requests list products, three tenths read one by GraphQL, a
 * fifth place orders. First it searches for the sustainable rate. Then it offers multiples of it at a fixed arrival rate,
 * whatever is answered, and writes the picture docs/pictures/overload.svg. The load generator, MongoDB and Kafka share the
 * cores with the shop: `generator_cores` and `gateway_cores` say what they took.
 */
export async function overload(options: Options): Promise<Row[]> {
  const ms = (options.seconds ?? 10) * 1000
  const closers: Closers = []
  try {
    const warmUp = await startChild<Load, LoadResult>('load-generator.ts')
    closers.push(warmUp.stop)
    const generator = await startChild<OpenLoad, OpenLoadResult>('open-loop-load.ts')
    closers.push(generator.stop)
    const benchmark = await startBenchmarkShop(root, warmUp, closers, { MAX_OPEN_REQUESTS: '100' })
    await benchmark.stopEmails()
    console.log('Warming up.')
    await benchmark.placeOrders({ case: 'spread', buyers: 64, for: { orders: WARM_UP_ORDERS } })
    await measure(benchmark, generator, 100, 5000, NETWORKS)

    const sustainable = await findSustainableRate(benchmark, generator)
    console.log(`Sustainable: ${sustainable} requests a second.`)
    const rows: Row[] = []
    for (const multiple of MULTIPLES)
      rows.push(toRow(`${multiple} ×`, await measure(benchmark, generator, multiple * sustainable, ms, NETWORKS)))
    rows.push(toRow('10 ×, from one address', await measure(benchmark, generator, 10 * sustainable, ms, 1)))
    rows.push(toRow('1 ×, afterwards', await measure(benchmark, generator, sustainable, ms, NETWORKS)))
    const folder = path.join(root, 'docs/pictures')
    mkdirSync(folder, { recursive: true })
    writeFileSync(path.join(folder, 'overload.svg'), drawOverload(rows.slice(0, MULTIPLES.length)))
    return rows
  } finally {
    for (const close of closers.toReversed()) await close()
  }
}

async function findSustainableRate(
  benchmark: BenchmarkShop,
  generator: Child<OpenLoad, OpenLoadResult>,
): Promise<number> {
  let sustainable = FIRST_RATE
  for (let rate = FIRST_RATE; ; rate = Math.round(rate * STEP)) {
    const { result } = await measure(benchmark, generator, rate, 5000, NETWORKS)
    const p99 = quantile(result.latencies, 0.99) ?? Infinity
    const arrived = result.sent + result.unsent
    console.log(`${rate} a second: ${result.served} of ${arrived} served, p99 ${Math.round(p99)} ms`)
    if (result.served < SUSTAINED.share * arrived || p99 > SUSTAINED.p99) return sustainable
    sustainable = rate
  }
}

/** Offers a load, and measures memory and CPU time of the processes meanwhile. */
async function measure(
  { shop, pids, products, tokens }: BenchmarkShop,
  generator: Child<OpenLoad, OpenLoadResult>,
  rate: number,
  ms: number,
  networks: number,
): Promise<Measured> {
  await new Promise((resolve) => setTimeout(resolve, REST))
  const services = pids()
  const servicePids = ['gateway', 'order', 'product', 'auth'].map((name) => services[name as keyof typeof services]!)
  let rss = 0
  let gatewayRss = 0
  const sample = (): void => {
    rss = Math.max(
      rss,
      servicePids.reduce((sum, pid) => sum + residentMemory(pid), 0),
    )
    gatewayRss = Math.max(gatewayRss, residentMemory(services.gateway!))
  }
  const timer = setInterval(sample, 250)
  const cpu = () => ({
    gateway: processCpu(services.gateway!),
    generator: processCpu(generator.pid),
    machine: machineCpu(),
    ours: [...Object.values(services), generator.pid, process.pid].reduce((sum, pid) => sum + processCpu(pid), 0),
  })
  const before = cpu()
  const startedAt = performance.now()
  const result = await generator.request({ gateway: shop.running.gateway, tokens, products, rate, ms, networks })
  const us = (performance.now() - startedAt) * 1000
  const after = cpu()
  clearInterval(timer)
  sample()
  if (result.failed > 0) console.error(`${result.failed} requests failed; the last response: ${result.lastFailure}`)
  const cores = {
    gateway: (after.gateway - before.gateway) / us,
    generator: (after.generator - before.generator) / us,
    others: (after.machine - before.machine - (after.ours - before.ours)) / us,
  }
  return { result, rss, gatewayRss, cores }
}

function toRow(name: string, { result, rss, gatewayRss, cores }: Measured): Row {
  const perSecond = (count: number): number => Math.round((count / result.ms) * 1000)
  const rounded = (value: number | null): number | null => round(value, 0)
  return {
    variant: 'halles',
    case: name,
    offered: perSecond(result.sent + result.unsent),
    served: perSecond(result.served),
    refused: perSecond(result.refused),
    failed: result.failed,
    unsent: result.unsent,
    no_retry_after: result.withoutRetryAfter,
    p50_ms: rounded(quantile(result.latencies, 0.5)),
    p99_ms: rounded(quantile(result.latencies, 0.99)),
    refusal_p50_ms: rounded(quantile(result.refusals, 0.5)),
    refusal_p99_ms: rounded(quantile(result.refusals, 0.99)),
    gateway_mb: rounded(gatewayRss),
    services_mb: rounded(rss),
    gateway_cores: round(cores['gateway'] ?? null, 2),
    generator_cores: round(cores['generator'] ?? null, 2),
    others_cores: round(cores['others'] ?? null, 2),
  }
}
