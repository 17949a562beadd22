import type { Client } from '@halles/auth/client-address'
import { newId } from '@halles/mongo/ids'
import type { User } from '../accounts/user.ts'
import type { AppDeps } from '../deps.ts'
import { digestToken } from './refresh-token.ts'
import { MAX_SESSIONS, type Session } from './session.ts'

export type StartSessionDeps = Pick<
  AppDeps,
  'accessTokens' | 'refreshTokens' | 'sessionLifetime' | 'securityLog' | 'now'
> & {
  sessions: Pick<AppDeps['sessions'], 'insert' | 'endOldest'>
}

/** Starts a session for a user whose identity is proven. The oldest one ends when the account has too many. */
export async function startSession(
  { sessions, accessTokens, refreshTokens, sessionLifetime, securityLog, now }: StartSessionDeps,
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
  for (const sessionId of await sessions.endOldest(user.id, MAX_SESSIONS, at))
    await securityLog.record(client, 'sessions-ended', { userId: user.id, byId: user.id, sessionId })
  return { user, accessToken, refreshToken, expiresIn: accessTokens.seconds }
}
