import type { Client } from '@halles/auth/client-address'
import { newId } from '@halles/mongo/ids'
import { AppError } from '@halles/errors/app-error'
import { toEmailKey, type Credentials, type User } from '../accounts/user.ts'
import type { AppDeps, RequestContext } from '../deps.ts'
import type { Session } from '../sessions/session.ts'
import { startSession, type StartSessionDeps } from '../sessions/start-session.ts'

type Deps = StartSessionDeps &
  Pick<AppDeps, 'metrics' | 'log' | 'securityLog' | 'passwordAdmission'> & {
    rateLimiter: Pick<AppDeps['rateLimiter'], 'verifyWithinLimits' | 'isKnownHere'>
    users: Pick<AppDeps['users'], 'findByEmail' | 'replacePasswordHash' | 'canSignIn'>
    sessions: Pick<AppDeps['sessions'], 'insert' | 'endOldest' | 'end'>
    passwordHasher: Pick<AppDeps['passwordHasher'], 'verify' | 'needsRehash' | 'hash'>
  }

/**
 * Signs a user in by e-mail address and password. A hash with outdated parameters is renewed, since only here the password
 * is known.
 *
 * @throws AppError `INVALID_CREDENTIALS`, the same and after the same work for an unknown address, a wrong password and a
 *   deactivated account; `RATE_LIMITED`.
 */
export async function logIn(
  deps: Deps,
  { client }: Pick<RequestContext, 'client'>,
  credentials: Credentials,
): Promise<Session> {
  const { email } = credentials
  const turn = { client, account: toEmailKey(email), isKnown: deps.rateLimiter.isKnownHere(email, client) }
  return deps.passwordAdmission.run(turn, () => logInNow(deps, turn, credentials))
}

async function logInNow(
  deps: Deps,
  { client, account: emailKey }: { client: Client; account: string },
  { email, password }: Credentials,
): Promise<Session> {
  const { rateLimiter, users, sessions, passwordHasher, securityLog, metrics, log, now } = deps
  let account: Awaited<ReturnType<typeof users.findByEmail>>
  const isRight = await rateLimiter.verifyWithinLimits(email, client, async (isKnown) => {
    account = await users.findByEmail(email)
    const turn = { client, account: emailKey, isKnown }
    return (await passwordHasher.verify(account?.passwordHash, password, turn)) && account?.user.active === true
  })
  const refuse = async (): Promise<AppError> => {
    metrics.countSignIn('refused')
    await securityLog.record(client, 'sign-in', { outcome: 'refused', userId: account?.user.id ?? null })
    return new AppError('INVALID_CREDENTIALS', 'The e-mail address or the password is wrong.')
  }
  if (!account || !isRight) throw await refuse()
  const { id } = account.user
  const currentHash = passwordHasher.needsRehash(account.passwordHash)
    ? await renewHash(deps, client, account, password)
    : account.passwordHash
  const sid = newId()
  const session = await startSession(deps, client, account.user, sid)
  // A change of the password and a deactivation end the account's sessions last, so they may have missed this one: it is
  // ended here if the account or its password has changed since it was read.
  if (!(await users.canSignIn(id, currentHash))) {
    await sessions.end(sid, now())
    throw await refuse()
  }
  metrics.countSignIn('accepted')
  await securityLog.record(client, 'sign-in', { userId: id, byId: id, sessionId: sid })
  log.info({ userId: id }, 'signed in')
  return session
}

/**
 * Hashes a password with today's parameters, and returns the hash that is stored then. When the hash queue is full, the
 * outdated hash stays until the next sign-in: it must not fail a sign-in with the right password.
 */
async function renewHash(
  { users, passwordHasher, log }: Pick<Deps, 'users' | 'passwordHasher' | 'log'>,
  client: Client,
  { user: { id }, passwordHash: from }: { user: User; passwordHash: string },
  password: string,
): Promise<string> {
  try {
    const to = await passwordHasher.hash(password, { client, account: id, isKnown: true })
    if (!(await users.replacePasswordHash(id, from, to))) return from
    log.info({ userId: id }, 'password rehashed')
    return to
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    log.warn({ userId: id }, 'password not rehashed: the hash queue is full')
    return from
  }
}
