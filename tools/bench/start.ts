import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startShop } from '@halles/servers/shop'
import type { Row } from './results.ts'

const ROUNDS = 3
/** How long the shop is left alone before its memory is read, in milliseconds. */
const IDLE = 30_000

/**
 * How long a later start takes until every service is ready, and what the services weigh 30 s after it: built, telemetry
 * off, nobody asking. The first start of each run fills the shop and is not counted.
 */
export async function start(): Promise<Row[]> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'halles-bench-'))
  const seconds: number[] = []
  const weights: Record<string, number>[] = []
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      const began = performance.now()
      const shop = await startShop({ dataDir })
      if (round > 0) seconds.push((performance.now() - began) / 1000)
      if (round === ROUNDS) {
        await pause(IDLE)
        weights.push(weigh(shop.running.pids))
      }
      await shop.stop()
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
  const none = { connections: null, rps: null, p50_ms: null, p99_ms: null, cpu_us: null }
  const weight = weights[0]!
  const services = ['gateway', 'auth', 'product', 'order', 'notification']
  return [
    {
      variant: 'halles',
      case: 'ready',
      ...none,
      rss_mb: null,
      seconds: median(seconds),
      slowest: round1(Math.max(...seconds)),
    },
    ...services.map((name) => ({ variant: 'halles', case: `idle ${name}`, ...none, rss_mb: weight[name]! })),
    {
      variant: 'halles',
      case: 'idle, all five services',
      ...none,
      rss_mb: round1(services.reduce((sum, name) => sum + weight[name]!, 0)),
    },
  ]
}

/** Resident memory of each process, in MB, as Linux counts it. */
function weigh(pids: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(pids).map(([name, pid]) => {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8')
      return [name, round1(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024)]
    }),
  )
}

const round1 = (value: number): number => Math.round(value * 10) / 10
const median = (values: number[]): number => round1(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!)
