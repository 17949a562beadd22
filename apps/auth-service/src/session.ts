import { Closed, Moment, Nullable, PageQuery } from '@halles/service/schema'
import { Type, type Static } from 'typebox'
import { userView, UserView, type User } from './user.ts'

/** What signing in gives; `expiresIn` is the access token's life in seconds. */
export type Session = { user: User; accessToken: string; refreshToken: string; expiresIn: number }

/**
 * How long a refresh token that was just used is answered once more with the same successor, in milliseconds: two tabs
 * refresh at once, or an answer is lost on its way. After that it counts as stolen.
 */
export const REPEATABLE_FOR = 10_000

/** The refresh token that someone holds. */
export const Holding = Closed({ refreshToken: Type.String({ minLength: 1, maxLength: 512 }) }, { title: 'Holding' })

/** A session as REST answers it. */
export const SessionView = Type.Object(
  {
    user: UserView,
    accessToken: Type.String({ description: 'A JWT, for the header `Authorization: Bearer …`' }),
    refreshToken: Type.Optional(Type.String({ description: 'For one use; left out when it is in the cookie' })),
    tokenType: Type.Literal('Bearer'),
    expiresIn: Type.Integer({ description: "The access token's life in seconds" }),
  },
  { title: 'Session' },
)

/** A session for REST, with its refresh token or, when a cookie carries that, without. */
export const sessionView = (
  { user, accessToken, refreshToken, expiresIn }: Session,
  inCookie: boolean,
): Static<typeof SessionView> => ({
  user: userView(user),
  accessToken,
  ...(!inCookie && { refreshToken }),
  tokenType: 'Bearer',
  expiresIn,
})

/** A session that has not ended, as its owner and admins see it. */
export type OpenSession = {
  id: string
  userId: string
  /** What the browser or app calls itself. */
  agent: string | null
  createdAt: Date
  refreshedAt: Date
  expiresAt: Date
}

/** Whose sessions are wanted. */
export const SessionsOf = {
  userId: Type.Optional(Type.String({ minLength: 1, maxLength: 100, description: 'Oneself' })),
}
export const SessionSearch = Closed({ ...PageQuery, ...SessionsOf })
export type SessionSearch = Static<typeof SessionSearch>

/** An open session as REST answers it. */
export const OpenSessionView = Type.Object(
  {
    id: Type.String(),
    userId: Type.String(),
    agent: Nullable(Type.String({ description: 'What the browser or app calls itself' })),
    createdAt: Moment,
    refreshedAt: Moment,
    expiresAt: Moment,
    current: Type.Boolean({ description: 'Whether it is the session that asks' }),
  },
  { title: 'OpenSession' },
)

export const openSessionView = (session: OpenSession & { current: boolean }): Static<typeof OpenSessionView> => ({
  ...session,
  createdAt: session.createdAt.toISOString(),
  refreshedAt: session.refreshedAt.toISOString(),
  expiresAt: session.expiresAt.toISOString(),
})
