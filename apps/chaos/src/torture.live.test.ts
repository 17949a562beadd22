import path from 'node:path'
import { beforeAll, describe, expect, it, onTestFailed } from 'vitest'
import type { Fault } from './faults.ts'
import { plants, type PlantName } from './plants.ts'
import { reportOf } from './report.ts'
import { torture, type Result } from './torture.ts'

const keep = path.resolve(import.meta.dirname, '../../../reports/torture')
const onProgress = (line: string): void => console.log(line)

it('a shop under buyers and faults keeps what it promises', async () => {
  const result = await torture({ buyers: 16, seconds: 20, seed: 7, keep, onProgress })
  console.log(reportOf(result))
  expect(result.findings).toEqual([])
  // A torture in which nothing happens proves nothing.
  expect(result.diary.placed.size).toBeGreaterThan(20)
  expect(result.injected.filter(({ what }) => what === 'kill').length).toBeGreaterThan(2)
  expect(result.injected.filter(({ what }) => what !== 'kill').length).toBeGreaterThan(5)
})

/**
 * What each class of bug shows itself by. A release whose answer is lost is asked again; events that Kafka has, and whose
 * teller died without knowing, are told again; and events are lost that were acknowledged while the database was silent,
 * by an instance that died before it spoke again.
 */
const rough: Fault[] = [
  { at: 1000, what: 'deaf', on: 'order→productGrpc', lasts: 2000 },
  { at: 2000, what: 'silent', on: 'notification→mongodb', lasts: 3000 },
  { at: 3300, what: 'kill', on: 'notification', lasts: 0 },
  { at: 3500, what: 'deaf', on: 'order-2→productGrpc', lasts: 2000 },
  { at: 5600, what: 'deaf', on: 'order→kafka', lasts: 2500 },
  { at: 7300, what: 'silent', on: 'notification-2→mongodb', lasts: 3000 },
  { at: 7300, what: 'kill', on: 'order', lasts: 500 },
  { at: 8300, what: 'deaf', on: 'order-2→productGrpc', lasts: 2000 },
  { at: 8600, what: 'kill', on: 'notification-2', lasts: 0 },
  { at: 10_500, what: 'deaf', on: 'order→productGrpc', lasts: 1500 },
]

describe('what the torture can see', () => {
  const wish = { buyers: 16, seconds: 12, seed: 7, faults: rough, onProgress }

  it('is nothing where there is no bug', async () => {
    const result = await torture({ ...wish, keep })
    onTestFailed(() => console.log(reportOf(result)))
    expect(result.findings).toEqual([])
  })

  /** Bugs that do not hide each other go together. */
  const together: PlantName[][] = [
    ['no-guard', 'keys-not-deduped', 'offset-before-effect'],
    ['publish-before-commit', 'letters-not-deduped', 'release-twice'],
  ]
  describe.each(together.map((bugs) => ({ bugs })))('is $bugs', ({ bugs }) => {
    const results: Result[] = []
    const unseen = (bug: PlantName): string[] => {
      const found = new Set(results.flatMap(({ findings }) => findings).map(({ rule }) => rule))
      return plants[bug].rules.filter((rule) => !found.has(rule))
    }

    // A bug shows itself when it is met in the wrong moment: what one torture happens to miss, another one meets.
    beforeAll(async () => {
      while (results.length < 3 && bugs.some((bug) => unseen(bug).length > 0))
        results.push(await torture({ ...wish, seed: wish.seed + results.length, plants: bugs }))
    }, 600_000)

    it.each(bugs)('%s, by the rule that it breaks', (bug) => {
      onTestFailed(() => console.log(results.map(reportOf).join('\n')))
      expect(unseen(bug)).toEqual([])
    })
  })

  it('is every bug that can be planted', () => {
    expect(new Set(together.flat())).toEqual(new Set(Object.keys(plants)))
  })
})
