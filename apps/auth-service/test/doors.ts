import { randomUUID } from 'node:crypto'
import { ownDatabase } from '@halles/testkit/database'
import { inject } from 'vitest'
import type { createApp } from '../src/app.ts'
import { configFrom, type Settings } from '../src/config.ts'
import type { Registration } from '../src/user.ts'

type App = Awaited<ReturnType<typeof createApp>>
type Headers = Record<string, string>

/** Settings of an auth-service with a database of its own. */
export const ownSettings = (more: NodeJS.ProcessEnv = {}): Settings =>
  configFrom({
    MONGODB_URL: ownDatabase(inject('mongodb'), 'auth'),
    PORT: '0',
    LOG_LEVEL: 'silent',
    THROTTLING_SCALE: '1000',
    ...more,
  })

/** A clock that stands still until it is moved, by milliseconds: a busy machine lets no wait pass unnoticed. */
export function stoppedClock() {
  let at = Date.now()
  return { now: () => new Date(at), move: (ms: number) => void (at += ms) }
}

/** A clock that goes, and can be moved ahead, by milliseconds. */
export function clock() {
  let ahead = 0
  return { now: () => new Date(Date.now() + ahead), move: (ms: number) => void (ahead += ms) }
}

/** Someone who has no account yet. */
export const newcomer = (more: Partial<Registration> = {}): Registration => ({
  name: 'Camille Martin',
  email: `${randomUUID()}@example.test`,
  password: 'quatre saisons dans un panier',
  ...more,
})

export type Answer = {
  /** What was asked for; undefined when it was refused. */
  value?: any
  code?: string
  errors?: { path: string; message: string }[]
}

export const bearer = (accessToken: string): Headers => ({ authorization: `Bearer ${accessToken}` })

/** One GraphQL operation: its data and its errors. */
export const graphqlOf =
  (app: App) =>
  async (query: string, variables: object = {}, headers: Headers = {}): Promise<{ data: any; errors?: any[] }> =>
    (await app.inject({ method: 'POST', url: '/graphql', headers, payload: { query, variables } })).json()

/** The same wishes through both doors, answered alike, so that a test can hold both to the same promise. */
export const doors = {
  REST: (app: App) => {
    const ask = async (
      method: 'GET' | 'POST' | 'PUT' | 'DELETE',
      url: string,
      payload?: object,
      headers: Headers = {},
    ): Promise<Answer> => {
      const answer = await app.inject({ method, url, headers, ...(payload && { payload }) })
      if (answer.statusCode === 204 || answer.statusCode === 202) return { value: true }
      const body = answer.json()
      return answer.statusCode < 300 ? { value: body } : { code: body.code, errors: body.errors }
    }
    return {
      register: (wish: object) => ask('POST', '/register', wish),
      login: (wish: object) => ask('POST', '/login', wish),
      refresh: (refreshToken: unknown) => ask('POST', '/refresh', { refreshToken }),
      logout: (refreshToken: unknown) => ask('POST', '/logout', { refreshToken }),
      me: (headers?: Headers) => ask('GET', '/me', undefined, headers),
      changePassword: (change: object, headers?: Headers) => ask('PUT', '/me/password', change, headers),
      deleteAccount: (password: string, headers?: Headers) => ask('DELETE', '/me', { password }, headers),
      askForReset: (email: string) => ask('POST', '/password/forgotten', { email }),
      resetPassword: (token: string, newPassword: string) => ask('POST', '/password/reset', { token, newPassword }),
      askForVerification: (headers?: Headers) => ask('POST', '/email/verification', undefined, headers),
      verifyEmail: (token: string) => ask('POST', '/email/verify', { token }),
      askForEmailChange: (email: string, password: string, headers?: Headers) =>
        ask('PUT', '/me/email', { email, password }, headers),
      changeEmail: (token: string) => ask('POST', '/email/change', { token }),
      sessions: (headers?: Headers, userId?: string) => ask('GET', `/sessions${of(userId)}`, undefined, headers),
      endSession: (id: string, headers?: Headers) => ask('DELETE', `/sessions/${id}`, undefined, headers),
      endAllSessions: (headers?: Headers, userId?: string) =>
        ask('DELETE', `/sessions${of(userId)}`, undefined, headers),
      user: (id: string, headers?: Headers) => ask('GET', `/users/${id}`, undefined, headers),
      setRole: (id: string, role: string, headers?: Headers) => ask('PUT', `/users/${id}/role`, { role }, headers),
      setActive: (id: string, active: boolean, headers?: Headers) =>
        ask('PUT', `/users/${id}/active`, { active }, headers),
      securityLog: (userId: string, headers?: Headers) => ask('GET', `/security-log${of(userId)}`, undefined, headers),
    }
  },
  GraphQL: (app: App) => {
    const session = `{ user { ${USER} } accessToken refreshToken expiresIn }`
    const ask = async (query: string, variables: object = {}, headers: Headers = {}): Promise<Answer> => {
      const { data, errors } = await graphqlOf(app)(query, variables, headers)
      if (errors) return { code: errors[0].extensions.code, errors: errors[0].extensions.errors }
      return { value: lowered(Object.values(data)[0]) }
    }
    const raised = ({ locale, ...wish }: { locale?: string }) => ({ ...wish, locale: locale?.toUpperCase() })
    return {
      register: (wish: object) =>
        ask(`mutation ($input: RegisterInput!) { register(input: $input) ${session} }`, { input: raised(wish) }),
      login: (input: object) => ask(`mutation ($input: LoginInput!) { login(input: $input) ${session} }`, { input }),
      refresh: (token: unknown) =>
        ask(`mutation ($token: String!) { refreshSession(refreshToken: $token) ${session} }`, { token }),
      logout: (token: unknown) => ask('mutation ($token: String!) { logout(refreshToken: $token) }', { token }),
      me: (headers?: Headers) => ask(`{ me { ${USER} } }`, {}, headers),
      changePassword: (input: object, headers?: Headers) =>
        ask('mutation ($input: ChangePasswordInput!) { changePassword(input: $input) }', { input }, headers),
      deleteAccount: (password: string, headers?: Headers) =>
        ask('mutation ($password: String!) { deleteAccount(password: $password) }', { password }, headers),
      askForReset: (email: string) =>
        ask('mutation ($email: String!) { requestPasswordReset(email: $email) }', { email }),
      resetPassword: (token: string, newPassword: string) =>
        ask(
          'mutation ($token: String!, $newPassword: String!) { resetPassword(token: $token, newPassword: $newPassword) }',
          {
            token,
            newPassword,
          },
        ),
      askForVerification: (headers?: Headers) => ask('mutation { requestEmailVerification }', {}, headers),
      verifyEmail: (token: string) => ask('mutation ($token: String!) { verifyEmail(token: $token) }', { token }),
      askForEmailChange: (email: string, password: string, headers?: Headers) =>
        ask(
          'mutation ($email: String!, $password: String!) { requestEmailChange(email: $email, password: $password) }',
          { email, password },
          headers,
        ),
      changeEmail: (token: string) => ask('mutation ($token: String!) { changeEmail(token: $token) }', { token }),
      sessions: async (headers?: Headers, userId?: string) => {
        const who = userId === undefined ? 'me' : 'user(id: $userId)'
        const wish = `query ${userId === undefined ? '' : '($userId: ID!)'} { ${who} { sessions { ${SESSIONS} } } }`
        const { value, ...refused } = await ask(wish, { userId }, headers)
        return value ? { value: pageIn(value.sessions) } : refused
      },
      endSession: (id: string, headers?: Headers) =>
        ask('mutation ($id: ID!) { endSession(id: $id) }', { id }, headers),
      endAllSessions: (headers?: Headers, userId?: string) =>
        ask('mutation ($userId: ID) { endAllSessions(userId: $userId) }', { userId }, headers),
      user: (id: string, headers?: Headers) => ask(`query ($id: ID!) { user(id: $id) { ${USER} } }`, { id }, headers),
      setRole: (id: string, role: string, headers?: Headers) =>
        ask(
          `mutation ($id: ID!, $role: Role!) { setUserRole(id: $id, role: $role) { ${USER} } }`,
          { id, role: role.toUpperCase() },
          headers,
        ),
      setActive: (id: string, active: boolean, headers?: Headers) =>
        ask(
          `mutation ($id: ID!, $active: Boolean!) { setUserActive(id: $id, active: $active) { ${USER} } }`,
          { id, active },
          headers,
        ),
      securityLog: async (userId: string, headers?: Headers) => {
        const wish = `query ($userId: ID) { securityLog(userId: $userId) { ${EVENTS} } }`
        const { value, ...refused } = await ask(wish, { userId }, headers)
        if (!value) return refused
        const lower = (text: string) => text.toLowerCase().replaceAll('_', '-')
        const page = pageIn(value)
        return {
          value: {
            ...page,
            items: page.items.map((e: any) => ({ ...e, what: lower(e.what), outcome: lower(e.outcome) })),
          },
        }
      },
    }
  },
}

const USER = 'id name email role locale createdAt active emailVerified'
const PAGE = 'pageInfo { hasNextPage endCursor } totalCount totalCountIsExact'
const SESSIONS = `nodes { id userId agent createdAt refreshedAt expiresAt current } ${PAGE}`
const EVENTS = `nodes { id at what outcome userId byId sessionId place traceId } ${PAGE}`

const of = (userId: string | undefined): string => (userId === undefined ? '' : `?userId=${encodeURIComponent(userId)}`)
const pageIn = ({ nodes, ...page }: any) => ({ items: nodes, ...page })

/** GraphQL's ROLE and LOCALE as REST writes them, and what REST adds. */
function lowered(value: any): any {
  if (value?.user) return { ...value, user: lowered(value.user), tokenType: 'Bearer' }
  return value?.role ? { ...value, role: value.role.toLowerCase(), locale: value.locale.toLowerCase() } : value
}
