import path from 'node:path'
import { beforeAll, describe, expect, it, onTestFailed } from 'vitest'
import { plants, type PlantName } from './plants.ts'
import { reportOf } from './report.ts'
import { torture, type Result } from './torture.ts'

// One seed for all: what is found with a bug in it is not found without.
const wish = { buyers: 16, seconds: 20, seed: 7 }
const keep = path.resolve(import.meta.dirname, '../../../reports/torture')

const progress = (line: string): void => console.log(line)

it('a shop under buyers and faults keeps what it promises', async () => {
  const result = await torture({ ...wish, keep, onProgress: progress })
  console.log(reportOf(result))
  expect(result.findings).toEqual([])
  // A torture in which nothing happens proves nothing.
  expect(result.diary.placed.size).toBeGreaterThan(50)
  expect(result.injected.filter(({ what }) => what === 'kill').length).toBeGreaterThan(3)
  expect(result.injected.filter(({ what }) => what !== 'kill').length).toBeGreaterThan(8)
})

/** Bugs that do not hide each other go together. */
describe.each([
  { bugs: ['no-guard', 'keys-not-deduped', 'offset-before-effect'] },
  { bugs: ['publish-before-commit', 'letters-not-deduped', 'release-twice'] },
] satisfies { bugs: PlantName[] }[])('with bugs in it, $bugs', ({ bugs }) => {
  let result: Result

  beforeAll(async () => {
    result = await torture({ ...wish, plants: bugs, onProgress: progress })
  })

  it.each(bugs)('%s is found', (bug) => {
    onTestFailed(() => console.log(reportOf(result)))
    const found = new Set(result.findings.map(({ rule }) => rule))
    expect([...found]).toEqual(expect.arrayContaining([...plants[bug].rules]))
  })
})
