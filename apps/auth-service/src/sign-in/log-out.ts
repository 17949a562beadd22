import type { AppDeps, RequestContext } from '../deps.ts'

type Deps = Pick<AppDeps, 'refreshTokens' | 'securityLog' | 'now'> & { sessions: Pick<AppDeps['sessions'], 'end'> }

/** Ends the session that a refresh token was issued for, even if the token was used. It may be repeated. */
export async function logOut(
  { sessions, refreshTokens, securityLog, now }: Deps,
  { client }: Pick<RequestContext, 'client'>,
  refreshToken: string,
): Promise<void> {
  const sid = refreshTokens.findSessionId(refreshToken)
  const userId = sid && (await sessions.end(sid, now()))
  if (userId) await securityLog.record(client, 'sign-out', { userId, byId: userId, sessionId: sid })
}
