import type { Attacked } from './attacks.ts'

/** How long a service may be silent under attack, in milliseconds. */
const PATIENCE = 5000

/** What of an attack did harm, a sentence each; none when all was refused by services that stayed well. */
export const harmOf = ({ results, watched }: Attacked): string[] => [
  ...results
    .filter(({ refused }) => !refused)
    .map(({ class: of, what, door, right, saw }) => `${of}: ${what} at ${door}: ${saw} (right: ${right})`),
  ...watched.filter(({ alive }) => !alive).map(({ name }) => `${name} does not answer any more`),
  ...watched
    .filter(({ gap }) => gap > PATIENCE)
    .map(({ name, gap }) => `${name} was silent for ${(gap / 1000).toFixed(1)} s`),
]

/** All attacks with what came of them, a line each, and how the services were meanwhile. */
export function attackReport(attacked: Attacked): string {
  const { results, watched } = attacked
  const lines = results.map(({ class: of, what, door, refused, saw }) => [
    refused ? 'refused' : '✗ ACCEPTED',
    of,
    door,
    what,
    saw,
  ])
  const widths = [0, 1, 2, 3, 4].map((i) => Math.max(...lines.map((line) => line[i]!.length)))
  const table = lines.map((line) =>
    line
      .map((text, i) => text.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
  const silences = watched.map(({ name, gap }) => `${name} ${Math.round(gap)} ms`).join(', ')
  const accepted = results.filter(({ refused }) => !refused).length
  return [
    ...table,
    '',
    `the longest silence of each service under attack: ${silences}`,
    ...harmOf(attacked).map((harm) => `✗ ${harm}`),
    `attack: ${results.length - accepted} refused, ${accepted} accepted`,
  ].join('\n')
}
