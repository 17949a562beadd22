import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, describe, expect, it } from 'vitest'
import { instrumented, momentsIn, pointsOf, sourcesIn } from './crash-points.ts'

const folder = mkdtempSync(path.join(tmpdir(), 'halles-crash-points-'))
afterAll(() => rmSync(folder, { recursive: true }))

const main = path.join(folder, 'walk.ts')
writeFileSync(
  main,
  `import { step } from './steps.ts'
const walk = async (from: number): Promise<void> => {
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
void walk(1)
`,
)
writeFileSync(
  path.join(folder, 'steps.ts'),
  'export async function step<T>(of: T): Promise<T> {\n  await null\n  if (of === 3) throw new Error("three")\n  return of\n}\n',
)
const walk = instrumented(sourcesIn(pathToFileURL(`${folder}/`), ['steps.ts']))
afterAll(() => walk.remove())

const run = (flags: string[]) => {
  const { stdout, signal } = spawnSync(
    process.execPath,
    ['--conditions=development', ...flags, '--unhandled-rejections=warn', main],
    { encoding: 'utf8', env: {} },
  )
  return { printed: stdout.split('\n').filter(Boolean), signal }
}

const points = [
  'walk.ts walk: await step(from)',
  "walk.ts walk: for await (const each of [Promise.resolve('two'), Promise.r…",
  'walk.ts walk: await step(await step (2))',
  'walk.ts walk: await step (2)',
  'walk.ts walk: await step(3).catch(() => {})',
  'walk.ts walk: await step(5)',
]

describe('the points of a source', () => {
  it('are its awaits, in order, each with a name of its own', () => {
    expect(walk.points).toEqual(points)
    const names = pointsOf('a.js', 'const f = once(async () => { await g(); await g() })\nawait f()').map((p) => p.name)
    expect(names).toEqual(['a.js f: await g()', 'a.js f: await g() #2', 'a.js module: await f()'])
  })

  it('are not found in what is not understood', () => {
    expect(() => pointsOf('a.js', 'for await (const a of b) c()')).toThrow('braces')
    expect(() => pointsOf('a.js', 'await using a = b')).toThrow('await using')
    expect(() => sourcesIn(pathToFileURL(`${folder}/`), ['gone.ts'])).toThrow('gone.ts')
  })
})

describe('a process', () => {
  it.each([
    [0, ['begin']],
    [1, ['begin', 'one']],
    [3, ['begin', 'one', 'two', 'three']],
  ])('that is to die at point %i gets no further', (i, printed) => {
    expect(run(walk.dyingAt(points[i]!))).toEqual({ printed, signal: 'SIGKILL' })
  })

  it('waits where it is told to, and knows no place that is not there', () => {
    const began = performance.now()
    expect(run(walk.dyingAt(points[1]!, { at: points[0]!, ms: 700 })).printed).toEqual(['begin', 'one'])
    expect(performance.now() - began).toBeGreaterThan(700)
    expect(() => walk.dyingAt(points[1]!, { at: 'nowhere', ms: 1 })).toThrow('nowhere')
  })

  it('tells the points that it comes to, and is none the worse for it', () => {
    const list = path.join(folder, 'list')
    expect(run(walk.listing(list))).toMatchObject({ signal: null, printed: ['begin', 'one', 'two', 'three', 'end'] })
    const moments = momentsIn(list)
    expect(moments.flat()).toEqual([points[0], points[1], points[3], points[2], points[4]])
    // Each is told apart by what was printed before it, but for the last three.
    if (process.platform === 'linux') expect(moments.map((moment) => moment.length)).toEqual([1, 1, 3])
  })
})
