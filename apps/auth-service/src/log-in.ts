import { newId } from '@halles/service/ids'
import { Refusal } from '@halles/service/refusal'
import type { Caller, Desk } from './desk.ts'
import { openSession, type Opening } from './open-session.ts'
import type { Session } from './session.ts'
import type { Credentials, User } from './user.ts'

type Helpers = Opening &
  Pick<Desk, 'count' | 'log' | 'security'> & {
    throttle: Pick<Desk['throttle'], 'signIn'>
    users: Pick<Desk['users'], 'withEmail' | 'rehash' | 'opensBy'>
    sessions: Pick<Desk['sessions'], 'add' | 'end'>
    passwords: Pick<Desk['passwords'], 'matches' | 'isOutdated' | 'hash'>
  }

/**
 * Signs someone in by e-mail and password. A hash made with less work than one costs now is made anew: only here is the
 * password at hand.
 *
 * @throws Refusal `INVALID_CREDENTIALS`, the same and after the same work for an unknown address, a wrong password and an
 *   account that was closed; `RATE_LIMITED` when it is tried too often.
 */
export async function logIn(
  helpers: Helpers,
  { client }: Pick<Caller, 'client'>,
  { email, password }: Credentials,
): Promise<Session> {
  const { throttle, users, sessions, passwords, security, count, log, now } = helpers
  const attempt = await throttle.signIn(email, client)
  const account = await users.withEmail(email)
  const right = await passwords.matches(account?.password, password)
  const refused = async (): Promise<Refusal> => {
    count.signIn('refused')
    await security.note(client, 'sign-in', { outcome: 'refused', userId: account?.user.id ?? null })
    return new Refusal('INVALID_CREDENTIALS', 'The e-mail address or the password is wrong.')
  }
  if (!account || !right || !account.user.active) throw await refused()
  await attempt.right()
  const { id } = account.user
  const hash = passwords.isOutdated(account.password) ? await rehash(helpers, account, password) : account.password
  const sid = newId()
  const session = await openSession(helpers, client, account.user, sid)
  // Whoever changes a password or closes an account ends its sessions after that: one that began in between is ended here.
  if (!(await users.opensBy(id, hash))) {
    await sessions.end(sid, now())
    throw await refused()
  }
  count.signIn('accepted')
  await security.note(client, 'sign-in', { userId: id, byId: id, sessionId: sid })
  log.info({ userId: id }, 'signed in')
  return session
}

/**
 * Makes the hash of a password anew, and gives back the one that counts now. A crowd at the hashing must not turn away
 * someone whose password was right: then it is for the next time.
 */
async function rehash(
  { users, passwords, log }: Pick<Helpers, 'users' | 'passwords' | 'log'>,
  { user: { id }, password: from }: { user: User; password: string },
  password: string,
): Promise<string> {
  try {
    const to = await passwords.hash(password)
    if (!(await users.rehash(id, from, to))) return from
    log.info({ userId: id }, 'password hashed anew')
    return to
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    log.warn({ userId: id }, 'password not hashed anew: too many wait')
    return from
  }
}
