import type { At } from './doors.ts'
import { isWrong, type Found, type Matrix } from './matrix.ts'
import { callers } from './table.ts'

/** The table as it was found: a line a row and door, ✗ before what is not as the table says. */
export function matrixReport({ rows, gaps, cells, mismatches }: Matrix): string {
  const lines = rows.flatMap((row) =>
    (Object.keys(row.seen) as At[]).map((at) => [
      row.keeper,
      row.door,
      at,
      row.whose,
      ...callers.map((caller) => cell(row, caller, row.seen[at]!)),
    ]),
  )
  const head = ['SERVICE', 'DOOR', 'AT', 'WHOSE', ...callers.map((caller) => caller.toUpperCase())]
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i]!.length)))
  const table = [head, ...lines].map((line) =>
    line
      .map((text, i) => text.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
  const doors = new Set(rows.map(({ keeper, door }) => `${keeper} ${door}`)).size
  const verdict = `matrix: ${cells} cells at ${doors} doors, ${mismatches} not as the table says`
  return [...table, '', ...gaps.map((gap) => `✗ ${gap}`), verdict].join('\n')
}

const cell = (row: Found, caller: (typeof callers)[number], seen: Record<string, string>): string =>
  isWrong(row, caller, seen) ? `✗ ${seen[caller]} (not ${row.expected[caller]})` : seen[caller]!
