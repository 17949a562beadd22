import { Counter, Gauge, Histogram, type Registry } from 'prom-client'
import type { Letter, LetterStatus, Outcome } from './letter.ts'
import type { DeadLetters } from './dead-letters.ts'
import type { Kept } from './keep-new.ts'
import type { Letters } from './letters.ts'

export type LetterMetrics = ReturnType<typeof letterMetrics>

/** What an operator sees of letters and of the topic, beside what every service shows. */
export function letterMetrics(
  registry: Registry,
  { letters, deadLetters }: { letters: Pick<Letters, 'waiting' | 'failed'>; deadLetters: Pick<DeadLetters, 'waiting'> },
) {
  const registers = [registry]
  const events = new Counter({
    name: 'order_events_total',
    help: 'Messages of order-events, by what they came to: recorded, known (heard before) or parked (on the DLQ).',
    labelNames: ['outcome'],
    registers,
  })
  const accountEvents = new Counter({
    name: 'account_events_total',
    help: 'Messages of account-events and account-deletions, by what they came to, as order_events_total.',
    labelNames: ['outcome'],
    registers,
  })
  const tries = new Counter({
    name: 'letters_total',
    help: 'Tries to hand a letter over, by what they came to: sent, retried (due again later) or failed (given up).',
    labelNames: ['outcome'],
    registers,
  })
  const latency = new Histogram({
    name: 'letter_latency_seconds',
    help: 'From what happened until the letter about it was handed over.',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86400],
    registers,
  })
  const oldest = new Gauge({
    name: 'letters_oldest_pending_seconds',
    help: 'How long the oldest letter that waits has waited; 0 when none does.',
    registers,
  })
  const pending = new Gauge({
    name: 'letters_pending',
    help: 'Letters that wait to be handed over.',
    registers: [],
    async collect() {
      const { count, since } = await letters.waiting()
      this.set(count)
      oldest.set(since ? (Date.now() - since.getTime()) / 1000 : 0)
    },
  })
  registry.registerMetric(pending)
  const failed = new Gauge({
    name: 'letters_failed',
    help: 'Letters that were given up: an admin may have them sent again.',
    registers: [],
    async collect() {
      this.set(await letters.failed())
    },
  })
  registry.registerMetric(failed)
  const dead = new Gauge({
    name: 'dead_letters',
    help: 'Messages that could not be processed and were not sent again yet.',
    registers: [],
    async collect() {
      this.set(await deadLetters.waiting())
    },
  })
  registry.registerMetric(dead)
  for (const counter of [events, accountEvents])
    for (const outcome of ['recorded', 'known', 'parked']) counter.inc({ outcome }, 0)
  for (const outcome of ['sent', 'retried', 'failed']) tries.inc({ outcome }, 0)

  return {
    /** Counts one message about an order. */
    heard: (outcome: Kept | 'parked'): void => events.inc({ outcome }),
    /** Counts one message about an account. */
    heardOfAccount: (outcome: Kept | 'parked'): void => accountEvents.inc({ outcome }),
    /** Counts one try of a letter; the first copy's latency counts from what happened. */
    tried: (letter: Letter, { result }: Outcome, status: LetterStatus, at: Date): void => {
      tries.inc({ outcome: result === 'sent' ? 'sent' : status === 'FAILED' ? 'failed' : 'retried' })
      if (result === 'sent' && letter.copy === 0) latency.observe((at.getTime() - letter.happenedAt.getTime()) / 1000)
    },
  }
}
