// npm run bench: the benchmarks; `npm run bench -- start` for one. Each prints a table and writes bench/results/NAME.json.
// `--rounds N`, `--seconds N` (a round) and `--buyers 1,64` make it shorter or longer; `--against DIR` compares with the
// build of another checkout.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { orders } from '../bench/orders.ts'
import { start } from '../bench/start.ts'
import { root } from './generated.ts'

/** One row of a result: a variant, a case, and its figures; null for those that a bench does not have. */
export type Row = { variant: string; case: string; [figure: string]: string | number | null }

/** What the command line asks for; a bench takes what it can use. */
export type Options = { rounds?: number; seconds?: number; buyers?: number[]; against?: string }

const benches: Record<string, (options: Options) => Promise<Row[]>> = { start, orders }

const { positionals: wanted, values } = parseArgs({
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
const unknown = wanted.find((name) => !Object.hasOwn(benches, name))
if (unknown) {
  console.error(`There is no bench "${unknown}": ${Object.keys(benches).join(', ')} are known.`)
  process.exit(1)
}

const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()

for (const name of wanted.length > 0 ? wanted : Object.keys(benches)) {
  const load = loadavg().map((value) => value.toFixed(1))
  console.log(`\n${name} on ${machine}, at ${commit}, load average before ${load.join(' ')}`)
  const rows = await benches[name]!(options)
  console.log(`\n${table(rows)}`)
  const folder = path.join(root, 'bench/results')
  mkdirSync(folder, { recursive: true })
  const result = { name, date: new Date().toISOString(), machine, commit, load, rows }
  writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`)
}

/** The rows as text: a column a figure, numbers to the right, without the columns that are empty in every row. */
function table(rows: Row[]): string {
  const names = [...new Set(rows.flatMap(Object.keys))].filter((name) =>
    rows.some((row) => (row[name] ?? null) !== null),
  )
  const text = (value: Row[string] | undefined): string => (value === null || value === undefined ? '–' : String(value))
  const columns = names.map((name) => {
    const cells = [name, ...rows.map((row) => text(row[name]))]
    const width = Math.max(...cells.map((cell) => cell.length))
    const isText = rows.some((row) => typeof row[name] === 'string')
    return cells.map((cell) => (isText ? cell.padEnd(width) : cell.padStart(width)))
  })
  return [...columns[0]!.keys()].map((i) => columns.map((column) => column[i]).join('  ')).join('\n')
}
