import type { Client } from '@halles/auth/client-address'
import { newId } from '@halles/mongo/ids'
import type { User } from '../accounts/user.ts'
import type { AppDeps } from '../deps.ts'
import { digestToken } from './refresh-token.ts'
import type { Session } from './session.ts'

export type StartSessionDeps = Pick<AppDeps, 'accessTokens' | 'refreshTokens' | 'sessionLifetime' | 'now'> & {
  sessions: Pick<AppDeps['sessions'], 'insert'>
}

/** Starts a session for a user whose identity is proven. */
export async function startSession(
  { sessions, accessTokens, refreshTokens, sessionLifetime, now }: StartSessionDeps,
  client: Client,
  user: User,
  sid: string = newId(),
): Promise<Session> {
  const refreshToken = refreshTokens.createFirst(sid)
  const at = now()
  const [accessToken] = await Promise.all([
    accessTokens.sign(user, sid),
    sessions.insert({
      _id: sid,
      userId: user.id,
      agent: client.userAgent,
      token: digestToken(refreshToken),
      rotatedAt: at,
      createdAt: at,
      expiresAt: new Date(at.getTime() + sessionLifetime),
    }),
  ])
  return { user, accessToken, refreshToken, expiresIn: accessTokens.seconds }
}
