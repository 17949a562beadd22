import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parse, type Node } from 'acorn'
import { fullAncestor } from 'acorn-walk'

/**
 * A point at which a process can be killed: right after one `await` in its sources. To kill a real service after each of them:
 *
 * ```ts
 * const service = instrumentSources(listSources(new URL('.', import.meta.url), ['list-orders.ts'])) // all but the named files
 * const start = (flags) => spawn(process.execPath, ['--conditions=development', ...flags, 'src/main.ts'], …)
 * start(service.flagsToList(file)) // runs a whole scenario and exits by itself
 * for (const [name] of readReachedPoints(file)) start(service.flagsToCrashAt(name)) // 'order.ts place: await stock.check(lines)'
 * ```
 *
 * The process is killed by SIGKILL as soon as the awaited promise is settled for the first time, before the next statement
 * runs. A test should name the points that no scenario reaches; `service.points` lists all points.
 *
 * A point is named by its file, its enclosing function and the awaited expression, so that a line added above does not change
 * the name. Only `await` and `for await` are points: a returned promise is awaited by the caller. The sources are instrumented
 * while they are loaded, by crash-points-preload.ts.
 */
export type CrashPoint = {
  name: string
  /** Offsets of the awaited expression; for `for await`, both are the start of its body. */
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

/** Lists the sources in a folder, without tests and the `excluded` files. @throws Error for an excluded file that does not exist */
export function listSources(folder: URL, excluded: readonly string[] = []): URL[] {
  const names = readdirSync(folder).filter((name) => /(?<!\.test|\.d)\.ts$/.test(name))
  const unknown = excluded.filter((name) => !names.includes(name))
  if (unknown.length > 0) throw new Error(`not in ${folder.href}: ${unknown.join(', ')}`)
  return names.filter((name) => !excluded.includes(name)).map((name) => new URL(name, folder))
}

/** A delay of `ms` milliseconds after each pass of the point `at`, to provoke a race. */
export type Delay = { at: string; ms: number }

export type InstrumentedSources = ReturnType<typeof instrumentSources>

/** Instruments sources. Returns their crash points in order, and the flags of node that load them. `remove` deletes the copies. */
export function instrumentSources(files: readonly URL[]) {
  const folder = mkdtempSync(path.join(tmpdir(), 'halles-crash-points-'))
  const points = files.flatMap((file, i) => {
    const name = path.basename(file.pathname)
    const source = stripTypeScriptTypes(readFileSync(file, 'utf8')) // keeps all offsets
    const found = findCrashPoints(name, source)
    writeFileSync(path.join(folder, `${i}.js`), instrument(source, found))
    return found.map((point) => point.name)
  })
  const flags = (options: Record<string, string>, delay?: Delay): string[] => {
    if (delay !== undefined && !points.includes(delay.at)) throw new Error(`no such point: ${delay.at}`)
    const preload = new URL(import.meta.url.replace(/(\.[jt]s)$/, '-preload$1'))
    for (const file of files) preload.searchParams.append('file', file.href)
    for (const [name, value] of Object.entries({
      folder,
      ...options,
      ...(delay && { slow: delay.at, ms: `${delay.ms}` }),
    }))
      preload.searchParams.set(name, value)
    return ['--disable-warning=ExperimentalWarning', `--import=${preload.href}`]
  }
  return {
    points,
    /** Flags for a process that is killed at this point. */
    flagsToCrashAt: (point: string, delay?: Delay): string[] => flags({ point }, delay),
    /** Flags for a process that writes the points which it has reached to a file when it exits. */
    flagsToList: (list: string, delay?: Delay): string[] => flags({ list }, delay),
    remove: (): void => rmSync(folder, { recursive: true }),
  }
}

/**
 * Reads the points that a process has reached, in order, grouped by observable state: the process wrote nothing between the
 * points of a group, so no other process can distinguish at which of them it was killed.
 */
export function readReachedPoints(list: string): string[][] {
  const lines = readFileSync(list, 'utf8').split('\n').filter(Boolean)
  return [...Map.groupBy(lines, (line) => line.split('\t')[0]).values()].map((group) =>
    group.map((line) => line.split('\t')[1]!),
  )
}

/** Finds the crash points of one JavaScript source. */
export function findCrashPoints(file: string, source: string): CrashPoint[] {
  const points: CrashPoint[] = []
  const add = (ancestors: Node[], expression: string, start: number, end: number): void => {
    const base = `${file} ${enclosingFunction(ancestors)}: ${expression}`
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
      add(ancestors, `await ${abbreviate(source.slice(argument.start, argument.end))}`, argument.start, argument.end)
    } else if (node.type === 'ForOfStatement' && (node as ForOf).await) {
      const { body } = node as ForOf
      if (body.type !== 'BlockStatement') throw new Error(`${file}: the body of "for await" must have braces`)
      add(ancestors, abbreviate(source.slice(node.start, body.start)), body.start + 1, body.start + 1)
    } else if ((node as Named).kind === 'await using') throw new Error(`${file}: "await using" is not supported`)
  }
  return points
}

/** Wraps each crash point of a source in a call of the global function of crash-points-preload.ts. */
function instrument(source: string, points: readonly CrashPoint[]): string {
  const edits = points.flatMap(({ name, start, end }) =>
    start === end
      ? [{ at: start, text: ` await ${CRASH_POINT}(${JSON.stringify(name)});` }]
      : [
          { at: start, text: `${CRASH_POINT}(${JSON.stringify(name)}, ` },
          { at: end, text: ')' },
        ],
  )
  let changed = source
  for (const { at, text } of edits.sort((a, b) => b.at - a.at))
    changed = changed.slice(0, at) + text + changed.slice(at)
  return changed
}
const CRASH_POINT = '__crashPoint'

/** Names the enclosing function of a node; for an anonymous function, the variable or property that it is assigned to. */
function enclosingFunction(ancestors: readonly Node[]): string {
  const inner = ancestors.findLastIndex((node, i) => i < ancestors.length - 1 && node.type.includes('Function'))
  for (const node of ancestors.slice(0, inner + 1).toReversed() as Named[]) {
    const named = node.type === 'Property' || node.type === 'PropertyDefinition' ? node.key : node.id
    if (named?.name !== undefined) return named.name
  }
  return 'module'
}

function abbreviate(code: string): string {
  const line = code.replaceAll(/\s+/g, ' ').trim()
  return line.length > 60 ? `${line.slice(0, 59)}…` : line
}
