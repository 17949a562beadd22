import type { Client } from '@halles/auth/client-address'
import { AppError } from '@halles/errors/app-error'
import type { AppDeps, RequestContext } from '../deps.ts'
import { digestToken } from './refresh-token.ts'
import { ROTATION_GRACE_PERIOD, type Session } from './session.ts'

type Deps = Pick<
  AppDeps,
  'accessTokens' | 'refreshTokens' | 'sessionLifetime' | 'securityLog' | 'metrics' | 'log' | 'now'
> & {
  users: Pick<AppDeps['users'], 'findByIds'>
  sessions: Pick<AppDeps['sessions'], 'rotate' | 'findActive' | 'end'>
}

/**
 * Exchanges a refresh token for a new access token and the token's successor (refresh token rotation, RFC 9700 4.14.2). For
 * 10 s after that the same token is answered with the same successor. Later it counts as stolen, and the session ends for
 * all holders of its tokens.
 *
 * @throws AppError `UNAUTHENTICATED` when the token is unknown or was used before, or its session has ended.
 */
export async function refreshSession(
  deps: Deps,
  { client }: Pick<RequestContext, 'client'>,
  presentedToken: string,
): Promise<Session> {
  const { users, sessions, refreshTokens, accessTokens, sessionLifetime, metrics, now } = deps
  const sid = refreshTokens.findSessionId(presentedToken)
  if (!sid) throw refuse(deps)
  const at = now()
  const refreshToken = refreshTokens.deriveNext(presentedToken)
  const [from, to] = [digestToken(presentedToken), digestToken(refreshToken)]
  const rotated = await sessions.rotate(sid, from, to, at, new Date(at.getTime() + sessionLifetime))
  const userId = rotated?.userId ?? (await repeatRotation(deps, client, sid, to, at))
  const user = (await users.findByIds([userId])).get(userId)
  if (!user?.active) {
    await sessions.end(sid, at)
    throw refuse(deps)
  }
  metrics.countRefresh(rotated ? 'rotated' : 'repeated')
  return { user, accessToken: await accessTokens.sign(user, sid), refreshToken, expiresIn: accessTokens.seconds }
}

/**
 * The user id of a session whose current token, of the digest `to`, was derived from the presented one within the grace
 * period. Otherwise the token is reused, which ends the session.
 */
async function repeatRotation(
  { sessions, securityLog, metrics, log }: Deps,
  client: Client,
  sid: string,
  to: string,
  at: Date,
): Promise<string> {
  const session = await sessions.findActive(sid, at)
  if (!session) throw refuse({ metrics })
  if (session.token === to && at.getTime() - session.rotatedAt.getTime() <= ROTATION_GRACE_PERIOD) return session.userId
  // A session never returns to an earlier token, so no concurrent write can make this token the current one again.
  await sessions.end(sid, at)
  await securityLog.record(client, 'refresh-reused', { outcome: 'refused', userId: session.userId, sessionId: sid })
  metrics.countRefresh('reused')
  log.warn({ sid, userId: session.userId }, 'refresh token reused: session ended')
  throw sessionEnded()
}

function refuse({ metrics }: Pick<Deps, 'metrics'>): AppError {
  metrics.countRefresh('refused')
  return sessionEnded()
}

const sessionEnded = (): AppError => new AppError('UNAUTHENTICATED', 'This session has ended: sign in again.')
