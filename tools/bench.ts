// npm run bench: runs the benchmarks; `npm run bench -- start` runs one. Each prints a table and writes
// bench/results/NAME.json. `--rounds N`, `--seconds N` (of a round) and `--buyers 1,64` change how much is measured;
// `--against DIR` compares with the build of another checkout.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { orders } from './bench/orders.ts'
import { overload } from './bench/overload.ts'
import type { Options, Row } from './bench/results.ts'
import { start } from './bench/start.ts'
import { root } from './workspace.ts'

const benchmarks: Record<string, (options: Options) => Promise<Row[]>> = { start, orders, overload }

const { positionals: names, values } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    buyers: { type: 'string' },
    against: { type: 'string' },
  },
})
const options: Options = {
  ...(values.rounds && { rounds: Number(values.rounds) }),
  ...(values.seconds && { seconds: Number(values.seconds) }),
  ...(values.buyers && { buyers: values.buyers.split(',').map(Number) }),
  ...(values.against && { against: values.against }),
}
const unknown = names.find((name) => !Object.hasOwn(benchmarks, name))
if (unknown) {
  console.error(`There is no benchmark "${unknown}". Known: ${Object.keys(benchmarks).join(', ')}.`)
  process.exit(1)
}

const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()

for (const name of names.length > 0 ? names : Object.keys(benchmarks)) {
  const load = loadavg().map((value) => value.toFixed(1))
  console.log(`\n${name} on ${machine}, at ${commit}, load average before ${load.join(' ')}`)
  const rows = await benchmarks[name]!(options)
  console.log(`\n${formatTable(rows)}`)
  const folder = path.join(root, 'bench/results')
  mkdirSync(folder, { recursive: true })
  const result = { name, date: new Date().toISOString(), machine, commit, load, rows }
  writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`)
}

/** Formats rows as text: one column a figure, numbers right-aligned, without columns that are empty in every row. */
function formatTable(rows: Row[]): string {
  const figures = [...new Set(rows.flatMap(Object.keys))].filter((name) =>
    rows.some((row) => (row[name] ?? null) !== null),
  )
  const text = (value: Row[string] | undefined): string => (value === null || value === undefined ? '–' : String(value))
  const columns = figures.map((name) => {
    const cells = [name, ...rows.map((row) => text(row[name]))]
    const width = Math.max(...cells.map((cell) => cell.length))
    const isText = rows.some((row) => typeof row[name] === 'string')
    return cells.map((cell) => (isText ? cell.padEnd(width) : cell.padStart(width)))
  })
  return [...columns[0]!.keys()].map((i) => columns.map((column) => column[i]).join('  ')).join('\n')
}
