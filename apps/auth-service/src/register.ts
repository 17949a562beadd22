import { newId } from '@halles/service/ids'
import { Refusal } from '@halles/service/refusal'
import { traceHeaders } from '@halles/service/trace'
import type { Caller, Desk } from './desk.ts'
import { acceptPassword } from './password.ts'
import { openSession, type Opening } from './open-session.ts'
import type { Session } from './session.ts'
import { emailKeyOf, type Registration, type Role, type User } from './user.ts'

type Helpers = Opening &
  Pick<Desk, 'count' | 'log' | 'isCommon' | 'security' | 'linkRequests' | 'letters'> & {
    throttle: Pick<Desk['throttle'], 'registration' | 'welcome'>
    users: Pick<Desk['users'], 'has' | 'add'>
    passwords: Pick<Desk['passwords'], 'hash'>
  }

/**
 * Opens an account and signs its owner in. Where letters are sent, one asks them to prove their address.
 *
 * @throws Refusal `VALIDATION_FAILED` for a password that is easy to guess; `EMAIL_TAKEN` when the address has an account, whatever its case; `RATE_LIMITED`.
 */
export async function register(
  helpers: Helpers,
  { client }: Pick<Caller, 'client'>,
  wish: Registration,
): Promise<Session> {
  const { throttle, users, passwords, isCommon, security, linkRequests, letters, count, log, now } = helpers
  await acceptPassword(isCommon, wish.password, wish, '/password')
  await throttle.registration(client)
  // Only to spare the hash: the index decides, for two may come at once.
  if (await users.has(wish.email)) throw emailTaken()
  const user = newUser(wish, 'user', now())
  if (!(await users.add(user, await passwords.hash(wish.password)))) throw emailTaken()
  await throttle.welcome(user.email, client)
  count.signIn('registered')
  log.info({ userId: user.id }, 'account opened')
  const session = await openSession(helpers, client, user)
  if (letters) {
    const emailKey = emailKeyOf(user.email)
    await linkRequests.add({ purpose: 'email-verification', emailKey, ...traceHeaders() }, now())
    letters.soon()
  }
  await security.note(client, 'registration', { userId: user.id, byId: user.id })
  return session
}

/** A user as an account begins. */
export const newUser = ({ name, email, locale = 'fr' }: Registration, role: Role, createdAt: Date): User => ({
  id: newId(),
  name: name.trim(),
  email,
  role,
  locale,
  createdAt,
  active: true,
  version: 0,
  emailVerified: false,
})

const emailTaken = (): Refusal =>
  new Refusal('EMAIL_TAKEN', 'This e-mail address has an account already: sign in instead.', {
    errors: [{ path: '/email', message: 'has an account already' }],
  })
