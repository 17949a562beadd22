import { newId } from '@halles/service/ids'
import { signedIn } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import { traceHeaders } from '@halles/service/trace'
import { readLinkToken, type EmailChange } from './account-link.ts'
import { noLetters } from './ask-for-link.ts'
import type { Caller, Desk } from './desk.ts'
import { spent } from './use-link.ts'
import { emailKeyOf } from './user.ts'

type Asking = Pick<Desk, 'letters' | 'security' | 'log' | 'now'> & {
  throttle: Pick<Desk['throttle'], 'signIn' | 'letter' | 'letterToNew'>
  users: Pick<Desk['users'], 'withId' | 'putLink'>
  passwords: Pick<Desk['passwords'], 'matches'>
}

/**
 * Sends a letter with a link to the address that someone wants for their account, who proves to know the password. It is
 * not looked up whether the address has an account: neither the answer and its time nor the letter, which its sender
 * sees in their list, can tell. When too many letters went to that address, none does, and no one is told.
 *
 * @throws Refusal `UNAUTHENTICATED`; `INVALID_CREDENTIALS` for a wrong password, whose tries count as those of signing in;
 *   `RATE_LIMITED`; `UNAVAILABLE` when this shop sends no letters about accounts.
 */
export async function askForEmailChange(
  helpers: Asking,
  { person, client }: Caller,
  { email, password }: EmailChange,
): Promise<void> {
  const { letters, throttle, users, passwords, security, log, now } = helpers
  const { id, sid } = signedIn(person)
  if (!letters) throw noLetters()
  const account = await users.withId(id)
  if (!account) throw new Refusal('UNAUTHENTICATED', 'This account is gone or closed.')
  const wrong = async (): Promise<Refusal> => {
    await security.note(client, 'email-changed', { userId: id, byId: id, sessionId: sid, outcome: 'refused' })
    return new Refusal('INVALID_CREDENTIALS', 'The password is wrong.')
  }
  const attempt = await throttle.signIn(account.user.email, client)
  if (!(await passwords.matches(account.password, password))) throw await wrong()
  await attempt.right()
  await throttle.letter(client)
  if (!(await throttle.letterToNew(emailKeyOf(email)))) return
  const { kept, link } = await letters.newLink(id, 'email-change')
  const event = { id: newId(), type: 'account.email-change-requested', at: now(), to: email, link } as const
  const put = { ...event, ...traceHeaders() }
  if (!(await users.putLink(id, 'email-change', { ...kept, email, sid }, put, account.password))) throw await wrong()
  log.info({ userId: id }, 'another address asked for')
  letters.soon()
}

type Changing = Pick<Desk, 'letters' | 'security' | 'log' | 'now'> & {
  throttle: Pick<Desk['throttle'], 'welcome'>
  users: Pick<Desk['users'], 'changeEmail'>
  sessions: Pick<Desk['sessions'], 'endAll'>
}

/**
 * Gives an account the address at which the letter was read, and tells the address before it. Ends all sessions but the
 * one that asked; access tokens, which tell the old address, are no good in 5 s.
 *
 * @throws Refusal `VALIDATION_FAILED` for a link that was used, replaced or has expired; `EMAIL_TAKEN` when the address
 *   has another account, with which the link stays good: who has read its letter may know.
 */
export async function changeEmail(
  { letters, throttle, users, sessions, security, log, now }: Changing,
  { client }: Pick<Caller, 'client'>,
  token: string,
): Promise<void> {
  const { userId, digest } = readLinkToken(token)
  const changed = await users.changeEmail(userId, digest, now())
  if (!changed) throw spent()
  if (changed === 'taken') {
    // Of no one: who asked reads what is noted of them, and the reader's click would tell them.
    await security.note(client, 'email-changed', { outcome: 'refused' })
    throw new Refusal('EMAIL_TAKEN', 'This e-mail address has another account: sign in to that one instead.')
  }
  await throttle.welcome(changed.email, client)
  await sessions.endAll(userId, now(), changed.sid)
  await security.note(client, 'email-changed', { userId })
  log.info({ userId }, 'address changed')
  letters?.soon()
}
