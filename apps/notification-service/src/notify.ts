import type { AccountEvent } from '@halles/contracts/account-events'
import type { OrderEvent, OrderView } from '@halles/contracts/order-events'
import { newId } from '@halles/service/ids'
import type { AccountNews, Envelope, Letter, Told } from './letter.ts'
import type { Kept } from './keep-new.ts'
import type { Letters } from './letters.ts'
import { accountSubjectFor } from './write-account-letter.ts'
import { subjectFor } from './write-letter.ts'

type Helpers = { letters: Pick<Letters, 'add'>; now?: () => Date }

/**
 * Records events as letters to send, in order: nothing is sent here, so that a slow mail server never holds up the topic.
 *
 * Each event gets one letter, however often it comes and whatever was heard before it: an event that was parked and is
 * sent again tells of what happened then. Answers for each; rejects when the database cannot be reached: then all of
 * them are to come again.
 */
export const notify = ({ letters, now = () => new Date() }: Helpers, events: OrderEvent[]): Promise<Kept[]> =>
  letters.add(events.map((event) => letterFor(event, now())))

/** Records what became of accounts in the same way. */
export const notifyOfAccounts = (
  { letters, now = () => new Date() }: Helpers,
  events: AccountEvent[],
): Promise<Kept[]> => letters.add(events.map((event) => accountLetterFor(event, now())))

/** The letter that an event asks for, to be sent at once. It goes to the customer as the order knows them. */
function letterFor(event: OrderEvent, now: Date): Letter {
  const { sequence, order, customer } = event.data
  return {
    ...unsent(event, customer, now),
    subject: subjectFor(order, customer.locale),
    orderId: event.subject,
    sequence,
    order: toldOf(order),
  }
}

/** The letter that an event asks for. It goes to the address that the account had then. */
function accountLetterFor(event: AccountEvent, now: Date): Letter {
  const { user } = event.data
  return {
    ...unsent(event, user, now),
    subject: accountSubjectFor(event.type, user.locale),
    account: newsOf(event),
  }
}

/** A letter about an event that nobody has tried yet. */
function unsent(
  { id, time, traceparent }: Pick<OrderEvent, 'id' | 'time' | 'traceparent'>,
  to: OrderEvent['data']['customer'],
  now: Date,
): Omit<Envelope, 'subject'> {
  return {
    id: newId(),
    eventId: id,
    userId: to.id,
    recipient: to.email,
    name: to.name,
    locale: to.locale,
    happenedAt: new Date(time),
    traceparent: traceparent ?? null,
    status: 'PENDING',
    copy: 0,
    attempts: 0,
    failures: 0,
    createdAt: now,
    sentAt: null,
    since: now,
    nextAttemptAt: now,
    lastError: null,
  }
}

/** What the letter needs of an order, and nothing that a later version may have added. */
const toldOf = ({ number, total, status, statusHistory, createdAt, items }: OrderView): Told => ({
  number,
  total,
  status,
  statusHistory: statusHistory.map(({ status, timestamp }) => ({ status, timestamp })),
  createdAt,
  items: items.map(({ name, quantity, price }) => ({ name, quantity, price })),
})

const newsOf = ({ type, data: { user, link } }: AccountEvent): AccountNews => ({
  type,
  role: user.role,
  ...(link && { link: { sealed: link.sealed, expiresAt: new Date(link.expiresAt) } }),
})
