import { ApiError, readProblem } from '../api/errors.ts'

/** The signed-in user, as REST describes them. */
export type SessionUser = {
  id: string
  name: string
  email: string
  role: 'user' | 'admin'
  locale: 'fr' | 'en'
  createdAt: string
  emailVerified: boolean
}

export type SessionState = { status: 'unknown' } | { status: 'anonymous' } | { status: 'signed-in'; user: SessionUser }

type SessionBody = { user: SessionUser; accessToken: string; expiresIn: number }

/** Whether this browser has a session, so that an anonymous visitor's page does not ask for one. It is no secret. */
const HINT = 'halles.signed-in'

/** An access token is renewed when it has less than this many milliseconds left. */
const RENEWAL_MARGIN = 30_000

/**
 * The session of this tab. The access token is held in memory only, where it is gone with the page; the refresh token is in a
 * cookie that no script can read (docs/contract.md, 1). Tabs share the cookie, so they renew one after the other.
 */
function createSession() {
  let state: SessionState = { status: 'unknown' }
  let token: { value: string; expiresAt: number } | undefined
  let restored: Promise<SessionState> | undefined
  const listeners = new Set<() => void>()
  // oxlint-disable unicorn/require-post-message-target-origin -- a BroadcastChannel has no target: it reaches this origin only
  const tabs = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel('halles.session')

  const setState = (next: SessionState): SessionState => {
    state = next
    for (const listener of listeners) listener()
    return next
  }

  const enter = ({ user, accessToken, expiresIn }: SessionBody): SessionState => {
    token = { value: accessToken, expiresAt: Date.now() + expiresIn * 1000 }
    localStorage.setItem(HINT, user.id)
    return setState({ status: 'signed-in', user })
  }

  const leave = (): SessionState => {
    token = undefined
    localStorage.removeItem(HINT)
    return setState({ status: 'anonymous' })
  }

  const post = (path: string, body?: unknown): Promise<Response> =>
    fetch(path, {
      method: 'POST',
      ...(body !== undefined && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
    })

  /** Renews the access token by the cookie. Tabs wait for each other, since a refresh token is for single use. */
  const renew = (): Promise<SessionState> =>
    navigator.locks.request('halles.session', async () => {
      const response = await post('/api/refresh')
      if (response.ok) return enter((await response.json()) as SessionBody)
      if (response.status === 401 || response.status === 403) return leave()
      throw await readProblem(response)
    })

  const begin = async (path: string, body: object): Promise<SessionState> => {
    const response = await post(path, { ...body, cookie: true }).catch((error: unknown) => {
      throw new ApiError('NETWORK', String(error))
    })
    if (!response.ok) throw await readProblem(response)
    const entered = enter((await response.json()) as SessionBody)
    tabs?.postMessage('signed-in')
    return entered
  }

  const restore = (): Promise<SessionState> => {
    if (localStorage.getItem(HINT) === null) return Promise.resolve(setState({ status: 'anonymous' }))
    return renew()
  }

  const session = {
    state: (): SessionState => state,
    subscribe: (listener: () => void): (() => void) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    /** Finds out once whether this browser is signed in. @throws ApiError when auth-service does not answer */
    ready: (): Promise<SessionState> => {
      restored ??= restore().catch((error: unknown) => {
        restored = undefined // the next page tries again
        throw error
      })
      return restored.then(() => state)
    },
    /** @throws ApiError `INVALID_CREDENTIALS`, `RATE_LIMITED`, … */
    signIn: (credentials: { email: string; password: string }) => begin('/api/login', credentials),
    /** @throws ApiError `VALIDATION_FAILED` with field errors, `EMAIL_TAKEN`, … */
    register: (input: { name: string; email: string; password: string; locale: 'fr' | 'en' }) =>
      begin('/api/register', input),
    signOut: async (): Promise<void> => {
      await post('/api/logout').catch(() => undefined) // without an answer the cookie stays, but this browser forgets it
      leave()
      tabs?.postMessage('signed-out')
    },
    /** Forgets the session without asking auth-service, which has ended it already. */
    forget: (): void => {
      leave()
      tabs?.postMessage('signed-out')
    },
    /** The access token, renewed when it is about to expire; undefined for an anonymous visitor. */
    accessToken: async (): Promise<string | undefined> => {
      await session.ready()
      if (token !== undefined && token.expiresAt - Date.now() < RENEWAL_MARGIN) await renew()
      return token?.value
    },
    /** Renews a token that a service rejected, unless another request has done so. */
    replaceToken: async (rejected: string): Promise<string | undefined> => {
      if (token?.value === rejected) await renew()
      return token?.value
    },
    /** Reads the user again, after a change of name, address or role. */
    reload: (): Promise<SessionState> => renew(),
  }

  tabs?.addEventListener('message', ({ data }) => {
    if (data === 'signed-out') {
      token = undefined
      setState({ status: 'anonymous' })
    } else void renew().catch(() => undefined) // the next request tries again
  })
  return session
}

/** The session of this tab. Only for browsers: the server renders pages for anonymous visitors. */
export const session = createSession()
