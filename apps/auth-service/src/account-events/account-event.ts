import type { AccountDeletion } from '@halles/contracts/account-deletions'
import type { AccountEvent, AccountEventType } from '@halles/contracts/account-events'
import { newId } from '@halles/mongo/ids'
import { traceHeaders } from '@halles/telemetry/trace'
import type { User } from '../accounts/user.ts'

/** An event that is stored in its account's document and not yet published. */
export type PendingEvent = {
  id: string
  type: AccountEventType | 'account.deleted'
  at: Date
  /** The earliest time of publication. Without it the event is due at once. */
  from?: Date
  /** The recipient of the e-mail about the event, if that is not the account's current address. */
  to?: string
  traceparent?: string
  /** The encrypted token of the link in the e-mail about the event. */
  link?: { sealed: string; expiresAt: Date }
}

/** The most pending events that an account keeps while Kafka is unavailable. The oldest ones are dropped. */
export const MAX_PENDING_EVENTS = 20

export const createPendingEvent = (type: PendingEvent['type'], at: Date): PendingEvent => ({
  id: newId(),
  type,
  at,
  ...traceHeaders(),
})

/** The part of an update that stores an event together with the change that it describes (transactional outbox). */
export const appendEvent = (event: PendingEvent) => ({
  $push: { unpublished: { $each: [event], $slice: -MAX_PENDING_EVENTS } },
})

/**
 * Returns a function that builds `appendEvent` for a new event, or an empty update when this deployment publishes no
 * events.
 */
export const createEventAppender = (publishesEvents: boolean) => (type: AccountEventType, at: Date) =>
  publishesEvents ? appendEvent(createPendingEvent(type, at)) : {}

/** Converts a pending event of a user to the CloudEvents message of its topic. */
export function toCloudEvent(
  user: User,
  { id, type, at, to, traceparent, link }: PendingEvent,
): AccountEvent | AccountDeletion {
  const { name, email, locale, role } = user
  const attributes = {
    specversion: '1.0',
    id,
    source: '/auth-service',
    subject: user.id,
    time: at.toISOString(),
    datacontenttype: 'application/json',
    ...(traceparent !== undefined && { traceparent }),
  } as const
  if (type === 'account.deleted') return { ...attributes, type, data: { user: { id: user.id } } }
  return {
    ...attributes,
    type,
    data: {
      user: { id: user.id, name, email: to ?? email, locale, role },
      ...(link && { link: { sealed: link.sealed, expiresAt: link.expiresAt.toISOString() } }),
    },
  }
}
