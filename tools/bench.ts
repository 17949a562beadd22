// npm run bench: the benchmarks; `npm run bench -- start` for one. Each prints a table and writes bench/results/NAME.json.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import path from 'node:path'
import { start } from '../bench/start.ts'
import { root } from './generated.ts'

/** One row of a result: a variant, a case, and its figures; null for those that a bench does not have. */
export type Row = { variant: string; case: string; [figure: string]: string | number | null }

const benches: Record<string, () => Promise<Row[]>> = { start }

const wanted = process.argv.slice(2)
const unknown = wanted.find((name) => !Object.hasOwn(benches, name))
if (unknown) {
  console.error(
    `There is no bench "${unknown}": ${Object.keys(benches).join(', ')} ${Object.keys(benches).length === 1 ? 'is' : 'are'} known.`,
  )
  process.exit(1)
}

const machine = `${cpus().length} × ${cpus()[0]?.model ?? 'unknown'}, Node ${process.version}`
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).trim()

for (const name of wanted.length > 0 ? wanted : Object.keys(benches)) {
  console.log(`\n${name} on ${machine}, at ${commit}`)
  const rows = await benches[name]!()
  console.table(rows)
  const folder = path.join(root, 'bench/results')
  mkdirSync(folder, { recursive: true })
  const result = { name, date: new Date().toISOString(), machine, rows }
  writeFileSync(path.join(folder, `${name}.json`), `${JSON.stringify(result, null, 2)}\n`)
}
