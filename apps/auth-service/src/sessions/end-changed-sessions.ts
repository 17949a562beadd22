import type { Logger } from '@halles/telemetry/log'
import { pollEvery, type PollingWorker } from '@halles/concurrency/poll-every'
import type { SessionEnding } from '../accounts/account-document.ts'
import type { AppDeps } from '../deps.ts'

type Deps = {
  users: Pick<AppDeps['users'], 'findEndingSessions' | 'markSessionsEnded'>
  sessions: Pick<AppDeps['sessions'], 'endAll' | 'endBegunBefore'>
  now: () => Date
}

/** The pause between two polls, and how long a request has to end the sessions itself, in milliseconds. */
const POLL_INTERVAL = 2000
/** The most accounts whose sessions are ended in one batch. */
const BATCH_SIZE = 100

/**
 * Ends the sessions of an account after a change that was stored with its `endingSessions`. If the process ends before that, the
 * worker of `createSessionEnder` does it.
 */
export async function endChangedSessions(
  {
    users,
    sessions,
    now,
  }: { users: Pick<Deps['users'], 'markSessionsEnded'>; sessions: Pick<Deps['sessions'], 'endAll'>; now: Deps['now'] },
  userId: string,
  { at, except }: SessionEnding,
): Promise<void> {
  await sessions.endAll(userId, now(), except)
  await users.markSessionsEnded(userId, at)
}

/** Starts the background worker that ends sessions which a request should have ended, but could not. */
export const createSessionEnder = ({ users, sessions, now }: Deps, log: Logger): PollingWorker =>
  pollEvery(
    'session endings',
    POLL_INTERVAL,
    async () => {
      for (;;) {
        const found = await users.findEndingSessions(new Date(now().getTime() - POLL_INTERVAL), BATCH_SIZE)
        for (const { id, ending } of found) {
          await sessions.endBegunBefore(id, ending, now())
          await users.markSessionsEnded(id, ending.at)
        }
        if (found.length < BATCH_SIZE) return
      }
    },
    log,
  )
