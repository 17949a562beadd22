import type { Client } from '@halles/service/client'
import { newId } from '@halles/service/ids'
import type { Desk } from './desk.ts'
import { digestOf } from './refresh-token.ts'
import type { Session } from './session.ts'
import type { User } from './user.ts'

export type Opening = Pick<Desk, 'accessTokens' | 'refreshTokens' | 'sessionLife' | 'now'> & {
  sessions: Pick<Desk['sessions'], 'add'>
}

/** Opens a session for someone whose identity is beyond doubt. */
export async function openSession(
  { sessions, accessTokens, refreshTokens, sessionLife, now }: Opening,
  { agent }: Client,
  user: User,
  sid: string = newId(),
): Promise<Session> {
  const refreshToken = refreshTokens.first(sid)
  const at = now()
  const [accessToken] = await Promise.all([
    accessTokens.sign(user, sid),
    sessions.add({
      _id: sid,
      userId: user.id,
      agent,
      token: digestOf(refreshToken),
      rotatedAt: at,
      createdAt: at,
      expiresAt: new Date(at.getTime() + sessionLife),
    }),
  ])
  return { user, accessToken, refreshToken, expiresIn: accessTokens.seconds }
}
