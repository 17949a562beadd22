import { ClosedObject, Timestamp, Nullable, PageQuery } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'
import { toUserView, UserView, type User } from '../accounts/user.ts'

/** A session as its start or refresh returns it. `expiresIn` is the access token's lifetime in seconds. */
export type Session = { user: User; accessToken: string; refreshToken: string; expiresIn: number }

/** How many open sessions an account may have. The oldest ends when another one starts. */
export const MAX_SESSIONS = 100

/**
 * How long a used refresh token is still answered with the same successor, in milliseconds, because two tabs may refresh at
 * once, or a response may be lost. After that the token counts as stolen.
 */
export const ROTATION_GRACE_PERIOD = 10_000

/** Input of `refreshSession` and `logOut`. */
export const RefreshTokenInput = ClosedObject(
  { refreshToken: Type.String({ minLength: 1, maxLength: 512 }) },
  { title: 'RefreshTokenInput' },
)

/** A session in REST responses. */
export const SessionView = Type.Object(
  {
    user: UserView,
    accessToken: Type.String({ description: 'A JWT, for the header `Authorization: Bearer …`' }),
    refreshToken: Type.Optional(Type.String({ description: 'For one use; absent when the cookie contains it' })),
    tokenType: Type.Literal('Bearer'),
    expiresIn: Type.Integer({ description: "The access token's lifetime in seconds" }),
  },
  { title: 'Session' },
)

/** Converts a session for a REST response, without the refresh token when a cookie contains it. */
export const toSessionView = (
  { user, accessToken, refreshToken, expiresIn }: Session,
  inCookie: boolean,
): Static<typeof SessionView> => ({
  user: toUserView(user),
  accessToken,
  ...(!inCookie && { refreshToken }),
  tokenType: 'Bearer',
  expiresIn,
})

/** A session that has not ended, as its owner and admins see it. */
export type OpenSession = {
  id: string
  userId: string
  /** The `User-Agent` of the browser or app. */
  agent: string | null
  createdAt: Date
  refreshedAt: Date
  expiresAt: Date
}

/** The query property that selects the owner of sessions. */
export const sessionOwner = {
  userId: Type.Optional(
    Type.String({ minLength: 1, maxLength: 100, description: 'The user; by default that of the access token' }),
  ),
}
/** Input of `readSessions`. */
export const SessionSearch = ClosedObject({ ...PageQuery, ...sessionOwner })
export type SessionSearch = Static<typeof SessionSearch>

/** An open session in REST responses. */
export const OpenSessionView = Type.Object(
  {
    id: Type.String(),
    userId: Type.String(),
    agent: Nullable(Type.String({ description: 'The User-Agent of the browser or app' })),
    createdAt: Timestamp,
    refreshedAt: Timestamp,
    expiresAt: Timestamp,
    current: Type.Boolean({ description: 'Whether it is the session of the access token of this request' }),
  },
  { title: 'OpenSession' },
)

export const toOpenSessionView = (session: OpenSession & { current: boolean }): Static<typeof OpenSessionView> => ({
  ...session,
  createdAt: session.createdAt.toISOString(),
  refreshedAt: session.refreshedAt.toISOString(),
  expiresAt: session.expiresAt.toISOString(),
})
