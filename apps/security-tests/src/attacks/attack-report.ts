import type { AttackRun } from './run-attacks.ts'

/** How long a service may be unresponsive under attack, in milliseconds. */
const MAX_UNRESPONSIVE = 5000

/** The failures of a run, a sentence each: accepted attacks, and services that stopped responding. */
export const listFailures = ({ results, health }: AttackRun): string[] => [
  ...results
    .filter(({ rejected }) => !rejected)
    .map(
      ({ category, name, endpoint, expected, observed }) =>
        `${category}: ${name} at ${endpoint}: ${observed} (expected: ${expected})`,
    ),
  ...health.filter(({ isAlive }) => !isAlive).map(({ name }) => `${name} no longer responds`),
  ...health
    .filter(({ longestGap }) => longestGap > MAX_UNRESPONSIVE)
    .map(({ name, longestGap }) => `${name} did not respond for ${(longestGap / 1000).toFixed(1)} s`),
]

/** Formats the result of every attack, a line each, and the health of the services meanwhile. */
export function formatAttackReport(run: AttackRun): string {
  const { results, health } = run
  const lines = results.map(({ category, name, endpoint, rejected, observed }) => [
    rejected ? 'rejected' : '✗ ACCEPTED',
    category,
    endpoint,
    name,
    observed,
  ])
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...lines.map((line) => line[i]!.length)))
  const table = lines.map((line) =>
    line
      .map((text, i) => text.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
  const gaps = health.map(({ name, longestGap }) => `${name} ${Math.round(longestGap)} ms`).join(', ')
  const accepted = results.filter(({ rejected }) => !rejected).length
  return [
    ...table,
    '',
    `longest time without a health response: ${gaps}`,
    ...listFailures(run).map((failure) => `✗ ${failure}`),
    `attacks: ${results.length - accepted} rejected, ${accepted} accepted`,
  ].join('\n')
}
