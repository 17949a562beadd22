import { registerGauges } from '@halles/telemetry/gauges'
import type { Logger } from '@halles/telemetry/log'
import { Counter, Histogram, type Registry } from 'prom-client'
import type { MessageOutcome } from './consumers.ts'
import type { DeadLetterStore } from './dead-letters/dead-letters.ts'
import type { DeliveryOutcome, Email, EmailStatus } from './emails/email.ts'
import type { EmailStore } from './emails/emails.ts'

const messageOutcomes: MessageOutcome[] = ['recorded', 'duplicate', 'dead-lettered']
const attemptOutcomes = ['sent', 'retried', 'failed']

/**
 * Registers the metrics of consumed messages, e-mails and dead letters, in addition to those of every service. The gauges are
 * counted in the database at each scrape; while it is away they are NaN.
 */
export function createEmailMetrics(
  registry: Registry,
  {
    emails,
    deadLetters,
  }: { emails: Pick<EmailStore, 'countPending' | 'countFailed'>; deadLetters: Pick<DeadLetterStore, 'countPending'> },
  log: Logger,
) {
  const registers = [registry]
  const orderEvents = new Counter({
    name: 'order_events_total',
    help: 'Messages of order-events by outcome: recorded, duplicate or dead-lettered.',
    labelNames: ['outcome'],
    registers,
  })
  const accountEvents = new Counter({
    name: 'account_events_total',
    help: 'Messages of account-events and account-deletions by outcome, as in order_events_total.',
    labelNames: ['outcome'],
    registers,
  })
  const attempts = new Counter({
    name: 'email_delivery_attempts_total',
    help: 'Delivery attempts by outcome: sent, retried (due again later) or failed (given up).',
    labelNames: ['outcome'],
    registers,
  })
  const latency = new Histogram({
    name: 'email_delivery_latency_seconds',
    help: 'Time from an event until the mail server accepted the e-mail about it, resends excluded.',
    buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86400],
    registers,
  })
  registerGauges(
    registry,
    async () => {
      const [pending, failed, dead] = await Promise.all([
        emails.countPending(),
        emails.countFailed(),
        deadLetters.countPending(),
      ])
      return { pending, failed, dead }
    },
    [
      {
        name: 'emails_oldest_pending_seconds',
        help: 'Age of the oldest pending e-mail; 0 when none is pending.',
        toValue: ({ pending }) => (pending.oldest ? (Date.now() - pending.oldest.getTime()) / 1000 : 0),
      },
      {
        name: 'emails_pending',
        help: 'E-mails that the mail server has not accepted yet.',
        toValue: ({ pending }) => pending.count,
      },
      {
        name: 'emails_failed',
        help: 'E-mails that were given up. An admin can resend them.',
        toValue: ({ failed }) => failed,
      },
      {
        name: 'dead_letters',
        help: 'Dead letters that were never redriven.',
        toValue: ({ dead }) => dead,
      },
    ],
    log,
  )
  for (const counter of [orderEvents, accountEvents]) for (const outcome of messageOutcomes) counter.inc({ outcome }, 0)
  for (const outcome of attemptOutcomes) attempts.inc({ outcome }, 0)

  return {
    /** Counts a message of order-events. */
    countOrderEvent: (outcome: MessageOutcome): void => orderEvents.inc({ outcome }),
    /** Counts a message of account-events or account-deletions. */
    countAccountEvent: (outcome: MessageOutcome): void => accountEvents.inc({ outcome }),
    /** Counts a delivery attempt, and observes the latency of an original message. */
    observeAttempt: (email: Email, { result }: DeliveryOutcome, status: EmailStatus, at: Date): void => {
      attempts.inc({ outcome: result === 'sent' ? 'sent' : status === 'FAILED' ? 'failed' : 'retried' })
      if (result === 'sent' && email.resend === 0) latency.observe((at.getTime() - email.happenedAt.getTime()) / 1000)
    },
  }
}
