import type { Desk } from './desk.ts'

type Helpers = Pick<Desk, 'refreshTokens'> & { sessions: Pick<Desk['sessions'], 'end'> }

/** Ends the session that a refresh token was given out for, spent or not. Afterwards it is over, whatever it was before. */
export async function logOut({ sessions, refreshTokens }: Helpers, presented: string): Promise<void> {
  const sid = refreshTokens.sessionOf(presented)
  if (sid) await sessions.end(sid)
}
