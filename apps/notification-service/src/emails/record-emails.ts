import type { AccountEvent } from '@halles/contracts/account-events'
import type { OrderEvent, OrderView } from '@halles/contracts/order-events'
import { newId } from '@halles/mongo/ids'
import type { InsertOutcome } from '../insert-new.ts'
import { accountEmailSubject } from '../templates/account-email.ts'
import { orderEmailSubject } from '../templates/order-email.ts'
import type { AccountContent, AccountEmail, EmailBase, OrderContent, OrderEmail } from './email.ts'
import type { EmailStore } from './emails.ts'

type Deps = { emails: Pick<EmailStore, 'insert'>; now?: () => Date }

/**
 * Records an e-mail for each order event, in order. Nothing is sent here, so that a slow mail server never delays the
 * consumer.
 *
 * Each event has exactly one e-mail, however often it is delivered and whatever was consumed before it: an event that was
 * dead-lettered and redriven still describes the order as it was then. Returns one outcome for each event.
 *
 * @throws Error when the database cannot be reached: the caller then repeats the whole call.
 */
export const recordOrderEmails = (
  { emails, now = () => new Date() }: Deps,
  events: OrderEvent[],
): Promise<InsertOutcome[]> => emails.insert(events.map((event) => toOrderEmail(event, now())))

/** Records an e-mail for each account event, as `recordOrderEmails` does for orders. */
export const recordAccountEmails = (
  { emails, now = () => new Date() }: Deps,
  events: AccountEvent[],
): Promise<InsertOutcome[]> => emails.insert(events.map((event) => toAccountEmail(event, now())))

/** The e-mail about an order event, to the address that the event carries. */
function toOrderEmail(event: OrderEvent, now: Date): OrderEmail {
  const { sequence, order, customer } = event.data
  return {
    ...createPendingEmail(event, customer, now),
    subject: orderEmailSubject(order, customer.locale),
    orderId: event.subject,
    sequence,
    order: toOrderContent(order),
  }
}

/** The e-mail about an account event, to the address that the account had at that time. */
function toAccountEmail(event: AccountEvent, now: Date): AccountEmail {
  const { user } = event.data
  return {
    ...createPendingEmail(event, user, now),
    subject: accountEmailSubject(event.type, user.locale),
    account: toAccountContent(event),
  }
}

/** An e-mail without content that is due at once. */
function createPendingEmail(
  { id, time, traceparent }: Pick<OrderEvent, 'id' | 'time' | 'traceparent'>,
  recipient: OrderEvent['data']['customer'],
  now: Date,
): Omit<EmailBase, 'subject'> {
  return {
    id: newId(),
    eventId: id,
    userId: recipient.id,
    recipient: recipient.email,
    name: recipient.name,
    locale: recipient.locale,
    happenedAt: new Date(time),
    traceparent: traceparent ?? null,
    status: 'PENDING',
    resend: 0,
    attempts: 0,
    failedAttempts: 0,
    createdAt: now,
    sentAt: null,
    firstAttemptAt: now,
    nextAttemptAt: now,
    lastError: null,
  }
}

/** Copies only the fields that the templates use, so that fields of later event versions are not stored. */
const toOrderContent = ({ number, total, status, statusHistory, createdAt, items }: OrderView): OrderContent => ({
  number,
  total,
  status,
  statusHistory: statusHistory.map(({ status, timestamp }) => ({ status, timestamp })),
  createdAt,
  items: items.map(({ name, quantity, price }) => ({ name, quantity, price })),
})

const toAccountContent = ({ type, data: { user, link } }: AccountEvent): AccountContent => ({
  type,
  role: user.role,
  ...(link && { link: { sealed: link.sealed, expiresAt: new Date(link.expiresAt) } }),
})
