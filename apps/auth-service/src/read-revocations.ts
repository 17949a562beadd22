import type { Revoked } from '@halles/service/revocations'
import type { Desk } from './desk.ts'

type Helpers = Pick<Desk, 'now' | 'mourning'> & {
  sessions: Pick<Desk['sessions'], 'endedSince'>
  users: Pick<Desk['users'], 'changedSince'>
}

/**
 * How far back more is told than was asked for, in milliseconds: what another instance wrote, by a clock that is behind
 * ours, was perhaps not there when we last looked.
 */
const OVERLAP = 15_000

/** Which access tokens are no good any more: everything that any may still be affected by, or what is new since then. */
export async function readRevocations(
  { sessions, users, now, mourning }: Helpers,
  since: number | undefined,
): Promise<Revoked> {
  const until = now().getTime()
  const oldest = until - mourning
  const from = new Date(Math.max(oldest, (since ?? oldest) - OVERLAP))
  const [ended, changed] = await Promise.all([sessions.endedSince(from), users.changedSince(from)])
  return {
    until,
    life: mourning,
    sessions: ended.map(({ _id: id, endedAt }) => ({ id, at: endedAt!.getTime() })),
    users: changed.map(({ id, version, at }) => ({ id, version, at: at.getTime() })),
  }
}
