import { signedIn } from '@halles/service/person'
import { Refusal } from '@halles/service/refusal'
import { traceHeaders } from '@halles/service/trace'
import type { Caller, Desk } from './desk.ts'
import { emailKeyOf } from './user.ts'

type Helpers = Pick<Desk, 'throttle' | 'linkRequests' | 'letters' | 'security' | 'now'> & {
  users: Pick<Desk['users'], 'withId'>
}

/**
 * Notes that someone has forgotten the password of an address. It is looked up later whether that has an account: the
 * answer and its time are the same.
 *
 * @throws Refusal `RATE_LIMITED`; `UNAVAILABLE` when this shop sends no letters about accounts.
 */
export async function askForReset(helpers: Helpers, { client }: Pick<Caller, 'client'>, email: string): Promise<void> {
  const { throttle, linkRequests, letters, now } = helpers
  if (!letters) throw noLetters()
  await throttle.letter(client)
  await linkRequests.add({ purpose: 'password-reset', emailKey: emailKeyOf(email), ...traceHeaders() }, now())
  letters.soon()
}

/**
 * Notes that someone wants to prove that they get the letters to their address.
 *
 * @throws Refusal `UNAUTHENTICATED`, `RATE_LIMITED`; `UNAVAILABLE` when this shop sends no letters about accounts.
 */
export async function askForVerification(helpers: Helpers, { person, client }: Caller): Promise<void> {
  const { throttle, users, linkRequests, letters, now } = helpers
  const { id } = signedIn(person)
  if (!letters) throw noLetters()
  const account = await users.withId(id)
  if (!account) throw new Refusal('UNAUTHENTICATED', 'This account is gone or closed.')
  await throttle.letter(client)
  const emailKey = emailKeyOf(account.user.email)
  await linkRequests.add({ purpose: 'email-verification', emailKey, ...traceHeaders() }, now())
  letters.soon()
}

export const noLetters = (): Refusal => new Refusal('UNAVAILABLE', 'This shop sends no letters about accounts.')
