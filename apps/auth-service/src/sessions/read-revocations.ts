import type { RevocationList } from '@halles/auth/revocations'
import type { AppDeps } from '../deps.ts'
import type { SigningKeys } from '../signing-keys/signing-keys.ts'

type Deps = Pick<AppDeps, 'now' | 'revocationRetention'> & {
  sessions: Pick<AppDeps['sessions'], 'findEndedSince'>
  users: Pick<AppDeps['users'], 'findChangedSince'>
  signingKeys: Pick<SigningKeys, 'readRevokedKeys'>
}

/**
 * How far before `since` revocations are repeated, in milliseconds. Another instance, whose clock may be behind, may have
 * written a revocation of an earlier time after the last answer.
 */
const OVERLAP = 15_000

/**
 * Reads which access tokens were revoked before they expire.
 *
 * @param since milliseconds since 1970; without it, all revocations that may concern an unexpired token are returned
 */
export async function readRevocations(
  { sessions, users, signingKeys, now, revocationRetention }: Deps,
  since: number | undefined,
): Promise<RevocationList> {
  const until = now().getTime()
  const oldest = until - revocationRetention
  const from = new Date(Math.max(oldest, (since ?? oldest) - OVERLAP))
  const [ended, changed, keys] = await Promise.all([
    sessions.findEndedSince(from),
    users.findChangedSince(from),
    signingKeys.readRevokedKeys(),
  ])
  return {
    until,
    life: revocationRetention,
    sessions: ended.map(({ _id: id, endedAt }) => ({ id, at: endedAt!.getTime() })),
    users: changed.map(({ id, version, at }) => ({ id, version, at: at.getTime() })),
    keys,
  }
}
