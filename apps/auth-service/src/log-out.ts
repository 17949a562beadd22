import type { Caller, Desk } from './desk.ts'

type Helpers = Pick<Desk, 'refreshTokens' | 'security' | 'now'> & { sessions: Pick<Desk['sessions'], 'end'> }

/** Ends the session that a refresh token was given out for, spent or not. Afterwards it is over, whatever it was before. */
export async function logOut(
  { sessions, refreshTokens, security, now }: Helpers,
  { client }: Pick<Caller, 'client'>,
  presented: string,
): Promise<void> {
  const sid = refreshTokens.sessionOf(presented)
  const userId = sid && (await sessions.end(sid, now()))
  if (userId) await security.note(client, 'sign-out', { userId, byId: userId, sessionId: sid })
}
