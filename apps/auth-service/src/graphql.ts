import { readFileSync } from 'node:fs'
import { serveSubgraph, type App } from '@halles/service/app'
import { subgraph } from '@halles/service/graphql'
import { connection } from '@halles/service/page'
import { signedIn } from '@halles/service/person'
import { reader } from '@halles/service/schema'
import { EmailChange, Forgotten, PasswordReset, Verification } from './account-link.ts'
import { askForReset, askForVerification } from './ask-for-link.ts'
import { askForEmailChange, changeEmail } from './change-email.ts'
import { changePassword } from './change-password.ts'
import { deleteAccount } from './delete-account.ts'
import type { Desk } from './desk.ts'
import { endAllSessions, endSession } from './end-sessions.ts'
import type { Locale, Outcome, Resolvers, Role, SecurityEventKind } from './gen/graphql.ts'
import { logIn } from './log-in.ts'
import { logOut } from './log-out.ts'
import { changeRole, setActive } from './manage-users.ts'
import { readSecurityLog } from './read-security-log.ts'
import { readSessions } from './read-sessions.ts'
import { readMe, readUser, readUsers, searchUsers } from './read-users.ts'
import { refreshSession } from './refresh-session.ts'
import { register } from './register.ts'
import { EventSearch } from './security-event.ts'
import { Holding, SessionSearch } from './session.ts'
import { resetPassword, verifyEmail } from './use-link.ts'
import { Credentials, Deletion, PasswordChange, Registration, UserSearch } from './user.ts'

const sdl = readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8')

const readRegistration = reader(Registration)
const readCredentials = reader(Credentials)
const readHolding = reader(Holding)
const readSearch = reader(UserSearch)
const readPasswordChange = reader(PasswordChange)
const readDeletion = reader(Deletion)
const readEmailChange = reader(EmailChange)
const readForgotten = reader(Forgotten)
const readPasswordReset = reader(PasswordReset)
const readVerification = reader(Verification)
const readSessionSearch = reader(SessionSearch)
const readEventSearch = reader(EventSearch)

/** The GraphQL face of auth-service. */
export function graphql(app: App, desk: Desk): void {
  const resolvers: Resolvers = {
    Query: {
      me: (_root, _args, { person }) => readMe(desk, person),
      user: (_root, { id }, { person }) => readUser(desk, person, id),
      users: async (_root, args, { person }) => connection(await searchUsers(desk, person, readSearch(given(args)))),
      securityLog: async (_root, args, { person }) =>
        connection(await readSecurityLog(desk, person, readEventSearch(given(args)))),
    },
    Mutation: {
      register: (_root, { input: { locale, ...input } }, { request }) =>
        register(desk, request, readRegistration({ ...input, ...(locale && { locale: locale.toLowerCase() }) })),
      login: (_root, { input }, { request }) => logIn(desk, request, readCredentials({ ...input })),
      refreshSession: (_root, args, { request }) =>
        refreshSession(desk, request, readHolding({ ...args }).refreshToken),
      logout: async (_root, args, { request }) => {
        await logOut(desk, request, readHolding({ ...args }).refreshToken)
        return true
      },
      changePassword: async (_root, { input }, { request }) => {
        signedIn(request.person)
        await changePassword(desk, request, readPasswordChange({ ...input }))
        return true
      },
      deleteAccount: async (_root, args, { request }) => {
        signedIn(request.person)
        await deleteAccount(desk, request, readDeletion({ ...args }).password)
        return true
      },
      requestPasswordReset: async (_root, args, { request }) => {
        await askForReset(desk, request, readForgotten({ ...args }).email)
        return true
      },
      resetPassword: async (_root, args, { request }) => {
        await resetPassword(desk, request, readPasswordReset({ ...args }))
        return true
      },
      requestEmailVerification: async (_root, _args, { request }) => {
        await askForVerification(desk, request)
        return true
      },
      verifyEmail: async (_root, args, { request }) => {
        await verifyEmail(desk, request, readVerification({ ...args }).token)
        return true
      },
      requestEmailChange: async (_root, args, { request }) => {
        signedIn(request.person)
        await askForEmailChange(desk, request, readEmailChange({ ...args }))
        return true
      },
      changeEmail: async (_root, args, { request }) => {
        await changeEmail(desk, request, readVerification({ ...args }).token)
        return true
      },
      endSession: async (_root, { id }, { request }) => {
        await endSession(desk, request, id)
        return true
      },
      endAllSessions: async (_root, { userId }, { request }) => {
        await endAllSessions(desk, request, userId ?? undefined)
        return true
      },
      setUserRole: (_root, { id, role }, { request }) =>
        changeRole(desk, request, id, role === 'ADMIN' ? 'admin' : 'user'),
      setUserActive: (_root, { id, active }, { request }) => setActive(desk, request, id, active),
    },
    SecurityEvent: {
      what: ({ what }) => what.toUpperCase().replaceAll('-', '_') as SecurityEventKind,
      outcome: ({ outcome }) => outcome.toUpperCase() as Outcome,
    },
    User: {
      sessions: async ({ id }, args, { person }) =>
        connection(await readSessions(desk, person, readSessionSearch({ ...given(args), userId: id }))),
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
