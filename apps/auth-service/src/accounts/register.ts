import { AppError } from '@halles/errors/app-error'
import type { AppDeps, RequestContext } from '../deps.ts'
import type { Turn } from '../passwords/fair-slots.ts'
import { checkNewPassword } from '../passwords/password.ts'
import type { Session } from '../sessions/session.ts'
import { startSession, type StartSessionDeps } from '../sessions/start-session.ts'
import { createUser, toEmailKey, type Registration } from './user.ts'

type Deps = StartSessionDeps &
  Pick<AppDeps, 'passwordAdmission' | 'metrics' | 'log' | 'isCommonPassword' | 'securityLog' | 'outbox'> & {
    rateLimiter: Pick<AppDeps['rateLimiter'], 'checkRegistration' | 'rememberSubnet' | 'tryEmailToAccount'>
    users: Pick<AppDeps['users'], 'hasEmail' | 'insert'>
    passwordHasher: Pick<AppDeps['passwordHasher'], 'hash'>
  }

/**
 * Creates an account and signs its owner in. Where account e-mails are sent, one asks the owner to verify the address.
 *
 * @throws AppError `VALIDATION_FAILED` for a password that is easy to guess; `EMAIL_TAKEN` when the address already has an
 *   account, regardless of case; `RATE_LIMITED`.
 */
export async function register(
  deps: Deps,
  { client }: Pick<RequestContext, 'client'>,
  input: Registration,
): Promise<Session> {
  const turn = { client, account: toEmailKey(input.email), isKnown: false }
  return deps.passwordAdmission.run(turn, () => registerNow(deps, turn, input))
}

async function registerNow(
  deps: Deps,
  turn: Turn & Pick<RequestContext, 'client'>,
  input: Registration,
): Promise<Session> {
  const { client } = turn
  const { rateLimiter, users, passwordHasher, isCommonPassword, securityLog, outbox, metrics, log, now } = deps
  await checkNewPassword(isCommonPassword, input.password, input, '/password')
  await rateLimiter.checkRegistration(client)
  // Only saves the cost of a hash: the unique index decides between concurrent registrations.
  if (await users.hasEmail(input.email)) throw emailTaken()
  const user = createUser(input, 'user', now())
  const hash = await passwordHasher.hash(input.password, turn)
  // Stored with the account in one write: there is no account whose owner was not asked to verify the address.
  const verification =
    outbox && (await rateLimiter.tryEmailToAccount(toEmailKey(user.email)))
      ? await outbox.issueLink(user.id, 'email-verification')
      : undefined
  if (!(await users.insert(user, hash, verification))) throw emailTaken()
  outbox?.wake()
  await rateLimiter.rememberSubnet(user.email, client)
  metrics.countSignIn('registered')
  log.info({ userId: user.id }, 'account registered')
  const session = await startSession(deps, client, user)
  await securityLog.record(client, 'registration', { userId: user.id, byId: user.id })
  return session
}

const emailTaken = (): AppError =>
  new AppError('EMAIL_TAKEN', 'This e-mail address already has an account: sign in instead.', {
    errors: [{ path: '/email', message: 'already has an account' }],
  })
