import { createHash } from 'node:crypto'
import type { AccountEvent, AccountEventType } from '@halles/contracts/account-events'
import type { Customer, OrderView } from '@halles/contracts/order-events'
import type { Person } from '@halles/service/person'

/** How far a letter is: to be handed over, handed over to the mail server, or given up. */
export const letterStatuses = ['PENDING', 'SENT', 'FAILED'] as const
export type LetterStatus = (typeof letterStatuses)[number]

/** What a letter tells of an order. */
export type Told = Pick<OrderView, 'number' | 'total' | 'status' | 'statusHistory' | 'createdAt'> & {
  items: Pick<OrderView['items'][number], 'name' | 'quantity' | 'price'>[]
}

/** What a letter tells of an account. */
export type AccountNews = {
  type: AccountEventType
  role: AccountEvent['data']['user']['role']
  /** What its link is to carry, sealed: opened only while the letter is being written. After its end it is no use. */
  link?: { sealed: string; expiresAt: Date }
}

/** That a letter is about an order. */
export type AboutOrder = {
  orderId: string
  /** The event's place among its order's events, from 1. */
  sequence: number
  /** The order as the event told it: the letter is written from this each time it is sent. */
  order: Told
  account?: never
}

/** That a letter is about its reader's account. */
type AboutAccount = { account: AccountNews; orderId?: never; sequence?: never; order?: never }

export type About = AboutOrder | AboutAccount

/** A letter to someone about what became of an order or of their account: one for each event. */
export type Letter = Envelope & About
export type OrderLetter = Envelope & AboutOrder

export type Envelope = {
  id: string
  /** The event that it tells of; no two letters tell of the same. */
  eventId: string
  /** Whose letter it is: the customer who ordered, or whose account it is. */
  userId: string
  recipient: string
  /** What they are called. */
  name: string
  locale: Customer['locale']
  subject: string
  /** When it happened. */
  happenedAt: Date
  /** The trace that the event belongs to. */
  traceparent: string | null
  status: LetterStatus
  /** 0 for the letter itself, n for the nth time that an admin had it sent again. */
  copy: number
  /** How often its delivery was tried, copies included. */
  attempts: number
  /** How many tries of this copy were in vain. */
  failures: number
  createdAt: Date
  /** When it was last handed over. */
  sentAt: Date | null
  /** Since when this copy is tried: a day later it is given up. */
  since: Date
  nextAttemptAt: Date
  /** Why the last try was in vain, in our words. */
  lastError: string | null
}

/** What a try came to. `refused` is for good (the mail server's 5xx), `later` is worth another try. */
export type Outcome = { result: 'sent' } | { result: 'later' | 'refused'; reason: string }

/** Whose letters someone may see: everyone's (undefined) for an admin, else their own. */
export const ownerFor = (person: Person): string | undefined => (person.role === 'admin' ? undefined : person.id)

const FIRST_PAUSE = 10_000
const LONGEST_PAUSE = 60 * 60_000
const TRIED_FOR = 24 * 60 * 60_000

/**
 * The pause after so many failures in a row, in milliseconds: 10 s, doubled each time, an hour at most; half of it is
 * left to chance, so that letters which failed together do not come back together.
 */
export function pauseAfter(failures: number, scale: number, random: () => number = Math.random): number {
  const pause = Math.min(FIRST_PAUSE * 2 ** (failures - 1), LONGEST_PAUSE)
  return pause * scale * (0.5 + random() / 2)
}

export type Setback = Pick<Letter, 'status' | 'failures' | 'nextAttemptAt' | 'lastError'>

/**
 * What a letter is after a try in vain: pending with its next try, or failed for good, because it was refused or because
 * it has been tried for a day. `scale` multiplies both times.
 */
export function setback(
  letter: Pick<Letter, 'failures' | 'since'>,
  { result, reason }: Exclude<Outcome, { result: 'sent' }>,
  now: Date,
  scale: number,
): Setback {
  const failures = letter.failures + 1
  const nextAttemptAt = new Date(now.getTime() + pauseAfter(failures, scale))
  const tooLate = nextAttemptAt.getTime() - letter.since.getTime() > TRIED_FOR * scale
  const status = result === 'refused' || tooLate ? 'FAILED' : 'PENDING'
  return { status, failures, nextAttemptAt, lastError: reason }
}

/**
 * The Message-ID of a letter, without angle brackets: its event's id, so that a repeat is recognised as one; a copy that
 * an admin asked for is another message, `<event id>.<n>`. `domain` is the sender's.
 */
export function messageIdOf({ eventId, copy }: Pick<Letter, 'eventId' | 'copy'>, domain: string): string {
  // Ids of ours are UUIDs. Another's may hold what a Message-ID may not (RFC 5322, dot-atom): its digest stands for it.
  const fits = eventId.length <= 100 && /^[\w-]+(\.[\w-]+)*$/.test(eventId)
  const left = fits ? eventId : createHash('sha256').update(eventId).digest('hex')
  return `${left}${copy > 0 ? `.${copy}` : ''}@${domain}`
}

/** Whether an address names one mailbox, and nothing that a header or an SMTP command could take for more. */
export const isMailable = (address: string): boolean =>
  address.length <= 254 && /^[^\s@<>()[\]\\,;:"\p{Cc}]+@[^\s@<>()[\]\\,;:"\p{Cc}]+$/u.test(address)

/** Text that fits on one line of a header: characters that control, break lines or turn the direction become spaces. */
export const oneLine = (text: string): string =>
  text
    .replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]+/gu, ' ')
    .replaceAll(/\s+/g, ' ')
    .trim()
