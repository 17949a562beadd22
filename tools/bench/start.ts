import { setTimeout as pause } from 'node:timers/promises'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { startShop } from '@halles/dev-shop'
import { residentMemory } from './measure.ts'
import type { Row } from './results.ts'

const ROUNDS = 3
/** The idle time before memory is measured, in milliseconds. */
const IDLE = 30_000

/**
 * Measures how long a start takes until every service is ready, and the memory of the services after 30 idle seconds:
 * compiled, without telemetry or requests. The first start creates the demo data and is not counted.
 */
export async function start(): Promise<Row[]> {
  const dataDir = await mkdtemp(path.join(tmpdir(), 'halles-bench-'))
  const seconds: number[] = []
  const memory: Record<string, number>[] = []
  try {
    for (let round = 0; round <= ROUNDS; round++) {
      const startedAt = performance.now()
      const shop = await startShop({ dataDir })
      if (round > 0) seconds.push((performance.now() - startedAt) / 1000)
      if (round === ROUNDS) {
        await pause(IDLE)
        memory.push(residentMemoryOf(shop.running.pids))
      }
      await shop.stop()
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
  const none = { connections: null, rps: null, p50_ms: null, p99_ms: null, cpu_us: null }
  const idleMemory = memory[0]!
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
    ...services.map((name) => ({ variant: 'halles', case: `idle ${name}`, ...none, rss_mb: idleMemory[name]! })),
    {
      variant: 'halles',
      case: 'idle, all five services',
      ...none,
      rss_mb: round1(services.reduce((sum, name) => sum + idleMemory[name]!, 0)),
    },
  ]
}

/** The resident memory of each process, in MB. */
function residentMemoryOf(pids: Record<string, number>): Record<string, number> {
  return Object.fromEntries(Object.entries(pids).map(([name, pid]) => [name, round1(residentMemory(pid))]))
}

const round1 = (value: number): number => Math.round(value * 10) / 10
const median = (values: number[]): number => round1(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!)
