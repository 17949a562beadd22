import { loadavg } from 'node:os'
import type { Row } from './results.ts'
import type { Case } from './baskets.ts'
import type { Load } from './load-generator.ts'
import { cores, machineCpu, median, processCpu, quantile, residentMemory, round } from './measure.ts'

/** The processes whose CPU time an order costs, in the order of the columns. E-mails have a column of their own. */
const orderProcesses = ['gateway', 'order', 'product', 'auth', 'mongodb', 'kafka'] as const
export type OrderProcess = (typeof orderProcesses)[number]
export type Pids = Partial<Record<OrderProcess | 'notification', number>>

/** A system under test: how to put load on it, and its processes. */
export type Variant = {
  name: string
  pids: () => Pids
  /** The pids of the processes that generate load and observe. */
  harnessPids: () => number[]
  run: (load: Pick<Load, 'case' | 'buyers' | 'for' | 'rate'>) => Promise<Outcome>
}

/**
 * The result of a load, in milliseconds: the total duration, the latency of each order, the times from its response to its
 * event and e-mail; and the number of orders that were not placed.
 */
export type Outcome = { ms: number; latencies: number[]; toEvent: number[]; toEmail?: number[]; failed?: number }

/** The measurements of one round. CPU is in microseconds an order, memory in MB. */
export type Round = {
  outcome: Outcome
  cpu: Partial<Record<OrderProcess | 'notification', number>>
  memory: number
  /** The share of the machine's CPU time that other processes used. */
  others: number
  load: number
}

/** Measures a run, which ends when the last event (and e-mail) of the last order has arrived. */
export async function measure(
  { pids, harnessPids }: Pick<Variant, 'pids' | 'harnessPids'>,
  run: () => Promise<Outcome>,
): Promise<Round> {
  const named = Object.entries(pids()) as [OrderProcess | 'notification', number][]
  const allPids = [...named.map(([, pid]) => pid), ...harnessPids()]
  const before = { each: allPids.map(processCpu), machine: machineCpu(), at: performance.now() }
  const outcome = await run()
  const used = allPids.map((pid, i) => processCpu(pid) - before.each[i]!)
  const busy = machineCpu() - before.machine - used.reduce((sum, cpu) => sum + cpu, 0)
  return {
    outcome,
    cpu: Object.fromEntries(named.map(([name], i) => [name, used[i]! / outcome.latencies.length])),
    memory: named
      .filter(([name]) => name !== 'mongodb' && name !== 'kafka' && name !== 'auth')
      .reduce((sum, [, pid]) => sum + residentMemory(pid), 0),
    others: Math.max(0, busy / ((performance.now() - before.at) * 1000 * cores)),
    load: loadavg()[0]!,
  }
}

/** Builds a row of the result: the medians of the rounds. */
export function toRow(variant: string, name: string, connections: number, rounds: Round[]): Row {
  const rates = rounds.map(({ outcome: { latencies, ms } }) => (latencies.length / ms) * 1000)
  const medianOf = (figure: (measured: Round) => number | null, decimals = 0): number | null => {
    const values = rounds.map(figure).filter((value) => value !== null)
    return round(median(values), decimals)
  }
  const time = (which: 'latencies' | 'toEvent' | 'toEmail', share: number) =>
    medianOf(({ outcome }) => quantile(outcome[which] ?? [], share), 1)
  const cpu = (process: OrderProcess | 'notification') => medianOf((measured) => measured.cpu[process] ?? null)
  return {
    variant,
    case: name,
    connections,
    rps: round(median(rates), 0),
    rps_low: round(Math.min(...rates), 0),
    rps_high: round(Math.max(...rates), 0),
    p50_ms: time('latencies', 0.5),
    p99_ms: time('latencies', 0.99),
    cpu_us: medianOf((measured) => orderProcesses.reduce((sum, name) => sum + (measured.cpu[name] ?? 0), 0)),
    ...Object.fromEntries(
      orderProcesses.filter((process) => process !== 'auth').map((process) => [`${process}_us`, cpu(process)]),
    ),
    emails_us: cpu('notification'),
    failed: rounds.reduce((sum, { outcome }) => sum + (outcome.failed ?? 0), 0),
    rss_mb: medianOf(({ memory }) => memory),
    to_event_ms: time('toEvent', 0.5),
    to_event_p99_ms: time('toEvent', 0.99),
    to_email_ms: time('toEmail', 0.5),
    to_email_p99_ms: time('toEmail', 0.99),
    others_pct: medianOf(({ others }) => others * 100),
    load: medianOf(({ load }) => load, 1),
  }
}

export type Plan = { rounds: number; seconds: number; buyers: number[]; cases: Case[] }

/** Measures every variant in every case with every number of buyers, in interleaved rounds. @returns a row for each */
export async function measureInterleaved(
  variants: Variant[],
  { rounds, seconds, buyers, cases }: Plan,
): Promise<Row[]> {
  const cells = cases.flatMap((contention) =>
    buyers.flatMap((connections) =>
      variants.map((variant) => ({ variant, contention, connections, measured: [] as Round[] })),
    ),
  )
  for (let number = 0; number < rounds; number++) {
    console.log(`Round ${number + 1} of ${rounds}`)
    // Every other round is reversed, so that no variant always follows the same one.
    for (const { variant, contention, connections, measured } of number % 2 ? cells.toReversed() : cells) {
      const load = { case: contention, buyers: connections }
      await variant.run({ ...load, for: { orders: connections * 3 } })
      measured.push(await measure(variant, () => variant.run({ ...load, for: { ms: seconds * 1000 } })))
    }
  }
  return cells.map(({ variant, contention, connections, measured }) =>
    toRow(variant.name, contention, connections, measured),
  )
}
