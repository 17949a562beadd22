// npm run check: everything that is checked without running the product. Every step runs, whatever the others say.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { CriticalityLevel, diff } from '@graphql-inspector/core'
import { buildSchema, parse, print, visit } from 'graphql'
import { licences, scriptsNotDenied } from './dependencies.ts'
import { generated } from './generated.ts'
import { services } from './openapi.ts'
import { root } from './workspace.ts'

/** What a step found wrong, a line each; none when all is well. */
type Step = { name: string; run: () => string[] | Promise<string[]> }

const tool =
  (name: string, ...args: string[]): Step['run'] =>
  () => {
    const { status, stdout, stderr, error } = spawnSync(path.join(root, 'node_modules/.bin', name), args, {
      cwd: root,
      encoding: 'utf8',
    })
    if (error) throw error
    return status === 0 ? [] : `${stdout}${stderr}`.trim().split('\n')
  }

const git = (...args: string[]): string =>
  execFileSync('git', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()

/**
 * The commit that contracts must still fit: where this branch left main; on main itself its last commit, so that what is
 * not committed yet is seen. Undefined outside of a git checkout.
 */
function base(): string | undefined {
  try {
    const head = git('rev-parse', 'HEAD')
    const main = ['main', 'origin/main'].find(
      (ref) => spawnSync('git', ['rev-parse', '-q', '--verify', ref], { cwd: root }).status === 0,
    )
    return main ? git('merge-base', head, main) : head
  } catch {
    return undefined // a tarball: there is no past to compare with
  }
}

async function drift(): Promise<string[]> {
  const stale: string[] = []
  for (const [name, text] of await generated()) {
    const file = path.join(root, name)
    if (!existsSync(file) || readFileSync(file, 'utf8') !== text)
      stale.push(`${name} is not what the contracts say: npm run generate`)
  }
  return stale
}

function graphqlBreaking(): Promise<string[]> {
  const since = base()
  if (!since) return Promise.resolve([])
  const before = (file: string): string | undefined => {
    try {
      return git('show', `${since}:${file}`)
    } catch {
      return undefined // a subgraph that is new breaks nothing
    }
  }
  return Promise.all(
    services.map(async (service) => {
      const file = `apps/${service}/schema.graphql`
      const old = before(file)
      if (old === undefined) return []
      const changes = await diff(plain(old), plain(readFileSync(path.join(root, file), 'utf8')))
      return changes
        .filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking)
        .map(({ message }) => `${file}: ${message}`)
    }),
  ).then((all) => all.flat())
}

/** A subgraph's schema without its federation directives, which the comparison does not know. */
function plain(sdl: string) {
  const document = visit(parse(sdl), {
    SchemaExtension: () => null,
    Directive: ({ name }) => (name.value === 'deprecated' ? undefined : null),
  })
  return buildSchema(print(document))
}

const protoBreaking: Step['run'] = () => {
  const since = base()
  if (!since || spawnSync('git', ['cat-file', '-e', `${since}:buf.yaml`], { cwd: root }).status !== 0) return []
  return tool('buf', 'breaking', '--against', `.git#ref=${since}`)()
}

const steps: Step[] = [
  { name: 'types', run: tool('tsc', '-b') },
  { name: 'lint', run: tool('oxlint') },
  { name: 'format', run: tool('oxfmt', '--check') },
  { name: 'boundaries', run: tool('depcruise', '--output-type', 'err', 'apps', 'packages', 'tools') },
  { name: 'proto lint', run: tool('buf', 'lint') },
  { name: 'proto format', run: tool('buf', 'format', '--diff', '--exit-code') },
  { name: 'proto breaking', run: protoBreaking },
  { name: 'graphql breaking', run: graphqlBreaking },
  { name: 'generated files', run: drift },
  { name: 'licences', run: () => licences().refused },
  { name: 'install scripts', run: scriptsNotDenied },
]

let failed = 0
for (const { name, run } of steps) {
  const start = performance.now()
  const wrong = await run()
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${wrong.length === 0 ? '✓' : '✗'} ${name} (${seconds} s)`)
  for (const line of wrong) console.log(`    ${line}`)
  if (wrong.length > 0) failed++
}
console.log(
  failed === 0 ? `check: all ${steps.length} steps passed` : `check: ${failed} of ${steps.length} steps failed`,
)
process.exitCode = failed === 0 ? 0 : 1
