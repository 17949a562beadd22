import type { Result } from './torture.ts'
import { noticesIn } from '@halles/audit'

/** The most findings of one rule that are printed; all of them are in the folder of the run. */
const SHOWN = 5

/** What a torture did, what it injected and what it found, for people. */
export function reportOf(result: Result): string {
  const { wish, diary, findings, kept, injected, books } = result
  const lines = [
    '',
    `Injected (${injected.length}), in seconds after the buyers began:`,
    ...injectedLines(result),
    '',
    'Done, by what came of it:',
    ...[...diary.counts].map(([what, counts]) => `  ${what.padEnd(20)} ${countsInWords(counts)}`),
    '',
    'In the books:',
    `  ${books.orders.length} orders, ${books.events.length} messages on order-events, ${books.letters.length} letters`,
    ...noticesIn(books).map((notice) => `  ${notice}`),
    `  in the mailbox: ${countsInWords(countBy(result.handed, ({ end }) => end))}`,
    '',
    'Longest:',
    ...recoveries(result).map(([what, value]) => `  ${what.padEnd(52)} ${value}`),
    '',
    ...findingLines(findings),
  ]
  lines.push(
    findings.length === 0
      ? `No violation: all that must hold holds (seed ${wish.seed}, ${wish.buyers} buyers, ${wish.seconds} s).`
      : `${findings.length} violations (seed ${wish.seed}, ${wish.buyers} buyers, ${wish.seconds} s).${kept ? ` Logs, books and diary: ${kept}` : ''}`,
  )
  return lines.join('\n')
}

function injectedLines({ injected, began }: Result): string[] {
  const seconds = (ms: number): string => (ms / 1000).toFixed(1)
  return injected.map((fault) => {
    const over = fault.over === undefined ? 'not over' : `over after ${seconds(fault.over - fault.began)} s`
    return `  ${seconds(fault.began - began).padStart(6)}  ${fault.what.padEnd(9)} ${fault.on.padEnd(24)} ${over}`
  })
}

function findingLines(findings: Result['findings']): string[] {
  const lines: string[] = []
  for (const [rule, all] of Map.groupBy(findings, (finding) => finding.rule)) {
    lines.push(`VIOLATION ${rule} (${all.length})`)
    for (const { subject, expected, found } of all.slice(0, SHOWN))
      lines.push(`  ${subject}`, `    expected  ${expected}`, `    found     ${found}`)
    if (all.length > SHOWN) lines.push(`  … and ${all.length - SHOWN} more`)
    lines.push('')
  }
  return lines
}

/** The longest waits of a run, in words. */
export function recoveries(result: Result): [what: string, value: string][] {
  const { diary, injected, longest, quietAfter, handed } = result
  const ms = (value: number): string => `${(value / 1000).toFixed(1)} s`
  const successes = diary.placings.filter(({ outcome }) => outcome.kind === 'done')
  const firstAfter = (moment: number): number =>
    successes.reduce((first, { from, to }) => (from >= moment ? Math.min(first, to) : first), Infinity)
  const after = injected
    .map((fault) => ({ fault, took: firstAfter(fault.began) - fault.began }))
    .filter(({ took }) => Number.isFinite(took))
    .toSorted((a, b) => b.took - a.took)[0]
  const revived = injected
    .filter(({ what, over }) => what === 'kill' && over !== undefined)
    .map((fault) => ({ fault, took: fault.over! - fault.began - fault.lasts }))
    .toSorted((a, b) => b.took - a.took)[0]
  const letters = lettersAfter(successes, handed)
  return [
    [
      'from a fault to the next order',
      after ? `${ms(after.took)} (${after.fault.what} ${after.fault.on})` : 'no fault',
    ],
    ['until a killed process works again', revived ? `${ms(revived.took)} (${revived.fault.on})` : 'none was killed'],
    ['an order on its way, or its undoing', longest.ms > 0 ? `${ms(longest.ms)} (${longest.status})` : 'none was seen'],
    ['from 201 to the letter', `${ms(letters.at(-1) ?? 0)} (median ${ms(letters[letters.length >> 1] ?? 0)})`],
    ['from the last fault until all is quiet', ms(quietAfter)],
  ]
}

/** From each 201 to its first letter in the mailbox, ascending, in milliseconds. */
function lettersAfter(successes: Result['diary']['placings'], handed: Result['handed']): number[] {
  const firstLetter = new Map<string, number>()
  for (const { messageId, at } of handed.filter(({ end }) => end === 'taken' || end === 'dropped')) {
    const event = messageId.replace(/@.*$/, '')
    if (!firstLetter.has(event)) firstLetter.set(event, at)
  }
  const times = successes.flatMap(({ outcome, to }) => {
    const at = outcome.kind === 'done' && !outcome.replayed ? firstLetter.get(`${outcome.value.id}.1`) : undefined
    return at === undefined ? [] : [Math.max(0, at - to)]
  })
  return times.toSorted((a, b) => a - b)
}

function countBy<T>(things: readonly T[], kindOf: (thing: T) => string): Map<string, number> {
  return new Map([...Map.groupBy(things, kindOf)].map(([kind, all]) => [kind, all.length]))
}

const countsInWords = (counts: ReadonlyMap<string, number>): string =>
  [...counts]
    .toSorted(([, a], [, b]) => b - a)
    .map(([what, count]) => `${count} ${what}`)
    .join(', ') || 'none'
