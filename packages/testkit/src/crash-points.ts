import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parse, type Node } from 'acorn'
import { fullAncestor } from 'acorn-walk'

/**
 * Where a process may be killed: right after one `await` of its own sources. To kill a real service after each of them:
 *
 * ```ts
 * const service = instrumented(sourcesIn(new URL('.', import.meta.url), ['list-orders.ts'])) // all but those named
 * const start = (flags) => spawn(process.execPath, ['--conditions=development', ...flags, 'src/main.ts'], …)
 * start(service.listing(file))       // lives a whole day and ends by itself
 * for (const [name] of momentsIn(file)) start(service.dyingAt(name)) // 'place-order.ts place: await stock.check(lines)'
 * ```
 *
 * The process ends by SIGKILL as soon as what is awaited there is settled, well or not, for the first time; before the
 * next line runs. The points that `listing` never comes to must be known to the test, or it tests less than it says:
 * `service.points` has all of them.
 *
 * A point is named by its file, the function around it and what is awaited, so a name outlives a line added above it.
 * Only `await` and `for await` count: a promise that is returned is awaited by the caller. The product knows nothing of this:
 * the sources are changed as they are loaded, by crash-points-preload.ts.
 */
export type CrashPoint = {
  name: string
  /** Offsets of what is awaited; for `for await`, of where its body begins, twice. */
  start: number
  end: number
}

type Named = Node & {
  id?: { name?: string } | null
  key?: { name?: string }
  left?: Node
  await?: boolean
  kind?: string
}
type Await = Node & { argument: Node }
type ForOf = Node & { await: boolean; body: Node }

/** The sources in a folder that are no tests, but for those named. */
export function sourcesIn(folder: URL, without: readonly string[] = []): URL[] {
  const names = readdirSync(folder).filter((name) => /(?<!\.test|\.d)\.ts$/.test(name))
  const unknown = without.filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new Error(`not in ${folder.href}: ${unknown.join(', ')}`)
  return names.filter((name) => !without.includes(name)).map((name) => new URL(name, folder))
}

/** A point after which the process waits each time, for so many milliseconds: what only comes to pass in between then does. */
export type Slow = { at: string; ms: number }

export type Instrumented = ReturnType<typeof instrumented>

/** Sources that know where they are: their points in order, and what node is told to use them. `remove` ends their use. */
export function instrumented(files: readonly URL[]) {
  const folder = mkdtempSync(path.join(tmpdir(), 'halles-crash-points-'))
  const points = files.flatMap((file, i) => {
    const name = path.basename(file.pathname)
    const source = stripTypeScriptTypes(readFileSync(file, 'utf8')) // every character keeps its place
    const found = pointsOf(name, source)
    writeFileSync(path.join(folder, `${i}.js`), withSteps(source, found))
    return found.map((point) => point.name)
  })
  const flags = (wish: Record<string, string>, slow?: Slow): string[] => {
    if (slow !== undefined && !points.includes(slow.at)) throw new Error(`no such point: ${slow.at}`)
    const preload = new URL(import.meta.url.replace(/(\.[jt]s)$/, '-preload$1'))
    for (const file of files) preload.searchParams.append('file', file.href)
    for (const [name, value] of Object.entries({ folder, ...wish, ...(slow && { slow: slow.at, ms: `${slow.ms}` }) }))
      preload.searchParams.set(name, value)
    return ['--disable-warning=ExperimentalWarning', `--import=${preload.href}`]
  }
  return {
    points,
    /** Dies right after this point. */
    dyingAt: (point: string, slow?: Slow): string[] => flags({ point }, slow),
    /** Dies nowhere, and lists the points that it came to in this file when it ends by itself. */
    listing: (list: string, slow?: Slow): string[] => flags({ list }, slow),
    remove: (): void => rmSync(folder, { recursive: true }),
  }
}

/**
 * The points that a process listed, in order, those of one moment together: nothing had left the process in between, so
 * whoever is outside cannot tell at which of them it died.
 */
export function momentsIn(list: string): string[][] {
  const lines = readFileSync(list, 'utf8').split('\n').filter(Boolean)
  return [...Map.groupBy(lines, (line) => line.split('\t')[0]).values()].map((moment) =>
    moment.map((line) => line.split('\t')[1]!),
  )
}

/** The points of one source, which is JavaScript. */
export function pointsOf(file: string, source: string): CrashPoint[] {
  const points: CrashPoint[] = []
  const add = (ancestors: Node[], what: string, start: number, end: number): void => {
    const base = `${file} ${functionAround(ancestors)}: ${what}`
    const same = points.filter(({ name }) => name === base || name.startsWith(`${base} #`)).length
    points.push({ name: same === 0 ? base : `${base} #${same + 1}`, start, end })
  }
  const tree = parse(source, { ecmaVersion: 'latest', sourceType: 'module' })
  const found: [node: Node, ancestors: Node[]][] = []
  fullAncestor(tree, (node, _state, ancestors) => void found.push([node, [...ancestors]]))
  found.sort(([a], [b]) => a.start - b.start || b.end - a.end)
  for (const [node, ancestors] of found) {
    if (node.type === 'AwaitExpression') {
      const { argument } = node as Await
      add(ancestors, `await ${inShort(source.slice(argument.start, argument.end))}`, argument.start, argument.end)
    } else if (node.type === 'ForOfStatement' && (node as ForOf).await) {
      const { body } = node as ForOf
      if (body.type !== 'BlockStatement') throw new Error(`${file}: a "for await" needs braces here`)
      add(ancestors, inShort(source.slice(node.start, body.start)), body.start + 1, body.start + 1)
    } else if ((node as Named).kind === 'await using') throw new Error(`${file}: "await using" is not understood here`)
  }
  return points
}

/** The source with each of its points told to a global function, by name. */
function withSteps(source: string, points: readonly CrashPoint[]): string {
  const edits = points.flatMap(({ name, start, end }) =>
    start === end
      ? [{ at: start, text: ` await ${STEP}(${JSON.stringify(name)});` }]
      : [
          { at: start, text: `${STEP}(${JSON.stringify(name)}, ` },
          { at: end, text: ')' },
        ],
  )
  let changed = source
  for (const { at, text } of edits.sort((a, b) => b.at - a.at))
    changed = changed.slice(0, at) + text + changed.slice(at)
  return changed
}
const STEP = '__crashPoint'

/** The name of the function that a node is in; that of the thing it makes, where a function is only handed over. */
function functionAround(ancestors: readonly Node[]): string {
  const inner = ancestors.findLastIndex((node, i) => i < ancestors.length - 1 && node.type.includes('Function'))
  for (const node of ancestors.slice(0, inner + 1).toReversed() as Named[]) {
    const named = node.type === 'Property' || node.type === 'PropertyDefinition' ? node.key : node.id
    if (named?.name !== undefined) return named.name
  }
  return 'module'
}

function inShort(code: string): string {
  const line = code.replaceAll(/\s+/g, ' ').trim()
  return line.length > 60 ? `${line.slice(0, 59)}…` : line
}
