import { describeEvent } from './event-rules.ts'
import type { Rule } from './snapshot-index.ts'
import type { AccountEmail, Event, Email } from './snapshot.ts'

/** A pending e-mail is stuck when one that is younger by this many milliseconds was sent before it. */
const OVERTAKEN_AFTER = 60_000

/** Rules about e-mails. They are read before the topics, so the event of each e-mail is among the messages read. */
export const emailRules: Rule[] = [
  {
    name: 'email-missing',
    why: 'The customer gets an e-mail about every event, unless the event was dead-lettered.',
    *find({ eventsById, emailsByEvent, isDeadLettered, isDue }) {
      for (const [id, messages] of eventsById) {
        const processed = messages.find((event) => !isDeadLettered(event))
        if (processed && !emailsByEvent.has(id) && isDue(processed.timestamp))
          yield { subject: describeEvent(processed), expected: 'an e-mail', found: 'none' }
      }
    },
  },
  {
    name: 'email-duplicate',
    why: 'No customer gets two e-mails about one event.',
    *find({ emails, accountEmails, emailsByEvent }) {
      const bySequence = Map.groupBy(emails, ({ orderId, sequence }) => `event ${sequence} of order ${orderId}`)
      const byAccountEvent = Map.groupBy(accountEmails, ({ eventId }) => eventId)
      const all = [...prefixKeys('event', emailsByEvent), ...bySequence, ...prefixKeys('account event', byAccountEvent)]
      for (const [subject, sameEvent] of all)
        if (sameEvent.length > 1)
          yield { subject, expected: 'one e-mail', found: sameEvent.map(({ _id }) => _id).join(', ') }
    },
  },
  {
    name: 'email-without-event',
    why: 'An e-mail reports an event, so the event must exist.',
    *find({ emails, eventById, isRetained }) {
      for (const email of emails)
        if (!eventById.has(email.eventId) && isRetained(email.orderId, email.happenedAt))
          yield { subject: describeEmail(email), expected: `event ${email.eventId} on order-events`, found: 'none' }
    },
  },
  {
    name: 'email-content',
    why: 'An e-mail goes to the customer of the order and reports the status of its event.',
    *find({ emails, eventById, orderById }) {
      for (const email of emails) {
        const event = eventById.get(email.eventId)
        const recipient = orderById.get(email.orderId)?.customer.email
        if (event && describeEmailStatus(email) !== describeEventStatus(event))
          yield {
            subject: describeEmail(email),
            expected: describeEventStatus(event),
            found: describeEmailStatus(email),
          }
        // When the customer's account is deleted, order and e-mail are erased at slightly different times.
        else if (recipient && email.recipient !== '' && email.recipient !== recipient)
          yield { subject: describeEmail(email), expected: 'to the customer of the order', found: 'to another address' }
      }
    },
  },
  {
    name: 'email-stuck',
    why: 'A pending e-mail is sent when it is due. A long queue takes time, but this one is due and not leased, and either no e-mail is being sent or younger ones were sent.',
    *find({ emails: orderEmails, accountEmails, overdueBefore, isQuiet }) {
      const emails = [...orderEmails, ...accountEmails]
      const sent = emails.filter(({ status }) => status === 'SENT')
      const newest = latest(sent.map(({ firstAttemptAt }) => firstAttemptAt))
      const isIdle = isQuiet || latest(sent.map(({ sentAt }) => sentAt)) < overdueBefore.getTime()
      for (const email of emails) {
        const { status, nextAttemptAt, leaseUntil } = email
        if (status !== 'PENDING' || nextAttemptAt >= overdueBefore || (leaseUntil && leaseUntil >= overdueBefore))
          continue
        if (isIdle || newest > nextAttemptAt.getTime() + OVERTAKEN_AFTER)
          yield {
            subject: describeEmail(email),
            expected: 'sent, leased, or scheduled for later',
            found: `due since ${nextAttemptAt.toISOString()}`,
          }
      }
    },
  },
]

const latest = (times: (Date | null)[]): number => times.reduce((latest, at) => Math.max(latest, at?.getTime() ?? 0), 0)

const describeEmail = ({ _id }: Email | AccountEmail): string => `email ${_id}`
const describeEmailStatus = ({ orderId, sequence, order }: Email): string =>
  `${order.status}, event ${sequence} of order ${orderId}`
const describeEventStatus = ({ orderId, sequence, content }: Event): string =>
  `${content.status}, event ${sequence} of order ${orderId}`

function* prefixKeys<T>(prefix: string, map: Map<string, T>): Iterable<[string, T]> {
  for (const [key, value] of map) yield [`${prefix} ${key}`, value]
}
