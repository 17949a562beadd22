import type { RunLog } from '../run-log.ts'
import { toSession, type Account, type Session, type ShopClient } from './shop-client.ts'

/** A buyer or an admin of the load. */
export type User = { name: string; account: Account; session: Session }

type Deps = { client: ShopClient; runLog: RunLog }

/** Renews a session whose access token has lived for half of its time. Long runs outlive access tokens. */
export async function renewSession({ client, runLog }: Deps, user: User): Promise<void> {
  if (Date.now() < user.session.renewAt) return
  const outcome = await client.refresh(user.session)
  runLog.count('refresh session', outcome)
  if (outcome.kind === 'success') user.session = toSession(outcome.value)
  // A refresh token that was used ends its session when it is used again later, so an unknown outcome is not repeated.
  else await signIn({ client, runLog }, user)
}

/** Signs a user in and out of their former session. A rejected password is a violation. */
export async function signIn({ client, runLog }: Deps, user: User): Promise<void> {
  const outcome = await client.signIn(user.account)
  runLog.count('sign in', outcome)
  if (outcome.kind === 'success') {
    const former = user.session
    user.session = toSession(outcome.value)
    runLog.count('sign out', await client.signOut(former))
  } else if (outcome.kind === 'rejected' && outcome.code !== 'RATE_LIMITED')
    runLog.reportViolation({
      rule: 'correct-password-rejected',
      subject: user.name,
      expected: '200',
      found: outcome.code,
    })
}
