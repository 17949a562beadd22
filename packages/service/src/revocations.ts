import { Type, type Static } from 'typebox'
import type { Logger } from './log.ts'
import { reader } from './schema.ts'
import { inNoTrace } from './trace.ts'

const MILLISECONDS = 'Milliseconds since 1970'

/** Which access tokens are not good any more although they have not ended yet, as auth-service tells. */
export const Revoked = Type.Object(
  {
    until: Type.Integer({ description: `What has changed later is told when asked with since=until. ${MILLISECONDS}` }),
    life: Type.Integer({ description: 'How long each is to be remembered, in milliseconds: no token lives longer' }),
    sessions: Type.Array(Type.Object({ id: Type.String(), at: Type.Integer({ description: MILLISECONDS }) }), {
      description: 'Sessions that have ended: tokens with this `sid` are not good',
    }),
    users: Type.Array(Type.Object({ id: Type.String(), version: Type.Integer(), at: Type.Integer() }), {
      description: 'Users who have changed: tokens with this `sub` and a lower `ver` are not good',
    }),
  },
  { title: 'Revoked' },
)
export type Revoked = Static<typeof Revoked>

/** What of a token tells whether it was revoked; a token without a version is of version 0. */
export type Revocable = { id: string; sid: string; version: number }

export type Revocations = ReturnType<typeof revocationsFrom>

/** How often it is asked what was revoked, and how long an answer may take, in milliseconds. */
const EVERY = 2000
const WITHIN = 2000
/** How long a service waits for the first answer before it starts without, in milliseconds. */
const FIRST_WITHIN = 1000

/**
 * Keeps in mind what was revoked, asking every 2 s. While no one answers, what is known stays, and tokens are good until
 * they end.
 */
export function revocationsFrom(read: (since: number | undefined, signal: AbortSignal) => Promise<Revoked>) {
  const sessions = new Map<string, number>()
  const users = new Map<string, { version: number; until: number }>()
  let asking = new AbortController()
  let stopped = false
  let since: number | undefined
  let timer: NodeJS.Timeout | undefined
  let away = false

  const learn = ({ until, life, sessions: ended, users: changed }: Revoked): void => {
    const now = Date.now()
    for (const [id, end] of sessions) if (end < now) sessions.delete(id)
    for (const [id, { until: end }] of users) if (end < now) users.delete(id)
    for (const { id } of ended) sessions.set(id, now + life)
    for (const { id, version } of changed)
      if (version >= (users.get(id)?.version ?? 0)) users.set(id, { version, until: now + life })
    since = until
  }

  const ask = async (log: Logger): Promise<void> => {
    asking = new AbortController()
    const late = setTimeout(() => asking.abort(new Error('no answer in time')), WITHIN)
    try {
      learn(await read(since, asking.signal))
      if (away) log.info('auth-service tells again which tokens were revoked')
      away = false
    } catch (error) {
      if (!away && !stopped)
        log.warn({ err: error }, 'auth-service does not tell which tokens were revoked: they are good until they end')
      away = true
    } finally {
      clearTimeout(late)
    }
  }

  const goOn = (log: Logger): void => {
    if (stopped) return
    timer = setTimeout(() => void ask(log).then(() => goOn(log)), EVERY)
    timer.unref()
  }

  return {
    isRevoked: ({ id, sid, version }: Revocable): boolean =>
      sessions.has(sid) || version < (users.get(id)?.version ?? 0),

    /** Asks for the first time, and goes on until `stop`. Resolves when there is an answer, or in a second. */
    start: (log: Logger): Promise<void> =>
      inNoTrace(async () => {
        const first = ask(log).then(() => goOn(log))
        const { promise: enough, resolve } = Promise.withResolvers<void>()
        const waited = setTimeout(resolve, FIRST_WITHIN)
        await Promise.race([first, enough])
        clearTimeout(waited)
      }),

    stop: (): void => {
      stopped = true
      asking.abort()
      clearTimeout(timer)
    },
  }
}

/** What was revoked, as the auth-service whose keys are at `jwksUrl` tells. */
export function revocationsAt(jwksUrl: string): Revocations {
  const readRevoked = reader(Revoked)
  return revocationsFrom(async (since, signal) => {
    const url = new URL('/revocations', jwksUrl)
    if (since !== undefined) url.searchParams.set('since', String(since))
    const answer = await fetch(url, { signal })
    if (!answer.ok) throw new Error(`answered ${answer.status}`)
    return readRevoked(await answer.json())
  })
}
