import { ClosedObject, Timestamp, Nullable, PageQuery } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'

/** The kinds of events in the security log. */
const kinds = [
  'registration',
  'sign-in',
  'throttled',
  'sign-out',
  'sessions-ended',
  'refresh-reused',
  'password-changed',
  'password-reset',
  'email-verified',
  'email-changed',
  'profile-changed',
  'role-changed',
  'deactivated',
  'reactivated',
  'account-deleted',
  'signing-key-revoked',
] as const

const outcomes = ['done', 'refused'] as const

/** An event about an account. It contains no secret, no e-mail address and no IP address. */
export type SecurityEvent = {
  id: string
  at: Date
  what: (typeof kinds)[number]
  outcome: (typeof outcomes)[number]
  /** The user whose account it is; null when there is none. */
  userId: string | null
  /** The user who acted; null when the actor was not signed in. */
  byId: string | null
  sessionId: string | null
  /** A keyed hash of the client subnet: equal for all events from one subnet, which it does not reveal. */
  place: string
  traceId: string | null
}

/** Input of `readSecurityLog`. */
export const EventSearch = ClosedObject({
  ...PageQuery,
  userId: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'Only events about this user' })),
})
export type EventSearch = Static<typeof EventSearch>

/** A security event in REST responses. */
export const EventView = Type.Object(
  {
    id: Type.String(),
    at: Timestamp,
    what: Type.Enum([...kinds]),
    outcome: Type.Enum([...outcomes]),
    userId: Nullable(Type.String()),
    byId: Nullable(Type.String()),
    sessionId: Nullable(Type.String()),
    place: Type.String({
      description: 'A keyed hash: equal for all events from one client subnet, which it does not reveal',
    }),
    traceId: Nullable(Type.String()),
  },
  { title: 'SecurityEvent' },
)

export const toEventView = (event: SecurityEvent): Static<typeof EventView> => ({
  ...event,
  at: event.at.toISOString(),
})
