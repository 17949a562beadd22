// npm run check: all static checks. Every step runs, even when an earlier one fails.
import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { CriticalityLevel, diff } from '@graphql-inspector/core'
import { buildSchema, parse, print, visit } from 'graphql'
import { licences, undeniedInstallScripts } from './dependencies.ts'
import { generated } from './generated.ts'
import { services } from './openapi.ts'
import { root } from './workspace.ts'

/** A check. It returns a line for each problem. */
type Step = { name: string; run: () => string[] | Promise<string[]> }

/** Makes a step of a command in node_modules/.bin. Its output is the list of problems when it fails. */
const command =
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
 * The commit with which contracts must stay compatible: the merge base with main; on main its last commit, so that
 * uncommitted changes are compared. Undefined outside of a git checkout.
 */
function baseCommit(): string | undefined {
  try {
    const head = git('rev-parse', 'HEAD')
    const main = ['main', 'origin/main'].find(
      (ref) => spawnSync('git', ['rev-parse', '-q', '--verify', ref], { cwd: root }).status === 0,
    )
    return main ? git('merge-base', head, main) : head
  } catch {
    return undefined // A tarball has no history to compare with.
  }
}

async function findStaleFiles(): Promise<string[]> {
  const stale: string[] = []
  for (const [name, text] of await generated()) {
    const file = path.join(root, name)
    if (!existsSync(file) || readFileSync(file, 'utf8') !== text) stale.push(`${name} is out of date: npm run generate`)
  }
  return stale
}

function findBreakingGraphqlChanges(): Promise<string[]> {
  const base = baseCommit()
  if (!base) return Promise.resolve([])
  const readAtBase = (file: string): string | undefined => {
    try {
      return git('show', `${base}:${file}`)
    } catch {
      return undefined // A new subgraph has no breaking changes.
    }
  }
  return Promise.all(
    services.map(async (service) => {
      const file = `apps/${service}/schema.graphql`
      const old = readAtBase(file)
      if (old === undefined) return []
      const changes = await diff(withoutFederation(old), withoutFederation(readFileSync(path.join(root, file), 'utf8')))
      return changes
        .filter(({ criticality }) => criticality.level === CriticalityLevel.Breaking)
        .map(({ message }) => `${file}: ${message}`)
    }),
  ).then((all) => all.flat())
}

/** Builds a subgraph's schema without its federation directives, which the comparison does not know. */
function withoutFederation(sdl: string) {
  const document = visit(parse(sdl), {
    SchemaExtension: () => null,
    Directive: ({ name }) => (name.value === 'deprecated' ? undefined : null),
  })
  return buildSchema(print(document))
}

const findBreakingProtoChanges: Step['run'] = () => {
  const base = baseCommit()
  if (!base || spawnSync('git', ['cat-file', '-e', `${base}:buf.yaml`], { cwd: root }).status !== 0) return []
  return command('buf', 'breaking', '--against', `.git#ref=${base}`)()
}

/** Checks the types of all projects. React Router first generates those of the storefront's routes. */
const checkTypes: Step['run'] = async () => [
  ...(await command('react-router', 'typegen', 'apps/storefront')()),
  ...(await command('tsc', '-b')()),
]

const steps: Step[] = [
  { name: 'types', run: checkTypes },
  { name: 'lint', run: command('oxlint') },
  { name: 'format', run: command('oxfmt', '--check') },
  { name: 'boundaries', run: command('depcruise', '--output-type', 'err', 'apps', 'packages', 'tools') },
  { name: 'proto lint', run: command('buf', 'lint') },
  { name: 'proto format', run: command('buf', 'format', '--diff', '--exit-code') },
  { name: 'proto breaking', run: findBreakingProtoChanges },
  { name: 'graphql breaking', run: findBreakingGraphqlChanges },
  { name: 'generated files', run: findStaleFiles },
  { name: 'licences', run: () => licences().refused },
  { name: 'install scripts', run: undeniedInstallScripts },
]

let failed = 0
for (const { name, run } of steps) {
  const start = performance.now()
  const problems = await run()
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.log(`${problems.length === 0 ? '✓' : '✗'} ${name} (${seconds} s)`)
  for (const line of problems) console.log(`    ${line}`)
  if (problems.length > 0) failed++
}
console.log(
  failed === 0 ? `check: all ${steps.length} steps passed` : `check: ${failed} of ${steps.length} steps failed`,
)
process.exitCode = failed === 0 ? 0 : 1
