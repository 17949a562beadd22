import { createHash } from 'node:crypto'
import type { AccountEvent, AccountEventType } from '@halles/contracts/account-events'
import type { Customer, OrderView } from '@halles/contracts/order-events'
import type { Principal } from '@halles/auth/principal'

/** The delivery status of an e-mail: due or waiting for a retry, accepted by the mail server, or given up. */
export const emailStatuses = ['PENDING', 'SENT', 'FAILED'] as const
export type EmailStatus = (typeof emailStatuses)[number]

/** The fields of an order that the templates use, as the event carried them. */
export type OrderContent = Pick<OrderView, 'number' | 'total' | 'status' | 'statusHistory' | 'createdAt'> & {
  items: Pick<OrderView['items'][number], 'name' | 'quantity' | 'price'>[]
}

/** The fields of an account event that the templates use. */
export type AccountContent = {
  type: AccountEventType
  role: AccountEvent['data']['user']['role']
  /** The token of the link, encrypted as the event carried it. It is decrypted only to render the e-mail. */
  link?: { sealed: string; expiresAt: Date }
}

/** An outgoing e-mail. Each event has exactly one. Clients know it as a notification. */
export type Email = OrderEmail | AccountEmail

/** An e-mail about an order, for the customer who placed it. */
export type OrderEmail = EmailBase & {
  orderId: string
  /** The position of the event among the events of its order, from 1. */
  sequence: number
  /** The order as the event described it. Each delivery attempt renders the e-mail from it. */
  order: OrderContent
  account?: never
}

/** An e-mail about the recipient's own account. */
export type AccountEmail = EmailBase & { account: AccountContent; orderId?: never; sequence?: never; order?: never }

/** What e-mails about orders and about accounts have in common. */
export type EmailBase = {
  id: string
  /** The id of the event. It is unique among e-mails. */
  eventId: string
  /** The owner: the customer who placed the order, or the holder of the account. */
  userId: string
  /** The e-mail address. It is empty once the account has been deleted. */
  recipient: string
  /** The recipient's name. It is empty once the account has been deleted. */
  name: string
  locale: Customer['locale']
  subject: string
  /** The time of the event. */
  happenedAt: Date
  /** The W3C trace context of the event. */
  traceparent: string | null
  status: EmailStatus
  /** 0 for the original message, n for the nth resend that an admin requested. */
  resend: number
  /** The number of delivery attempts, resends included. */
  attempts: number
  /** The number of failed attempts since the last resend. */
  failedAttempts: number
  createdAt: Date
  /** When the mail server last accepted it. */
  sentAt: Date | null
  /** When attempts of this resend became due for the first time. The retry window starts here. */
  firstAttemptAt: Date
  nextAttemptAt: Date
  /** Why the last attempt failed, in a few words of ours. */
  lastError: string | null
}

/** The result of a delivery attempt. `rejected` is permanent (SMTP 5xx); `deferred` is worth a retry. */
export type DeliveryOutcome = { result: 'sent' } | { result: 'deferred' | 'rejected'; reason: string }

/** The owner to whose e-mails a reader is limited: undefined (no limit) for an admin, else the reader. */
export const ownerScope = (principal: Principal): string | undefined =>
  principal.role === 'admin' ? undefined : principal.id

const FIRST_RETRY_DELAY = 10_000
const MAX_RETRY_DELAY = 60 * 60_000
const RETRY_WINDOW = 24 * 60 * 60_000

/**
 * The delay before the next attempt, in milliseconds: exponential backoff from 10 s to an hour with equal jitter
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), so that e-mails that failed together are
 * not retried together. `scale` multiplies it.
 */
export function retryDelay(failedAttempts: number, scale: number, random: () => number = Math.random): number {
  const delay = Math.min(FIRST_RETRY_DELAY * 2 ** (failedAttempts - 1), MAX_RETRY_DELAY)
  return delay * scale * (0.5 + random() / 2)
}

/** The fields of an e-mail that a failed attempt changes. */
export type RetryState = Pick<Email, 'status' | 'failedAttempts' | 'nextAttemptAt' | 'lastError'>

/**
 * The state of an e-mail after a failed attempt: `PENDING` with its next attempt, or `FAILED` when it was rejected or its
 * retry window of a day has ended. `scale` multiplies both times.
 */
export function scheduleRetry(
  email: Pick<Email, 'failedAttempts' | 'firstAttemptAt'>,
  { result, reason }: Exclude<DeliveryOutcome, { result: 'sent' }>,
  now: Date,
  scale: number,
): RetryState {
  const failedAttempts = email.failedAttempts + 1
  const nextAttemptAt = new Date(now.getTime() + retryDelay(failedAttempts, scale))
  const windowHasEnded = nextAttemptAt.getTime() - email.firstAttemptAt.getTime() > RETRY_WINDOW * scale
  const status = result === 'rejected' || windowHasEnded ? 'FAILED' : 'PENDING'
  return { status, failedAttempts, nextAttemptAt, lastError: reason }
}

/**
 * The Message-ID of an e-mail, without angle brackets. It derives from the event id, so that mail systems recognise a
 * repeated delivery as the same message; a resend is another message, `<event id>.<n>`. `domain` is the sender's.
 */
export function toMessageId({ eventId, resend }: Pick<Email, 'eventId' | 'resend'>, domain: string): string {
  // Our event ids are UUIDs. Another producer's id may not be a dot-atom (RFC 5322): its digest replaces it.
  const isDotAtom = eventId.length <= 100 && /^[\w-]+(\.[\w-]+)*$/.test(eventId)
  const localPart = isDotAtom ? eventId : createHash('sha256').update(eventId).digest('hex')
  return `${localPart}${resend > 0 ? `.${resend}` : ''}@${domain}`
}

/** Whether an address names exactly one mailbox, and holds nothing that a header or an SMTP command would interpret. */
export const isMailboxAddress = (address: string): boolean =>
  address.length <= 254 && /^[^\s@<>()[\]\\,;:"\p{Cc}]+@[^\s@<>()[\]\\,;:"\p{Cc}]+$/u.test(address)

/** Text for one line or one header: control characters, line breaks and bidirectional controls become spaces. */
export const toSingleLine = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
