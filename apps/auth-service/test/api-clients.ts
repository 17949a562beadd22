import type { createApp } from '../src/app.ts'
import { bearer, registrationInput, type Headers } from './fixtures.ts'

type App = Awaited<ReturnType<typeof createApp>>

export type ApiResult = {
  /** What was requested; undefined when the response is an error. */
  value?: any
  code?: string
  errors?: { path: string; message: string }[]
}

/** Sends GraphQL operations to an app. Each returns its data and errors. */
export const createGraphQLSender =
  (app: App) =>
  async (query: string, variables: object = {}, headers: Headers = {}): Promise<{ data: any; errors?: any[] }> =>
    (await app.inject({ method: 'POST', url: '/graphql', headers, payload: { query, variables } })).json()

export type ApiClient = ReturnType<typeof createRestClient>

function createRestClient(app: App) {
  const send = async (
    method: 'GET' | 'POST' | 'PUT' | 'DELETE',
    url: string,
    payload?: object,
    headers: Headers = {},
  ): Promise<ApiResult> => {
    const response = await app.inject({ method, url, headers, ...(payload && { payload }) })
    if (response.statusCode === 204 || response.statusCode === 202) return { value: true }
    const body = response.json()
    return response.statusCode < 300 ? { value: body } : { code: body.code, errors: body.errors }
  }
  return {
    register: (input: object) => send('POST', '/register', input),
    login: (input: object) => send('POST', '/login', input),
    refresh: (refreshToken: unknown) => send('POST', '/refresh', { refreshToken }),
    logout: (refreshToken: unknown) => send('POST', '/logout', { refreshToken }),
    me: (headers?: Headers) => send('GET', '/me', undefined, headers),
    changePassword: (input: object, headers?: Headers) => send('PUT', '/me/password', input, headers),
    updateProfile: (input: object, headers?: Headers) => send('PUT', '/me', input, headers),
    deleteAccount: (password: string, headers?: Headers) => send('DELETE', '/me', { password }, headers),
    requestPasswordReset: (email: string) => send('POST', '/password/forgotten', { email }),
    resetPassword: (token: string, newPassword: string) => send('POST', '/password/reset', { token, newPassword }),
    requestEmailVerification: (headers?: Headers) => send('POST', '/email/verification', undefined, headers),
    verifyEmail: (token: string) => send('POST', '/email/verify', { token }),
    requestEmailChange: (email: string, password: string, headers?: Headers) =>
      send('PUT', '/me/email', { email, password }, headers),
    changeEmail: (token: string) => send('POST', '/email/change', { token }),
    sessions: (headers?: Headers, userId?: string) => send('GET', `/sessions${userQuery(userId)}`, undefined, headers),
    endSession: (id: string, headers?: Headers) => send('DELETE', `/sessions/${id}`, undefined, headers),
    endAllSessions: (headers?: Headers, userId?: string) =>
      send('DELETE', `/sessions${userQuery(userId)}`, undefined, headers),
    user: (id: string, headers?: Headers) => send('GET', `/users/${id}`, undefined, headers),
    setRole: (id: string, role: string, headers?: Headers) => send('PUT', `/users/${id}/role`, { role }, headers),
    setActive: (id: string, active: boolean, headers?: Headers) =>
      send('PUT', `/users/${id}/active`, { active }, headers),
    securityLog: (userId: string, headers?: Headers) =>
      send('GET', `/security-log${userQuery(userId)}`, undefined, headers),
  }
}

function createGraphQLClient(app: App): ApiClient {
  const session = `{ user { ${USER} } accessToken refreshToken expiresIn }`
  const send = async (query: string, variables: object = {}, headers: Headers = {}): Promise<ApiResult> => {
    const { data, errors } = await createGraphQLSender(app)(query, variables, headers)
    if (errors) return { code: errors[0].extensions.code, errors: errors[0].extensions.errors }
    return { value: toRestValue(Object.values(data)[0]) }
  }
  const toRegisterInput = ({ locale, ...input }: { locale?: string }) => ({ ...input, locale: locale?.toUpperCase() })
  return {
    register: (input: object) =>
      send(`mutation ($input: RegisterInput!) { register(input: $input) ${session} }`, {
        input: toRegisterInput(input),
      }),
    login: (input: object) => send(`mutation ($input: LoginInput!) { login(input: $input) ${session} }`, { input }),
    refresh: (token: unknown) =>
      send(`mutation ($token: String!) { refreshSession(refreshToken: $token) ${session} }`, { token }),
    logout: (token: unknown) => send('mutation ($token: String!) { logout(refreshToken: $token) }', { token }),
    me: (headers?: Headers) => send(`{ me { ${USER} } }`, {}, headers),
    changePassword: (input: object, headers?: Headers) =>
      send('mutation ($input: ChangePasswordInput!) { changePassword(input: $input) }', { input }, headers),
    updateProfile: (input: object, headers?: Headers) =>
      send(
        `mutation ($input: UpdateProfileInput!) { updateProfile(input: $input) { ${USER} } }`,
        { input: toRegisterInput(input) },
        headers,
      ),
    deleteAccount: (password: string, headers?: Headers) =>
      send('mutation ($password: String!) { deleteAccount(password: $password) }', { password }, headers),
    requestPasswordReset: (email: string) =>
      send('mutation ($email: String!) { requestPasswordReset(email: $email) }', { email }),
    resetPassword: (token: string, newPassword: string) =>
      send(
        'mutation ($token: String!, $newPassword: String!) { resetPassword(token: $token, newPassword: $newPassword) }',
        { token, newPassword },
      ),
    requestEmailVerification: (headers?: Headers) => send('mutation { requestEmailVerification }', {}, headers),
    verifyEmail: (token: string) => send('mutation ($token: String!) { verifyEmail(token: $token) }', { token }),
    requestEmailChange: (email: string, password: string, headers?: Headers) =>
      send(
        'mutation ($email: String!, $password: String!) { requestEmailChange(email: $email, password: $password) }',
        { email, password },
        headers,
      ),
    changeEmail: (token: string) => send('mutation ($token: String!) { changeEmail(token: $token) }', { token }),
    sessions: async (headers?: Headers, userId?: string) => {
      const user = userId === undefined ? 'me' : 'user(id: $userId)'
      const query = `query ${userId === undefined ? '' : '($userId: ID!)'} { ${user} { sessions { ${SESSIONS} } } }`
      const { value, ...error } = await send(query, { userId }, headers)
      return value ? { value: toRestPage(value.sessions) } : error
    },
    endSession: (id: string, headers?: Headers) => send('mutation ($id: ID!) { endSession(id: $id) }', { id }, headers),
    endAllSessions: (headers?: Headers, userId?: string) =>
      send('mutation ($userId: ID) { endAllSessions(userId: $userId) }', { userId }, headers),
    user: (id: string, headers?: Headers) => send(`query ($id: ID!) { user(id: $id) { ${USER} } }`, { id }, headers),
    setRole: (id: string, role: string, headers?: Headers) =>
      send(
        `mutation ($id: ID!, $role: Role!) { setUserRole(id: $id, role: $role) { ${USER} } }`,
        { id, role: role.toUpperCase() },
        headers,
      ),
    setActive: (id: string, active: boolean, headers?: Headers) =>
      send(
        `mutation ($id: ID!, $active: Boolean!) { setUserActive(id: $id, active: $active) { ${USER} } }`,
        { id, active },
        headers,
      ),
    securityLog: async (userId: string, headers?: Headers) => {
      const query = `query ($userId: ID) { securityLog(userId: $userId) { ${EVENTS} } }`
      const { value, ...error } = await send(query, { userId }, headers)
      if (!value) return error
      const toRestEnum = (text: string) => text.toLowerCase().replaceAll('_', '-')
      const page = toRestPage(value)
      return {
        value: {
          ...page,
          items: page.items.map((e: any) => ({ ...e, what: toRestEnum(e.what), outcome: toRestEnum(e.outcome) })),
        },
      }
    },
  }
}

/** Clients with the same functions and results for REST and GraphQL, so that one test can check both. */
export const apiClients = { REST: createRestClient, GraphQL: createGraphQLClient }

/** Registers a user. Returns the input, the session, and the headers that authenticate the user. */
export async function registerUser(client: ApiClient) {
  const input = registrationInput()
  const { value } = await client.register(input)
  return { ...input, id: value.user.id as string, session: value, headers: bearer(value.accessToken) }
}

const USER = 'id name email role locale createdAt active emailVerified'
const PAGE = 'pageInfo { hasNextPage endCursor } totalCount totalCountIsExact'
const SESSIONS = `nodes { id userId agent createdAt refreshedAt expiresAt current } ${PAGE}`
const EVENTS = `nodes { id at what outcome userId byId sessionId place traceId } ${PAGE}`

const userQuery = (userId: string | undefined): string =>
  userId === undefined ? '' : `?userId=${encodeURIComponent(userId)}`
const toRestPage = ({ nodes, ...page }: any) => ({ items: nodes, ...page })

/** Converts a GraphQL user or session to the form of REST: enum values in lower case, and the token type. */
function toRestValue(value: any): any {
  if (value?.user) return { ...value, user: toRestValue(value.user), tokenType: 'Bearer' }
  return value?.role ? { ...value, role: value.role.toLowerCase(), locale: value.locale.toLowerCase() } : value
}
