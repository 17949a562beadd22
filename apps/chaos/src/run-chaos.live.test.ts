import path from 'node:path'
import { isUserError } from '@halles/test-servers'
import { beforeAll, describe, expect, it, onTestFailed } from 'vitest'
import type { Fault } from './faults/fault-schedule.ts'
import { formatReport } from './report.ts'
import type { ChaosResult } from './chaos-result.ts'
import { runChaos } from './run-chaos.ts'
import { seededBugs, type SeededBugName } from './seeded-bugs/seeded-bugs.ts'

const artifactsFolder = path.resolve(import.meta.dirname, '../../../reports/chaos')
const onProgress = (line: string): void => console.log(line)

it('the shop keeps every invariant while members, brokers and processes of every service fail', async ({ skip }) => {
  const options = { buyers: 12, seconds: 20, seed: 7, replicas: true, artifactsFolder, onProgress }
  const result = await runChaos(options).catch((error: unknown) => {
    // CI installs HAProxy; a developer's machine may have none.
    if (isUserError(error) && process.env['CI'] === undefined && /HAProxy/.test(error.message)) skip(error.message)
    throw error
  })
  console.log(formatReport(result))
  expect(result.violations).toEqual([])
  // A run without orders or faults would prove nothing.
  expect(result.runLog.acceptedOrders.size).toBeGreaterThan(10)
  const kinds = Object.groupBy(result.injected, ({ on }) => (on === 'mongodb' || on === 'kafka' ? on : 'others'))
  expect(kinds.mongodb?.length).toBeGreaterThan(0)
  expect(kinds.kafka?.length).toBeGreaterThan(0)
  expect(kinds.others?.length).toBeGreaterThan(5)
})

/**
 * Faults that make each class of bug visible. A release whose response is lost is repeated. An event whose publisher is
 * killed before it learns that Kafka has the event is published again, and one that Kafka does not have yet is lost if it
 * has left the outbox. An event that was committed while the database stalls is lost when the consumer is killed before the
 * stall ends.
 */
const revealingFaults: Fault[] = [
  { at: 1000, what: 'drop-responses', on: 'order→productGrpc', lasts: 2000 },
  { at: 2000, what: 'stall', on: 'notification→mongodb', lasts: 3000 },
  { at: 3300, what: 'kill', on: 'notification', lasts: 0 },
  { at: 3500, what: 'drop-responses', on: 'order-2→productGrpc', lasts: 2000 },
  { at: 4000, what: 'drop-responses', on: 'auth→kafka', lasts: 2500 },
  { at: 5500, what: 'kill', on: 'auth', lasts: 0 },
  { at: 5600, what: 'drop-responses', on: 'order→kafka', lasts: 2500 },
  { at: 7300, what: 'stall', on: 'notification-2→mongodb', lasts: 3000 },
  { at: 7300, what: 'kill', on: 'order', lasts: 500 },
  { at: 8300, what: 'drop-responses', on: 'order-2→productGrpc', lasts: 2000 },
  { at: 8600, what: 'kill', on: 'notification-2', lasts: 0 },
  { at: 9000, what: 'stall', on: 'auth→kafka', lasts: 2500 },
  { at: 10_500, what: 'drop-responses', on: 'order→productGrpc', lasts: 1500 },
  { at: 11_000, what: 'kill', on: 'auth', lasts: 0 },
]

describe('runChaos', () => {
  const options = { buyers: 16, seconds: 12, seed: 7, faults: revealingFaults, onProgress }

  it('finds nothing in a shop without seeded bugs', async () => {
    const result = await runChaos({ ...options, artifactsFolder })
    onTestFailed(() => console.log(formatReport(result)))
    expect(result.violations).toEqual([])
  })

  describe('with all seeded bugs', () => {
    const bugs = Object.keys(seededBugs) as SeededBugName[]
    const results: ChaosResult[] = []
    const missedRules = (bug: SeededBugName): string[] => {
      const violated = new Set(results.flatMap(({ violations }) => violations).map(({ rule }) => rule))
      return seededBugs[bug].rules.filter((rule) => !violated.has(rule))
    }
    const missedBugs = (): SeededBugName[] => bugs.filter((bug) => missedRules(bug).length > 0)

    // Bugs do not hide each other, so one run can find all of them. Whether a bug shows depends on the interleaving, so the
    // run is repeated with another seed and the bugs that it has missed.
    beforeAll(async () => {
      for (let missed = bugs; results.length < 3 && missed.length > 0; missed = missedBugs()) {
        results.push(await runChaos({ ...options, seed: options.seed + results.length, seededBugs: missed }))
        console.log(`Missed seeded bugs: ${missedBugs().join(', ') || 'none'}`)
      }
    }, 600_000)

    it.each(bugs)('finds %s by the rules that it breaks', (bug) => {
      onTestFailed(() => console.log(results.map(formatReport).join('\n')))
      expect(missedRules(bug)).toEqual([])
    })
  })
})
