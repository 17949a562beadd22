import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { instrumentSources, readReachedPoints, findCrashPoints, listSources } from './crash-points.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'halles-crash-points-'))
afterAll(() => rmSync(folder, { recursive: true }))

const main = path.join(folder, 'main.ts')
writeFileSync(
  main,
  `import { step } from './steps.ts'
const main = async (from: number): Promise<void> => {
  console.log('begin')
  await step(from)
  console.log('one')
  for await (const each of [Promise.resolve('two'), Promise.resolve('three')]) {
    console.log(each satisfies string)
  }
  await step(await step<number>(2))
  await step(3).catch(() => {})
  if (from === 0) await step(5)
  console.log('end')
}
void main(1)
`,
)
writeFileSync(
  path.join(folder, 'steps.ts'),
  'export async function step<T>(value: T): Promise<T> {\n  await null\n  if (value === 3) throw new Error("three")\n  return value\n}\n',
)
const service = instrumentSources(listSources(pathToFileURL(`${folder}/`), ['steps.ts']))
afterAll(() => service.remove())

const run = (flags: string[]) => {
  const { stdout, signal } = spawnSync(
    process.execPath,
    ['--conditions=development', ...flags, '--unhandled-rejections=warn', main],
    { encoding: 'utf8', env: {} },
  )
  return { printed: stdout.split('\n').filter(Boolean), signal }
}

const points = [
  'main.ts main: await step(from)',
  "main.ts main: for await (const each of [Promise.resolve('two'), Promise.r…",
  'main.ts main: await step(await step (2))',
  'main.ts main: await step (2)',
  'main.ts main: await step(3).catch(() => {})',
  'main.ts main: await step(5)',
]

describe('crash points of a source', () => {
  it('are its awaits, in order, with unique names', () => {
    expect(service.points).toEqual(points)
    const names = findCrashPoints('a.js', 'const f = once(async () => { await g(); await g() })\nawait f()').map(
      (p) => p.name,
    )
    expect(names).toEqual(['a.js f: await g()', 'a.js f: await g() #2', 'a.js module: await f()'])
  })

  it('throw for unsupported syntax and unknown files', () => {
    expect(() => findCrashPoints('a.js', 'for await (const a of b) c()')).toThrow('braces')
    expect(() => findCrashPoints('a.js', 'await using a = b')).toThrow('await using')
    expect(() => listSources(pathToFileURL(`${folder}/`), ['gone.ts'])).toThrow('gone.ts')
  })
})

describe('an instrumented process', () => {
  it.each([
    [0, ['begin']],
    [1, ['begin', 'one']],
    [3, ['begin', 'one', 'two', 'three']],
  ])('runs no further than point %i, where it is killed', (i, printed) => {
    expect(run(service.flagsToCrashAt(points[i]!))).toEqual({ printed, signal: 'SIGKILL' })
  })

  it('waits at a delayed point, which must exist', () => {
    const began = performance.now()
    expect(run(service.flagsToCrashAt(points[1]!, { at: points[0]!, ms: 700 })).printed).toEqual(['begin', 'one'])
    expect(performance.now() - began).toBeGreaterThan(700)
    expect(() => service.flagsToCrashAt(points[1]!, { at: 'nowhere', ms: 1 })).toThrow('nowhere')
  })

  it('lists the points that it reaches, and otherwise behaves the same', () => {
    const listFile = path.join(folder, 'list')
    expect(run(service.flagsToList(listFile))).toMatchObject({
      signal: null,
      printed: ['begin', 'one', 'two', 'three', 'end'],
    })
    const groups = readReachedPoints(listFile)
    expect(groups.flat()).toEqual([points[0], points[1], points[3], points[2], points[4]])
    // Output separates the groups; nothing is printed between the last three points.
    if (process.platform === 'linux') expect(groups.map((group) => group.length)).toEqual([1, 1, 3])
  })
})
