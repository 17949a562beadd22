import { loadavg } from 'node:os'
import type { Row } from './results.ts'
import type { Case } from './baskets.ts'
import type { Load } from './buyers.ts'
import { cores, cpuOf, cpuOfMachine, median, memoryOf, quantile, rounded } from './measure.ts'

/** Whose CPU an order costs, in the order of the columns. Letters are another flow, with a column of its own. */
const payers = ['gateway', 'order', 'product', 'auth', 'mongodb', 'kafka'] as const
export type Payer = (typeof payers)[number]
export type Pids = Partial<Record<Payer | 'notification', number>>

/** What is measured: how it is loaded, and whose time it takes. */
export type Variant = {
  name: string
  pids: () => Pids
  /** Who loads and watches it. */
  crew: () => number[]
  run: (load: Pick<Load, 'case' | 'buyers' | 'for' | 'rate'>) => Promise<Outcome>
}

/**
 * What came of a load, in milliseconds: how long it took in all, how long each order took, and its event after that; and
 * how many were not placed.
 */
export type Outcome = { ms: number; each: number[]; toEvent: number[]; toLetter?: number[]; failed?: number }

/** One round: what it gave, and what it cost. CPU in microseconds an order, memory in MB. */
export type Round = {
  outcome: Outcome
  cpu: Partial<Record<Payer | 'notification', number>>
  memory: number
  /** Share of the machine's time that went to processes which have no part in this. */
  others: number
  load: number
}

/** Runs and measures, until the last event (and letter) of the last order was there. */
export async function measured(
  { pids, crew }: Pick<Variant, 'pids' | 'crew'>,
  run: () => Promise<Outcome>,
): Promise<Round> {
  const named = Object.entries(pids()) as [Payer | 'notification', number][]
  const ours = [...named.map(([, pid]) => pid), ...crew()]
  const before = { each: ours.map(cpuOf), machine: cpuOfMachine(), at: performance.now() }
  const outcome = await run()
  const used = ours.map((pid, i) => cpuOf(pid) - before.each[i]!)
  const busy = cpuOfMachine() - before.machine - used.reduce((sum, cpu) => sum + cpu, 0)
  return {
    outcome,
    cpu: Object.fromEntries(named.map(([name], i) => [name, used[i]! / outcome.each.length])),
    memory: named
      .filter(([name]) => name !== 'mongodb' && name !== 'kafka' && name !== 'auth')
      .reduce((sum, [, pid]) => sum + memoryOf(pid), 0),
    others: Math.max(0, busy / ((performance.now() - before.at) * 1000 * cores)),
    load: loadavg()[0]!,
  }
}

/** A row of the result: medians of the rounds. */
export function rowOf(variant: string, name: string, connections: number, found: Round[]): Row {
  const rates = found.map(({ outcome: { each, ms } }) => (each.length / ms) * 1000)
  const middle = (of: (round: Round) => number | null, decimals = 0): number | null => {
    const values = found.map(of).filter((value) => value !== null)
    return rounded(median(values), decimals)
  }
  const time = (which: 'each' | 'toEvent' | 'toLetter', share: number) =>
    middle(({ outcome }) => quantile(outcome[which] ?? [], share), 1)
  const cpu = (payer: Payer | 'notification') => middle((round) => round.cpu[payer] ?? null)
  return {
    variant,
    case: name,
    connections,
    rps: rounded(median(rates), 0),
    rps_low: rounded(Math.min(...rates), 0),
    rps_high: rounded(Math.max(...rates), 0),
    p50_ms: time('each', 0.5),
    p99_ms: time('each', 0.99),
    cpu_us: middle((round) => payers.reduce((sum, payer) => sum + (round.cpu[payer] ?? 0), 0)),
    ...Object.fromEntries(payers.filter((payer) => payer !== 'auth').map((payer) => [`${payer}_us`, cpu(payer)])),
    letters_us: cpu('notification'),
    failed: found.reduce((sum, { outcome }) => sum + (outcome.failed ?? 0), 0),
    rss_mb: middle(({ memory }) => memory),
    to_event_ms: time('toEvent', 0.5),
    to_event_p99_ms: time('toEvent', 0.99),
    to_letter_ms: time('toLetter', 0.5),
    to_letter_p99_ms: time('toLetter', 0.99),
    others_pct: middle(({ others }) => others * 100),
    load: middle(({ load }) => load, 1),
  }
}

export type Wish = { rounds: number; seconds: number; buyers: number[]; cases: Case[] }

/** Measures every variant in every case with every number of buyers, round after round: a row for each. */
export async function interleaved(variants: Variant[], { rounds, seconds, buyers, cases }: Wish): Promise<Row[]> {
  const cells = cases.flatMap((which) =>
    buyers.flatMap((connections) => variants.map((variant) => ({ variant, which, connections, found: [] as Round[] }))),
  )
  for (let round = 0; round < rounds; round++) {
    console.log(`Round ${round + 1} of ${rounds}`)
    // Every other round backwards, so that none always comes after the same one.
    for (const { variant, which, connections, found } of round % 2 ? cells.toReversed() : cells) {
      const load = { case: which, buyers: connections }
      await variant.run({ ...load, for: { orders: connections * 3 } })
      found.push(await measured(variant, () => variant.run({ ...load, for: { ms: seconds * 1000 } })))
    }
  }
  return cells.map(({ variant, which, connections, found }) => rowOf(variant.name, which, connections, found))
}
