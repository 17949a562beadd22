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

/** A clock that stands until it is moved, by milliseconds. */
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
      method: 'GET' | 'POST',
      url: string,
      payload?: object,
      headers: Headers = {},
    ): Promise<Answer> => {
      const answer = await app.inject({ method, url, headers, ...(payload && { payload }) })
      if (answer.statusCode === 204) return { value: true }
      const body = answer.json()
      return answer.statusCode < 300 ? { value: body } : { code: body.code, errors: body.errors }
    }
    return {
      register: (wish: object) => ask('POST', '/register', wish),
      login: (wish: object) => ask('POST', '/login', wish),
      refresh: (refreshToken: unknown) => ask('POST', '/refresh', { refreshToken }),
      logout: (refreshToken: unknown) => ask('POST', '/logout', { refreshToken }),
      me: (headers?: Headers) => ask('GET', '/me', undefined, headers),
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
    }
  },
}

const USER = 'id name email role locale createdAt'

/** GraphQL's ROLE and LOCALE as REST writes them, and what REST adds. */
function lowered(value: any): any {
  if (value?.user) return { ...value, user: lowered(value.user), tokenType: 'Bearer' }
  return value?.role ? { ...value, role: value.role.toLowerCase(), locale: value.locale.toLowerCase() } : value
}
