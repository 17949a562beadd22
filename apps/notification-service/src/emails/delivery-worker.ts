import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createBatcher } from '@halles/concurrency/batcher'
import type { Logger } from '@halles/telemetry/log'
import { runOutsideTrace, runInSpan, traceHeaders, traceId } from '@halles/telemetry/trace'
import { waitAtMost } from '@halles/concurrency/with-timeout'
import { renderAccountEmail } from '../templates/account-email.ts'
import { renderOrderEmail } from '../templates/order-email.ts'
import {
  isMailboxAddress,
  scheduleRetry,
  toMessageId,
  toSingleLine,
  type DeliveryOutcome,
  type Email,
  type EmailStatus,
} from './email.ts'
import type { Attempt, EmailStore, LeasedEmail } from './emails.ts'
import { MAX_CONNECTIONS, type Mailer, type MailMessage } from './mailer.ts'

/** The most e-mails that a worker leases at a time, and the number in flight at which it leases more. */
const MAX_IN_FLIGHT = 5 * MAX_CONNECTIONS
const REFILL_AT = MAX_CONNECTIONS

/** The lease, as a multiple of the attempt timeout: longer than an attempt, so that no two workers send one e-mail. */
const LEASE_FACTOR = 1.5

/** The longest pause between two polls, in milliseconds. It bounds how long e-mails of a dead worker wait after their lease. */
const POLL_INTERVAL = 5000

/** How long a shutdown waits for attempts in flight, and after that for MongoDB, in milliseconds. */
const DRAIN_TIMEOUT = 4000
const RELEASE_TIMEOUT = 1500

type Deps = {
  emails: Pick<EmailStore, 'lease' | 'release' | 'recordAttempts' | 'nextDueAt'>
  mailer: Pick<Mailer, 'send' | 'domain' | 'timeout' | 'close'>
  log: Logger
  /** Called after each attempt with the e-mail as it was before, the outcome and the new status. */
  onAttempt?: (email: Email, outcome: DeliveryOutcome, status: EmailStatus, at: Date) => void
  shopUrl?: string | undefined
  /** Decrypts the token of the link in an e-mail about an account. It rejects when another secret encrypted the token. */
  decryptLink?: (encrypted: string) => Promise<string>
  /** Multiplies every retry delay and the retry window. */
  scale?: number
  /** The length of a lease, in milliseconds. */
  lease?: number
  now?: () => Date
}

const rejectLink = (): Promise<never> => Promise.reject(new Error('no secret is configured to decrypt links'))

export type DeliveryWorker = ReturnType<typeof createDeliveryWorker>

/**
 * Creates a polling worker that delivers e-mails that are due, until it is closed.
 *
 * The worker leases an e-mail before it attempts it, so that no two instances send it at once, and records the result
 * afterwards. After a crash in between, the e-mail is sent again when its lease ends, under the same Message-ID
 * (at-least-once delivery).
 */
export function createDeliveryWorker(deps: Deps) {
  const { emails, mailer, log, onAttempt = () => {}, shopUrl, scale = 1, now = () => new Date() } = deps
  const { lease = mailer.timeout * LEASE_FACTOR, decryptLink = rejectLink } = deps
  // An attempt must end before its lease does.
  const maxLeaseDelay = lease > mailer.timeout ? lease - mailer.timeout : lease
  const inFlight = new Set<Promise<void>>()
  let isOpen = true
  let polling: Promise<void> | undefined
  let pollAgain = false
  let timer: NodeJS.Timeout | undefined

  const recordAttempt = createBatcher<Attempt, void>(async (attempts) => {
    await emails.recordAttempts(attempts)
    return attempts.map(() => undefined)
  })

  const wake = (): void => {
    if (!isOpen) return
    if (polling) pollAgain = true
    else polling = runOutsideTrace(poll)
  }

  async function poll(): Promise<void> {
    clearTimeout(timer)
    let delay = POLL_INTERVAL
    try {
      do {
        pollAgain = false
        delay = await leaseDueEmails()
      } while (pollAgain && isOpen)
    } catch (error) {
      log.warn({ err: error }, 'due e-mails cannot be leased: the worker polls again')
    }
    polling = undefined
    if (isOpen) timer = setTimeout(wake, delay)
  }

  /** Leases due e-mails and starts to deliver them. Returns the delay before the next poll, in milliseconds. */
  async function leaseDueEmails(): Promise<number> {
    if (inFlight.size > REFILL_AT) return POLL_INTERVAL // the worker polls again when few are left
    const limit = MAX_IN_FLIGHT - inFlight.size
    const at = now()
    const leased = await emails.lease(limit, randomUUID(), at, new Date(at.getTime() + lease))
    // A failover of the database may delay the response until another worker may have the e-mails.
    if (!isOpen || now().getTime() - at.getTime() > maxLeaseDelay) {
      await emails.release(leased)
      return 0
    }
    for (const email of leased) startDelivery(email)
    const nextDueAt = leased.length < limit ? await emails.nextDueAt(now()) : undefined
    return Math.min(POLL_INTERVAL, Math.max(1, (nextDueAt?.getTime() ?? Infinity) - now().getTime()))
  }

  function startDelivery(email: LeasedEmail): void {
    const work = deliver(email)
      .catch((error: unknown) =>
        log.error({ err: error, emailId: email.id }, 'the attempt was not recorded: the e-mail may be sent twice'),
      )
      .finally(() => {
        inFlight.delete(work)
        if (inFlight.size === REFILL_AT) wake()
      })
    inFlight.add(work)
  }

  /** Attempts an e-mail once, in the trace of its event. */
  const deliver = (email: LeasedEmail): Promise<void> =>
    runInSpan('email deliver', 'internal', email.traceparent ?? undefined, async () => {
      const outcome = await attemptDelivery(email)
      if (outcome.result !== 'sent' && !isOpen) return emails.release([email]) // the shutdown ended the attempt
      const at = now()
      const attempt =
        outcome.result === 'sent' ? { email, sentAt: at } : { email, retry: scheduleRetry(email, outcome, at, scale) }
      await recordWithRetries(attempt)
      const status = 'sentAt' in attempt ? 'SENT' : attempt.retry.status
      onAttempt(email, outcome, status, at)
      const { id: emailId, orderId, attempts } = email
      log.info({ emailId, orderId, attempt: attempts + 1, status, ...outcome }, 'e-mail delivery attempted')
      if (status === 'PENDING') wake() // the next poll takes its new time into account
    })

  async function attemptDelivery(email: LeasedEmail): Promise<DeliveryOutcome> {
    if (email.recipient === '') return { result: 'rejected', reason: 'its account was deleted' }
    if (!isMailboxAddress(email.recipient)) return { result: 'rejected', reason: 'not an e-mail address' }
    const link = email.account?.link
    if (link && link.expiresAt <= now()) return { result: 'rejected', reason: 'its link has expired' }
    let token: string | undefined
    try {
      token = link && (await decryptLink(link.sealed))
    } catch {
      return { result: 'deferred', reason: 'its link could not be decrypted' } // until it expires, or the secrets agree
    }
    let message: MailMessage
    try {
      message = toMailMessage(email, { domain: mailer.domain, shopUrl, token })
    } catch (error) {
      log.error({ err: error, emailId: email.id }, 'the e-mail cannot be rendered')
      return { result: 'rejected', reason: 'it could not be rendered' } // a retry would fail in the same way
    }
    return mailer.send(message)
  }

  /** Records an attempt. While the database is away, it retries every second as long as the lease is certain to hold. */
  async function recordWithRetries(attempt: Attempt): Promise<void> {
    for (let left = lease - mailer.timeout; ; left -= 1000)
      try {
        return await recordAttempt(attempt)
      } catch (error) {
        if (!isOpen || left <= 0) throw error
        await sleep(1000)
      }
  }

  return {
    /** Makes the worker poll now. Without it, due e-mails are found within 5 s. */
    wake,
    /**
     * Stops the worker. Attempts in flight have 4 s to end; e-mails that were not sent are released to other instances.
     * A release that MongoDB does not accept within 1.5 s more is left to the end of the lease.
     */
    close: async (): Promise<void> => {
      isOpen = false
      clearTimeout(timer)
      const drain = async (): Promise<void> => {
        await polling
        await Promise.all(inFlight)
      }
      await waitAtMost(drain(), DRAIN_TIMEOUT)
      mailer.close()
      await waitAtMost(drain(), RELEASE_TIMEOUT)
    },
  }
}

/**
 * Renders an e-mail as a message for the mail server, with the current trace context in its headers. No text that a
 * customer chose can add a header. `token` is what the link of an e-mail about an account carries.
 *
 * @throws Error when the e-mail cannot be rendered.
 */
export function toMailMessage(
  email: Email,
  { domain, shopUrl, token }: { domain: string; shopUrl?: string | undefined; token?: string | undefined },
): MailMessage {
  const currentTraceId = traceId()
  return {
    to: { name: toSingleLine(email.name), address: email.recipient },
    subject: email.subject,
    ...(email.account ? renderAccountEmail(email, { shopUrl, token }) : renderOrderEmail(email, shopUrl)),
    messageId: `<${toMessageId(email, domain)}>`,
    headers: {
      ...(!email.account && { 'X-Order-Id': toSingleLine(email.orderId) }),
      'Auto-Submitted': 'auto-generated',
      ...(currentTraceId !== undefined && { 'X-Trace-Id': currentTraceId, ...traceHeaders() }),
    },
  }
}
