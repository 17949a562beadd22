import { Closed, Moment, Nullable, PageQuery } from '@halles/service/schema'
import { Type, type Static } from 'typebox'

/** What the security log keeps. */
const whats = [
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
  'role-changed',
  'deactivated',
  'reactivated',
  'account-deleted',
] as const
export type What = (typeof whats)[number]

const outcomes = ['done', 'refused'] as const

/** Something that happened to an account. There is no secret in it, and no address of a person or a computer. */
export type SecurityEvent = {
  id: string
  at: Date
  what: What
  outcome: (typeof outcomes)[number]
  /** Whose account; null when there is none. */
  userId: string | null
  /** Who did it; null when no one was signed in. */
  byId: string | null
  sessionId: string | null
  /** The same for all that came from one place; from where cannot be read from it. */
  place: string
  traceId: string | null
}

/** Which part of the log an admin wants. */
export const EventSearch = Closed({
  ...PageQuery,
  userId: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'Only what happened to this user' })),
})
export type EventSearch = Static<typeof EventSearch>

/** An event as REST answers it. */
export const EventView = Type.Object(
  {
    id: Type.String(),
    at: Moment,
    what: Type.Enum([...whats]),
    outcome: Type.Enum([...outcomes]),
    userId: Nullable(Type.String()),
    byId: Nullable(Type.String()),
    sessionId: Nullable(Type.String()),
    place: Type.String({ description: 'The same for all that came from one place, which cannot be read from it' }),
    traceId: Nullable(Type.String()),
  },
  { title: 'SecurityEvent' },
)

export const eventView = (event: SecurityEvent): Static<typeof EventView> => ({ ...event, at: event.at.toISOString() })
