import type { Via } from '../endpoints/endpoints.ts'
import { callers, type Caller } from './authorization-matrix.ts'
import { isMismatch, type CheckedRow, type MatrixResult } from './check-matrix.ts'

/** Formats the observed outcomes as a table, a line for each row and address, with ✗ before each mismatch and gap. */
export function formatMatrixReport({ rows, gaps, cells, mismatches }: MatrixResult): string {
  const lines = rows.flatMap((row) =>
    (Object.keys(row.observed) as Via[]).map((via) => [
      row.server,
      row.endpoint,
      via,
      row.resource,
      ...callers.map((caller) => formatCell(row, caller, row.observed[via]!)),
    ]),
  )
  const head = ['SERVER', 'ENDPOINT', 'VIA', 'RESOURCE', ...callers.map((caller) => caller.toUpperCase())]
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => line[i]!.length)))
  const table = [head, ...lines].map((line) =>
    line
      .map((text, i) => text.padEnd(widths[i]!))
      .join('  ')
      .trimEnd(),
  )
  const endpoints = new Set(rows.map(({ server, endpoint }) => `${server} ${endpoint}`)).size
  const summary = `matrix: ${cells} outcomes at ${endpoints} endpoints, ${mismatches} mismatches, ${gaps.length} gaps`
  return [...table, '', ...gaps.map((gap) => `✗ ${gap}`), summary].join('\n')
}

const formatCell = (row: CheckedRow, caller: Caller, observed: Record<Caller, string>): string =>
  isMismatch(row, caller, observed) ? `✗ ${observed[caller]} (expected ${row.expected[caller]})` : observed[caller]
