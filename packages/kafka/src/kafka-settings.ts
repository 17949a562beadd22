import type { Kafka, LogEntry } from 'kafkajs'
import { waitAtMost } from '@halles/concurrency/with-timeout'

// Measured settings of kafkajs: see docs/decisions/0006-isolate-kafkajs-and-send-one-batch-at-a-time.md.

/** Every retry names its policy: the defaults of kafkajs differ by client, and again under NODE_ENV=test. */
export const retry = { initialRetryTime: 100, maxRetryTime: 1000, retries: 1e9 }
/** For a client whose caller repeats what fails: it gives up after some seconds, so that a service can stop during a Kafka outage. */
export const shortRetry = { ...retry, retries: 5 }

export type Retry = typeof retry

/** Creates a client with a retry policy. `onLog` is called with each warning and error that kafkajs logs. */
export type CreateClient = (retryPolicy: Retry, onLog?: (entry: LogEntry) => void) => Kafka

/** The interval of heartbeats to the consumer group, in milliseconds. */
export const HEARTBEAT_INTERVAL = 1000

/** How long `close` waits for work in flight, in milliseconds. */
const CLOSE_TIMEOUT = 3000

/** Waits for work that may hang during a Kafka outage. After 3 s the work is abandoned, and ends with the process. */
export async function waitToClose(work: Promise<unknown> | undefined): Promise<void> {
  if (work) await waitAtMost(work, CLOSE_TIMEOUT)
}
