import { listNotices } from '@halles/reconciliation'
import type { ReceivedEmail } from './faults/mail-server.ts'
import { measureRecoveries } from './recoveries.ts'
import type { PlaceOrderRequest } from './run-log.ts'
import type { ChaosResult } from './chaos-result.ts'
import { formatQuantity, type Trend } from './soak/flatness.ts'
import type { Violation } from './violation.ts'

/** How many violations of a rule are printed; the artifacts of the run have all of them. */
const PRINTED_VIOLATIONS = 5

/** Formats the faults, the outcomes of the load, the longest recoveries and the violations of a run for people. */
export function formatReport(result: ChaosResult): string {
  const { options, runLog, violations, artifacts, injected, snapshot } = result
  const run = `seed ${options.seed}, ${options.buyers} buyers, ${options.seconds} s`
  const lines = [
    '',
    `Injected faults (${injected.length}), in seconds since the start of the load:`,
    ...formatFaults(result),
    '',
    'Requests, by outcome:',
    ...[...runLog.counts].map(([operation, counts]) => `  ${operation.padEnd(22)} ${formatCounts(counts)}`),
    '',
    'Data of the shop:',
    `  ${snapshot.orders.length} orders, ${snapshot.events.length} messages on order-events, ${snapshot.emails.length} e-mails about orders, ${snapshot.accountEmails.length} about accounts`,
    ...listNotices(snapshot).map((notice) => `  ${notice}`),
    `  received by the mail server: ${formatCounts(countBy(result.receivedEmails, ({ result }) => result))}`,
    '',
    'Longest durations:',
    ...measureDurations(result).map(([what, value]) => `  ${what.padEnd(56)} ${value}`),
    '',
    ...(result.trends.length > 0 ? formatTrends(result.trends) : []),
    ...formatViolations(violations),
  ]
  lines.push(
    violations.length === 0
      ? `No violations: every invariant holds (${run}).`
      : `${violations.length} violations (${run}).${artifacts ? ` Logs and data of the run: ${artifacts}` : ''}`,
  )
  return lines.join('\n')
}

function formatFaults({ injected, began }: ChaosResult): string[] {
  const inSeconds = (ms: number): string => (ms / 1000).toFixed(1)
  const width = Math.max(0, ...injected.map(({ what }) => what.length))
  return injected.map((fault) => {
    const end = fault.ended === undefined ? 'not ended' : `ended after ${inSeconds(fault.ended - fault.began)} s`
    return `  ${inSeconds(fault.began - began).padStart(6)}  ${fault.what.padEnd(width)} ${fault.on.padEnd(24)} ${end}`
  })
}

/** A table of what was sampled in a soak test. Series that were 0 all the time are left out. */
function formatTrends(trends: readonly Trend[]): string[] {
  const rows = trends
    .filter(({ values }) => values.some((value) => value !== 0))
    .map(({ name, unit, early, late, tolerance, isFlat, values }) => [
      name,
      formatQuantity(early, unit),
      formatQuantity(late, unit),
      formatQuantity(Math.max(...values), unit),
      tolerance === undefined ? 'may grow' : isFlat ? 'flat' : 'GROWS',
    ])
  const table = [['', 'second fifth', 'last fifth', 'highest', ''], ...rows]
  return [
    'Medians (of heaps: the lowest values) of the second and of the last fifth of the run:',
    ...table.map(([name, ...columns]) => `  ${name!.padEnd(38)}${columns.map((text) => text.padStart(14)).join('')}`),
    '',
  ]
}

function formatViolations(violations: readonly Violation[]): string[] {
  const lines: string[] = []
  for (const [rule, all] of Map.groupBy(violations, (violation) => violation.rule)) {
    lines.push(`VIOLATION ${rule} (${all.length})`)
    for (const { subject, expected, found } of all.slice(0, PRINTED_VIOLATIONS))
      lines.push(`  ${subject}`, `    expected  ${expected}`, `    found     ${found}`)
    if (all.length > PRINTED_VIOLATIONS) lines.push(`  … and ${all.length - PRINTED_VIOLATIONS} more`)
    lines.push('')
  }
  return lines
}

/** The longest durations of a run, a label and a formatted value each. */
export function measureDurations(result: ChaosResult): [what: string, value: string][] {
  const { runLog, injected, longestUnfinished, settledAfter, receivedEmails } = result
  const format = (ms: number): string => `${(ms / 1000).toFixed(1)} s`
  const successes = runLog.placeOrderRequests.filter(({ outcome }) => outcome.kind === 'success')
  const recoveries = measureRecoveries(injected, runLog.placeOrderRequests, result.loadEnded)
  const describe = (field: 'sinceFault' | 'sinceElection'): string => {
    const [longest] = recoveries.filter((one) => one[field] !== undefined).toSorted((a, b) => b[field]! - a[field]!)
    return longest ? `${format(longest[field]!)} (${longest.fault.what} ${longest.fault.on})` : 'none'
  }
  const restarted = injected
    .filter(({ what, ended }) => what === 'kill' && ended !== undefined)
    .map((fault) => ({ fault, took: fault.ended! - fault.began - fault.lasts }))
    .toSorted((a, b) => b.took - a.took)[0]
  const delays = measureEmailDelays(successes, receivedEmails)
  return [
    ['from a fault to the next placed order', describe('sinceFault')],
    ['from the election of a primary to the next placed order', describe('sinceElection')],
    [
      'from the restart of a killed process until ready',
      restarted ? `${format(restarted.took)} (${restarted.fault.on})` : 'no process was killed',
    ],
    [
      'an unfinished order',
      longestUnfinished.ms > 0 ? `${format(longestUnfinished.ms)} (${longestUnfinished.status})` : 'none was observed',
    ],
    ['from a 201 to its e-mail', `${format(delays.at(-1) ?? 0)} (median ${format(delays[delays.length >> 1] ?? 0)})`],
    ['from the end of the load until settled', format(settledAfter)],
  ]
}

/** The times from each 201 to its first e-mail in the mailbox, in milliseconds, ascending. */
function measureEmailDelays(
  successes: readonly PlaceOrderRequest[],
  receivedEmails: readonly ReceivedEmail[],
): number[] {
  const firstEmail = new Map<string, number>()
  for (const { messageId, at } of receivedEmails.filter(
    ({ result }) => result === 'accepted' || result === 'unconfirmed',
  )) {
    const eventId = messageId.replace(/@.*$/, '')
    if (!firstEmail.has(eventId)) firstEmail.set(eventId, at)
  }
  const delays = successes.flatMap(({ outcome, to }) => {
    const at = outcome.kind === 'success' && !outcome.replayed ? firstEmail.get(`${outcome.value.id}.1`) : undefined
    return at === undefined ? [] : [Math.max(0, at - to)]
  })
  return delays.toSorted((a, b) => a - b)
}

function countBy<T>(list: readonly T[], keyOf: (item: T) => string): Map<string, number> {
  return new Map([...Map.groupBy(list, keyOf)].map(([key, items]) => [key, items.length]))
}

const formatCounts = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ') || 'none'
