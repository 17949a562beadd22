import { accountActions, type AccountRequest, type RunLog } from '../run-log.ts'
import type { AccountEmailSnapshot } from '../shop-inspector.ts'
import { isInMailbox } from '../faults/mail-server.ts'
import { eventIdOf } from './email-invariants.ts'
import { formatTime, type Invariant } from './invariant.ts'

/** Invariants between what owners did with their accounts, and the e-mails about it. */
export const accountInvariants: readonly Invariant[] = [
  {
    rule: 'account-email-lost',
    *find({ runLog, snapshot }) {
      const stored = Map.groupBy(snapshot.accountEmailDetails, ({ recipient, type }) => toPair(recipient, type))
      for (const [pair, requests] of groupByPair(runLog.accountRequests)) {
        const required = requests.filter(({ outcome }) => outcome.kind === 'success').filter(isStillDue(runLog))
        const found = stored.get(pair)?.length ?? 0
        if (found < required.length)
          yield {
            subject: `${pair} (${requests[0]!.account})`,
            expected: `${required.length} e-mails, for ${describeRequests(required)}`,
            found: `${found}`,
          }
      }
    },
  },
  {
    rule: 'account-email-doubled',
    *find({ runLog, snapshot }) {
      const namesById = new Map([...runLog.userIds].map(([name, id]) => [id, name]))
      const requestsByOwner = Map.groupBy(runLog.accountRequests, ({ account, action }) =>
        toPair(account, accountActions[action]),
      )
      // The addresses of a deleted account are erased, so e-mails are counted by account.
      for (const [owner, emails] of Map.groupBy(snapshot.accountEmailDetails, ({ userId, type }) =>
        toPair(namesById.get(userId) ?? userId, type),
      )) {
        if (!namesById.has(emails[0]!.userId)) continue
        const requests = (requestsByOwner.get(owner) ?? []).filter(
          ({ outcome, recipient }) => outcome.kind !== 'rejected' && recipient !== undefined,
        )
        if (emails.length > requests.length)
          yield {
            subject: owner,
            expected: `at most ${requests.length} e-mails, for ${describeRequests(requests)}`,
            found: emails.map(({ eventId, happenedAt }) => `${eventId} of ${happenedAt.toISOString()}`).join(', '),
          }
      }
    },
  },
  {
    rule: 'account-email-misdirected',
    *find({ runLog, snapshot, receivedEmails }) {
      const requested = groupByPair(runLog.accountRequests)
      const types = new Map(snapshot.accountEmailDetails.map(({ eventId, type }) => [eventId, type]))
      for (const { messageId, orderId, to, at } of receivedEmails) {
        const type = types.get(eventIdOf(messageId))
        if (orderId !== '' || type === undefined) continue
        if (to.length !== 1 || !requested.has(toPair(to[0]!, type)))
          yield {
            subject: `message ${messageId} about ${type} at ${formatTime(at)}`,
            expected: 'sent to an address for which it was requested',
            found: to.join(', '),
          }
      }
    },
  },
  {
    rule: 'email-to-deleted-account',
    *find({ runLog, snapshot, receivedEmails }) {
      const emails = new Map(snapshot.accountEmailDetails.map((email) => [email.eventId, email]))
      const byUser = Map.groupBy(snapshot.accountEmailDetails, ({ userId }) => userId)
      for (const { account, action, outcome, from, to } of runLog.accountRequests) {
        if (action !== 'delete account' || outcome.kind !== 'success') continue
        const userId = runLog.userIds.get(account)!
        for (const { eventId, recipient, createdAt } of byUser.get(userId) ?? [])
          if (recipient !== '' && createdAt.getTime() < from)
            yield {
              subject: `e-mail about event ${eventId} (${account})`,
              expected: `without an address, as the account was deleted at ${formatTime(to)}`,
              found: recipient,
            }
        for (const { messageId, at } of receivedEmails.filter(isInMailbox)) {
          const email = emails.get(eventIdOf(messageId))
          if (email?.userId === userId && email.happenedAt.getTime() > to)
            yield {
              subject: `message ${messageId} at ${formatTime(at)} (${account})`,
              expected: `none about an event after the account was deleted at ${formatTime(to)}`,
              found: `${email.type} of ${email.happenedAt.toISOString()}`,
            }
        }
      }
    },
  },
]

const toPair = (recipientOrAccount: string, type: AccountEmailSnapshot['type'] | undefined): string =>
  `${type ?? 'no e-mail'} for ${recipientOrAccount}`

/** The requests that lead to e-mails, by address and type, without those that were rejected. */
const groupByPair = (requests: readonly AccountRequest[]): Map<string, AccountRequest[]> =>
  Map.groupBy(
    requests.filter(({ recipient, outcome }) => recipient !== undefined && outcome.kind !== 'rejected'),
    ({ recipient, action }) => toPair(recipient!, accountActions[action]),
  )

/** What makes an e-mail that was requested before undue, if its outcome is not certainly negative. */
const ending = new Set<string>(['delete account', 'change e-mail'])

/**
 * Whether the e-mail for a request must exist. A later deletion erases what was not sent, and a link that was requested for
 * an address is not issued when the account has another address by then.
 */
const isStillDue =
  ({ accountRequests }: RunLog) =>
  ({ account, action, to }: AccountRequest): boolean =>
    !accountRequests.some(
      (later) =>
        later.account === account &&
        later.to > to &&
        later.outcome.kind !== 'rejected' &&
        ending.has(later.action) &&
        (later.action === 'delete account' || /^(register|request verification|request password reset)$/.test(action)),
    )

const describeRequests = (requests: readonly AccountRequest[]): string =>
  requests.map(({ action, outcome, to }) => `${action} at ${formatTime(to)} (${outcome.kind})`).join(', ') ||
  'no request'
