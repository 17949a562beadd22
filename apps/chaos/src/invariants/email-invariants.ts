import type { InjectedFault } from '../faults/fault-injector.ts'
import { isInMailbox } from '../faults/mail-server.ts'
import type { RunSnapshot } from '../shop-inspector.ts'
import { formatTime, type Invariant } from './invariant.ts'

/** Invariants between the e-mails of notification-service, about orders and about accounts, and the mailbox. */
export const emailInvariants: readonly Invariant[] = [
  {
    rule: 'email-not-delivered',
    *find({ snapshot, receivedEmails, runLog }) {
      const delivered = Map.groupBy(receivedEmails.filter(isInMailbox), ({ messageId }) => eventIdOf(messageId))
      for (const email of listEmails(snapshot)) {
        const received = delivered.get(email.eventId) ?? []
        const subject = `e-mail ${email._id} about event ${email.eventId}`
        if (email.status === 'PENDING') yield { subject, expected: 'SENT or FAILED', found: 'PENDING' }
        if (email.status === 'SENT' && !received.some(({ result }) => result === 'accepted'))
          yield { subject, expected: 'accepted by the mail server, as it is SENT', found: JSON.stringify(received) }
        const misdirected = received.find(
          // The recipient of a deleted account is erased.
          ({ to, orderId }) => (to.join() !== email.recipient && email.recipient !== '') || orderId !== email.orderId,
        )
        if (misdirected)
          yield {
            subject,
            expected: `to ${email.recipient}, about ${email.orderId ? `order ${email.orderId}` : 'an account'}`,
            found: `to ${misdirected.to.join()}, about ${misdirected.orderId || 'an account'}`,
          }
        const requests = runLog.resendEmailRequests.filter(
          ({ emailId, outcome }) => emailId === email._id && outcome.kind !== 'rejected',
        )
        const resent = snapshot.resendCounts.get(email._id) ?? 0
        if (resent > requests.length)
          yield { subject, expected: `resent at most ${requests.length} times`, found: `${resent}` }
      }
    },
  },
  {
    rule: 'email-without-record',
    *find({ snapshot, receivedEmails }) {
      const emails = new Map(listEmails(snapshot).map((email) => [email.eventId, email]))
      for (const { messageId, at } of receivedEmails.filter(isInMailbox)) {
        const email = emails.get(eventIdOf(messageId))
        const resent = email ? (snapshot.resendCounts.get(email._id) ?? 0) : 0
        if (!email || resendNumberOf(messageId) > resent)
          yield {
            subject: `message ${messageId} at ${formatTime(at)}`,
            expected: 'a stored e-mail',
            found: email ? `resent only ${resent} times` : 'none',
          }
      }
    },
  },
  {
    rule: 'email-delivered-twice',
    *find({ receivedEmails, injected, snapshot }) {
      const attempts = new Map(
        [...snapshot.emails, ...snapshot.accountEmails].map((email) => [email.eventId, email.attempts]),
      )
      for (const [eventId, delivered] of Map.groupBy(receivedEmails.filter(isInMailbox), ({ messageId }) =>
        eventIdOf(messageId),
      )) {
        const repeats = [...Map.groupBy(delivered, ({ messageId }) => messageId).values()].flatMap((all) =>
          all.slice(1).map((repeated, i) => ({ previous: all[i]!, repeated })),
        )
        const unexplained = repeats.filter(
          ({ previous, repeated }) =>
            previous.result !== 'unconfirmed' &&
            !injected.some((fault) => mayCauseDuplicate(fault, previous.at, repeated.at)),
        )
        // An attempt that was stored as failed explains one more delivery: on a busy machine it may time out before the mail
        // server's confirmation is read.
        const unstored = delivered.length - (attempts.get(eventId) ?? 0)
        if (unstored <= repeats.length - unexplained.length) continue
        for (const { previous, repeated } of unexplained)
          yield {
            subject: `message ${repeated.messageId}`,
            expected: 'delivered once, as no fault was injected around it and no attempt has failed',
            found: `accepted at ${formatTime(previous.at)} and again at ${formatTime(repeated.at)}`,
          }
      }
    },
  },
  {
    rule: 'email-failed-without-rejection',
    *find({ snapshot, receivedEmails }) {
      const rejected = new Set(
        receivedEmails.filter(({ result }) => result === 'rejected').map(({ messageId }) => eventIdOf(messageId)),
      )
      for (const { _id, eventId, status, recipient } of listEmails(snapshot))
        // Those of a deleted account are given up.
        if (status === 'FAILED' && recipient !== '' && !rejected.has(eventId))
          yield {
            subject: `e-mail ${_id} about event ${eventId}`,
            expected: 'not FAILED, as the mail server sent no 5xx',
            found: status,
          }
    },
  },
]

/** The e-mails about orders and about accounts; the latter have an empty order id, as messages have. */
const listEmails = ({ emails, accountEmailDetails }: RunSnapshot) => [
  ...emails,
  ...accountEmailDetails.map((email) => ({ ...email, orderId: '' })),
]

/**
 * The id of the event that a message is about, which its Message-ID begins with: `<order id>.<sequence>[.<resend>]@<domain>`
 * about an order, `<event id>@<domain>` about an account. Admins of the load resend e-mails about orders only.
 */
export const eventIdOf = (messageId: string): string => messageId.replace(/@.*$/, '').split('.').slice(0, 2).join('.')

const resendNumberOf = (messageId: string): number => Number(messageId.replace(/@.*$/, '').split('.')[2] ?? 0)

/**
 * Whether a fault may be the cause of a second delivery: it kept notification-service from reading the confirmation of the
 * first, or from storing it. Times in milliseconds since 1970.
 */
const mayCauseDuplicate = ({ what, on, began, ended = Infinity }: InjectedFault, first: number, second: number) =>
  (/^(notification|mongodb)/.test(on) || what === 'hang') && began <= second && ended >= first - 2000
