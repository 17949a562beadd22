import type { InjectedFault } from './faults/fault-injector.ts'
import type { Fault } from './faults/fault-schedule.ts'
import type { ReceivedEmail } from './faults/mail-server.ts'
import type { RunLog } from './run-log.ts'
import type { LongestUnfinished, RunSnapshot } from './shop-inspector.ts'
import type { Trend } from './soak/flatness.ts'
import type { Sample } from './soak/sampler.ts'
import type { Violation } from './violation.ts'

/** What a chaos run has done and found. */
export type ChaosResult = {
  options: { buyers: number; seconds: number; seed: number }
  /** The start and the end of the load, in milliseconds since 1970. */
  began: number
  loadEnded: number
  schedule: Fault[]
  injected: readonly InjectedFault[]
  runLog: RunLog
  receivedEmails: readonly ReceivedEmail[]
  snapshot: RunSnapshot
  longestUnfinished: LongestUnfinished
  /** How long the shop took to settle after the load, in milliseconds. */
  settledAfter: number
  /** The names of the service processes. */
  services: string[]
  /** What was sampled in a soak test, and how it has developed. */
  samples: Sample[]
  trends: Trend[]
  violations: Violation[]
  /** The folder with the artifacts, if the run has violations and artifacts are kept. */
  artifacts: string | undefined
}
