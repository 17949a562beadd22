import { Type, type Static } from 'typebox'
import type { Logger } from '@halles/telemetry/log'
import { createParser } from '@halles/validation/schema'
import { runOutsideTrace } from '@halles/telemetry/trace'
import { waitAtMost } from '@halles/concurrency/with-timeout'

const MILLISECONDS = 'Milliseconds since 1970'

/** Access tokens that were revoked before they expired: the response of auth-service's /revocations. */
export const RevocationList = Type.Object(
  {
    until: Type.Integer({ description: `Pass it as since to get later changes only. ${MILLISECONDS}` }),
    life: Type.Integer({
      description:
        'How long to keep each revocation, in milliseconds: the lifetime of access tokens and a minute. A token for longer is invalid',
    }),
    sessions: Type.Array(Type.Object({ id: Type.String(), at: Type.Integer({ description: MILLISECONDS }) }), {
      description: 'Sessions that have ended: tokens with this `sid` are revoked',
    }),
    users: Type.Array(Type.Object({ id: Type.String(), version: Type.Integer(), at: Type.Integer() }), {
      description: 'Users that have changed: tokens with this `sub` and a lower `ver` are revoked',
    }),
    keys: Type.Optional(
      Type.Array(Type.String(), {
        description:
          'The ids of all signing keys that were revoked: tokens with this `kid` are revoked. Absent means none',
      }),
    ),
  },
  { title: 'Revoked' },
)
export type RevocationList = Static<typeof RevocationList>

/** The claims that decide whether a token is revoked; a token without `ver` has version 0. */
export type TokenIdentity = { id: string; sid: string; version: number; kid: string }

export type Revocations = ReturnType<typeof createRevocationPoller>

/** The longest lifetime of access tokens that auth-service can be configured to (ACCESS_TOKEN_SECONDS), in seconds. */
export const MAX_ACCESS_TOKEN_SECONDS = 86_400

/** The polling interval, and the timeout of a request, in milliseconds. */
const POLL_INTERVAL = 2000
const REQUEST_TIMEOUT = 2000
/** How long a service waits for the first response before it starts without one, in milliseconds. */
const START_TIMEOUT = 1000

/**
 * Creates a poller of revocations, every 2 s. While auth-service is unavailable, known revocations remain, and other tokens are
 * accepted until they expire.
 *
 * @param read reads the revocations since a time (all when undefined)
 */
export function createRevocationPoller(
  read: (since: number | undefined, signal: AbortSignal) => Promise<RevocationList>,
) {
  const sessions = new Map<string, number>()
  const users = new Map<string, { version: number; until: number }>()
  const keys = new Set<string>()
  let maxTokenLifetime = MAX_ACCESS_TOKEN_SECONDS * 1000
  let request = new AbortController()
  let stopped = false
  let since: number | undefined
  let nextPoll: NodeJS.Timeout | undefined
  let isUnavailable = false

  const store = (list: RevocationList): void => {
    const { until, life, sessions: endedSessions, users: changedUsers, keys: revokedKeys = [] } = list
    for (const kid of revokedKeys) keys.add(kid)
    maxTokenLifetime = life
    const now = Date.now()
    for (const [id, end] of sessions) if (end < now) sessions.delete(id)
    for (const [id, { until: end }] of users) if (end < now) users.delete(id)
    for (const { id } of endedSessions) sessions.set(id, now + life)
    for (const { id, version } of changedUsers)
      if (version >= (users.get(id)?.version ?? 0)) users.set(id, { version, until: now + life })
    since = until
  }

  const poll = async (log: Logger): Promise<void> => {
    request = new AbortController()
    const timer = setTimeout(() => request.abort(new Error('request timed out')), REQUEST_TIMEOUT)
    try {
      store(await read(since, request.signal))
      if (isUnavailable) log.info('revocations are available again')
      isUnavailable = false
    } catch (error) {
      if (!isUnavailable && !stopped)
        log.warn({ err: error }, 'revocations are unavailable: accepting tokens until they expire')
      isUnavailable = true
    } finally {
      clearTimeout(timer)
    }
  }

  const schedulePoll = (log: Logger): void => {
    if (stopped) return
    nextPoll = setTimeout(() => void poll(log).then(() => schedulePoll(log)), POLL_INTERVAL)
    nextPoll.unref()
  }

  return {
    isRevoked: ({ id, sid, version, kid }: TokenIdentity): boolean =>
      keys.has(kid) || sessions.has(sid) || version < (users.get(id)?.version ?? 0),

    /**
     * The longest lifetime of an access token, in milliseconds, with the leeway for clocks that differ: that of the auth-service
     * that was polled, before that the longest that one can be configured to.
     */
    maxTokenLifetime: (): number => maxTokenLifetime,

    /** Polls for the first time, and then until `stop`. Resolves after the first response, or after 1 s. */
    start: (log: Logger): Promise<void> =>
      runOutsideTrace(async () => {
        const first = poll(log).then(() => schedulePoll(log))
        await waitAtMost(first, START_TIMEOUT)
      }),

    stop: (): void => {
      stopped = true
      request.abort()
      clearTimeout(nextPoll)
    },
  }
}

/** Creates a poller of /revocations of the auth-service whose keys are at `jwksUrl`. */
export function createRevocationClient(jwksUrl: string): Revocations {
  const readRevoked = createParser(RevocationList)
  return createRevocationPoller(async (since, signal) => {
    const url = new URL('/revocations', jwksUrl)
    if (since !== undefined) url.searchParams.set('since', String(since))
    const response = await fetch(url, { signal })
    if (!response.ok) throw new Error(`auth-service responded with status ${response.status}`)
    return readRevoked(await response.json())
  })
}
