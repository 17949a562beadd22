import type { OrderEvent, OrderView } from '@halles/contracts/order-events'
import { newId } from '@halles/service/ids'
import type { Letter, Told } from './letter.ts'
import type { Kept, Letters } from './letters.ts'
import { subjectFor } from './write-letter.ts'

type Helpers = { letters: Pick<Letters, 'lastHeard' | 'add'>; now?: () => Date }

/**
 * Records events as letters to send, in order: nothing is sent here, so that a slow mail server never holds up the topic.
 *
 * An event may come again, and then makes no second letter. Of one order's events only those go on that are later than
 * all heard before: a letter never tells of a status that is no longer so.
 *
 * Answers for each event, in order; `known` too for one that is older than what was heard. Rejects when the database
 * cannot be reached: then all of them are to come again.
 */
export async function notify({ letters, now = () => new Date() }: Helpers, events: OrderEvent[]): Promise<Kept[]> {
  const heard = await letters.lastHeard([...new Set(events.map(({ subject }) => subject))])
  const answers: Kept[] = events.map(() => 'known')
  const fresh: { at: number; letter: Letter }[] = []
  for (const [at, event] of events.entries()) {
    if (event.data.sequence <= (heard.get(event.subject) ?? 0)) continue
    heard.set(event.subject, event.data.sequence)
    fresh.push({ at, letter: letterFor(event, now()) })
  }
  const kept = await letters.add(fresh.map(({ letter }) => letter))
  for (const [i, { at }] of fresh.entries()) answers[at] = kept[i]!
  return answers
}

/** The letter that an event asks for, to be sent at once. It goes to the customer as the order knows them. */
function letterFor({ id, subject, time, traceparent, data }: OrderEvent, now: Date): Letter {
  const { sequence, order, customer } = data
  return {
    id: newId(),
    eventId: id,
    orderId: subject,
    sequence,
    userId: customer.id,
    recipient: customer.email,
    name: customer.name,
    locale: customer.locale,
    subject: subjectFor(order, customer.locale),
    order: toldOf(order),
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
