import { readFileSync, readdirSync } from 'node:fs'
import { stripTypeScriptTypes } from 'node:module'
import path from 'node:path'
import { parse, type Node } from 'acorn'
import { fullAncestor } from 'acorn-walk'

/**
 * Where a process may be killed: right after one `await` of its own sources. To kill a real service after each of them:
 *
 * ```ts
 * const files = sourcesIn(new URL('.', import.meta.url), ['list-orders.ts'])  // all sources here but these
 * for (const { name } of crashPointsIn(files))                               // 'place-order.ts place: await giveUp(…)'
 *   spawn(process.execPath, ['--conditions=development', ...dieAt(files, { point: name }), 'src/main.ts'], …)
 * ```
 *
 * The process ends by SIGKILL as soon as what is awaited there is settled, well or not, for the first time; before the
 * next line runs. `dieAt(files, { reached: file })` kills nothing and lists in a file, a line each, the points that the
 * process came to: those that never come must be known to the test, or it tests less than it says.
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

/** Every point of these sources, in order. */
export const crashPointsIn = (files: readonly URL[]): CrashPoint[] =>
  files.flatMap((file) => pointsOf(path.basename(file.pathname), javascriptOf(readFileSync(file, 'utf8'))))

/** What node is told so that its process dies at a point of these sources, or lists those that it comes to. */
export function dieAt(files: readonly URL[], { point, reached }: { point?: string; reached?: string }): string[] {
  const preload = new URL(import.meta.url.replace(/(\.[jt]s)$/, '-preload$1'))
  for (const file of files) preload.searchParams.append('file', file.href)
  if (point !== undefined) preload.searchParams.set('point', point)
  if (reached !== undefined) preload.searchParams.set('reached', reached)
  return ['--disable-warning=ExperimentalWarning', `--import=${preload.href}`]
}

/** TypeScript without its types, every character in its place. */
export const javascriptOf = (source: string): string => stripTypeScriptTypes(source)

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

/** The source with each of its points told to the global function `step`, by name. */
export function withSteps(file: string, source: string, step: string): string {
  const edits = pointsOf(file, source).flatMap(({ name, start, end }) =>
    start === end
      ? [{ at: start, text: ` await ${step}(${JSON.stringify(name)});` }]
      : [
          { at: start, text: `${step}(${JSON.stringify(name)}, ` },
          { at: end, text: ')' },
        ],
  )
  let changed = source
  for (const { at, text } of edits.sort((a, b) => b.at - a.at))
    changed = changed.slice(0, at) + text + changed.slice(at)
  return changed
}

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
