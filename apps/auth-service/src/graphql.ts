import { readFileSync } from 'node:fs'
import { serveSubgraph, type App } from '@halles/service/app'
import { subgraph } from '@halles/service/graphql'
import { connection } from '@halles/service/page'
import { reader } from '@halles/service/schema'
import type { Desk } from './desk.ts'
import type { Locale, Resolvers, Role } from './gen/graphql.ts'
import { logIn } from './log-in.ts'
import { logOut } from './log-out.ts'
import { readMe, readUser, readUsers, searchUsers } from './read-users.ts'
import { refreshSession } from './refresh-session.ts'
import { register } from './register.ts'
import { Holding } from './session.ts'
import { Credentials, Registration, UserSearch } from './user.ts'

const sdl = readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8')

const readRegistration = reader(Registration)
const readCredentials = reader(Credentials)
const readHolding = reader(Holding)
const readSearch = reader(UserSearch)

/** The GraphQL face of auth-service. */
export function graphql(app: App, desk: Desk): void {
  const resolvers: Resolvers = {
    Query: {
      me: (_root, _args, { person }) => readMe(desk, person),
      user: (_root, { id }, { person }) => readUser(desk, person, id),
      users: async (_root, args, { person }) => connection(await searchUsers(desk, person, readSearch(given(args)))),
    },
    Mutation: {
      register: (_root, { input: { locale, ...input } }, { request }) =>
        register(desk, request.client, readRegistration({ ...input, ...(locale && { locale: locale.toLowerCase() }) })),
      login: (_root, { input }, { request }) => logIn(desk, request.client, readCredentials({ ...input })),
      refreshSession: (_root, args) => refreshSession(desk, readHolding({ ...args }).refreshToken),
      logout: async (_root, args) => {
        await logOut(desk, readHolding({ ...args }).refreshToken)
        return true
      },
    },
    User: {
      role: ({ role }) => role.toUpperCase() as Role,
      locale: ({ locale }) => locale.toUpperCase() as Locale,
    },
  }
  const references = {
    User: (keys: { id: string }[], { person }: { person: Parameters<typeof readUsers>[1] }) =>
      readUsers(
        desk,
        person,
        keys.map(({ id }) => id),
      ),
  }
  serveSubgraph(app, subgraph({ sdl, resolvers, references }))
}

/** Arguments without those that are null: GraphQL does not tell "null" from "left out" here. */
const given = (args: object): object => Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null))
