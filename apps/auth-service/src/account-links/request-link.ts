import { requirePrincipal } from '@halles/auth/principal'
import { AppError } from '@halles/errors/app-error'
import { traceHeaders } from '@halles/telemetry/trace'
import { toEmailKey } from '../accounts/user.ts'
import type { AppDeps, RequestContext } from '../deps.ts'
import { emailsUnavailable } from './account-link.ts'

type Deps = Pick<AppDeps, 'rateLimiter' | 'linkRequests' | 'outbox' | 'now'>

/**
 * Requests an e-mail with a link to reset the password of an address. Whether the address has an account is looked up in
 * the background, so the response and its time are the same for every address.
 *
 * @throws AppError `RATE_LIMITED`; `UNAVAILABLE` when this deployment sends no account e-mails.
 */
export async function requestPasswordReset(
  deps: Deps,
  { client }: Pick<RequestContext, 'client'>,
  email: string,
): Promise<void> {
  const { rateLimiter, linkRequests, outbox, now } = deps
  if (!outbox) throw emailsUnavailable()
  await rateLimiter.checkEmailRequest(client)
  await linkRequests.insert({ purpose: 'password-reset', emailKey: toEmailKey(email), ...traceHeaders() }, now())
  outbox.wake()
}

/**
 * Requests an e-mail with a link that verifies the principal's own address.
 *
 * @throws AppError `UNAUTHENTICATED`, `RATE_LIMITED`; `UNAVAILABLE` when this deployment sends no account e-mails.
 */
export async function requestEmailVerification(
  deps: Deps & { users: Pick<AppDeps['users'], 'findActiveById'> },
  context: RequestContext,
): Promise<void> {
  const { rateLimiter, users, linkRequests, outbox, now } = deps
  const { id } = requirePrincipal(context.principal)
  if (!outbox) throw emailsUnavailable()
  const account = await users.findActiveById(id)
  if (!account) throw new AppError('UNAUTHENTICATED', 'This account is deleted or deactivated.')
  await rateLimiter.checkEmailRequest(context.client)
  const emailKey = toEmailKey(account.user.email)
  await linkRequests.insert({ purpose: 'email-verification', emailKey, ...traceHeaders() }, now())
  outbox.wake()
}
