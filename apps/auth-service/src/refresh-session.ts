import type { Client } from '@halles/service/client'
import { Refusal } from '@halles/service/refusal'
import type { Caller, Desk } from './desk.ts'
import { digestOf } from './refresh-token.ts'
import { REPEATABLE_FOR, type Session } from './session.ts'

type Helpers = Pick<Desk, 'accessTokens' | 'refreshTokens' | 'sessionLife' | 'security' | 'count' | 'log' | 'now'> & {
  users: Pick<Desk['users'], 'withIds'>
  sessions: Pick<Desk['sessions'], 'rotate' | 'living' | 'end'>
}

/**
 * A new access token and the successor of the refresh token that is presented, which is spent by that. For 10 s the
 * same token gets the same successor again; later it can only be a copy, and the session ends for everyone who holds it.
 *
 * @throws Refusal `UNAUTHENTICATED` when the token is unknown or spent, or its session has ended.
 */
export async function refreshSession(
  helpers: Helpers,
  { client }: Pick<Caller, 'client'>,
  presented: string,
): Promise<Session> {
  const { users, sessions, refreshTokens, accessTokens, sessionLife, count, now } = helpers
  const sid = refreshTokens.sessionOf(presented)
  if (!sid) throw refused(helpers)
  const at = now()
  const refreshToken = refreshTokens.next(presented)
  const [from, to] = [digestOf(presented), digestOf(refreshToken)]
  const rotated = await sessions.rotate(sid, from, to, at, new Date(at.getTime() + sessionLife))
  const userId = rotated?.userId ?? (await holderAgain(helpers, client, sid, to, at))
  const user = (await users.withIds([userId])).get(userId)
  if (!user?.active) {
    await sessions.end(sid, at)
    throw refused(helpers)
  }
  count.refresh(rotated ? 'rotated' : 'repeated')
  return { user, accessToken: await accessTokens.sign(user, sid), refreshToken, expiresIn: accessTokens.seconds }
}

/** Who holds the session whose present token, of digest `to`, was just made of the one presented. */
async function holderAgain(
  { sessions, security, count, log }: Helpers,
  client: Client,
  sid: string,
  to: string,
  at: Date,
): Promise<string> {
  const session = await sessions.living(sid, at)
  if (!session) throw refused({ count })
  if (session.token === to && at.getTime() - session.rotatedAt.getTime() <= REPEATABLE_FOR) return session.userId
  // Tokens of a session only ever move on, so no later write can make this one right again.
  await sessions.end(sid, at)
  await security.note(client, 'refresh-reused', { outcome: 'refused', userId: session.userId, sessionId: sid })
  count.refresh('reused')
  log.warn({ sid, userId: session.userId }, 'a spent refresh token came back: session ended')
  throw signInAgain()
}

function refused({ count }: Pick<Helpers, 'count'>): Refusal {
  count.refresh('refused')
  return signInAgain()
}

const signInAgain = (): Refusal => new Refusal('UNAUTHENTICATED', 'This session has ended: sign in again.')
