import { readFileSync } from 'node:fs'
import { type App } from '@halles/fastify-service/app'
import { serveSubgraph } from '@halles/subgraph/serve-subgraph'
import { createSubgraphSchema } from '@halles/subgraph/subgraph-schema'
import { toConnection } from '@halles/validation/page'
import { requirePrincipal } from '@halles/auth/principal'
import { createParser } from '@halles/validation/schema'
import { EmailChange, LinkToken, PasswordReset, PasswordResetRequest } from './account-links/account-link.ts'
import { changeEmail, requestEmailChange } from './account-links/change-email.ts'
import { resetPassword, verifyEmail } from './account-links/redeem-link.ts'
import { requestEmailVerification, requestPasswordReset } from './account-links/request-link.ts'
import { deleteAccount } from './accounts/delete-account.ts'
import { changeRole, setActive } from './accounts/manage-users.ts'
import { readMe, readUser, readUsers, searchUsers } from './accounts/read-users.ts'
import { register } from './accounts/register.ts'
import { updateProfile } from './accounts/update-profile.ts'
import { Credentials, Deletion, PasswordChange, Profile, Registration, UserSearch } from './accounts/user.ts'
import type { AppDeps } from './deps.ts'
import type { Locale, Outcome, Resolvers, Role, SecurityEventKind } from './gen/graphql.ts'
import { changePassword } from './passwords/change-password.ts'
import { readSecurityLog } from './security-log/read-security-log.ts'
import { EventSearch } from './security-log/security-event.ts'
import { endAllSessions, endSession } from './sessions/end-sessions.ts'
import { readSessions } from './sessions/read-sessions.ts'
import { refreshSession } from './sessions/refresh-session.ts'
import { RefreshTokenInput, SessionSearch } from './sessions/session.ts'
import { logIn } from './sign-in/log-in.ts'
import { logOut } from './sign-in/log-out.ts'

const sdl = readFileSync(new URL('../schema.graphql', import.meta.url), 'utf8')

const parseRegistration = createParser(Registration)
const parseCredentials = createParser(Credentials)
const parseRefreshToken = createParser(RefreshTokenInput)
const parseUserSearch = createParser(UserSearch)
const parsePasswordChange = createParser(PasswordChange)
const parseProfile = createParser(Profile)
const parseDeletion = createParser(Deletion)
const parseEmailChange = createParser(EmailChange)
const parsePasswordResetRequest = createParser(PasswordResetRequest)
const parsePasswordReset = createParser(PasswordReset)
const parseLinkToken = createParser(LinkToken)
const parseSessionSearch = createParser(SessionSearch)
const parseEventSearch = createParser(EventSearch)

/** Registers the GraphQL subgraph of auth-service. */
export function graphql(app: App, deps: AppDeps): void {
  const resolvers: Resolvers = {
    Query: {
      me: (_root, _args, context) => readMe(deps, context.principal),
      user: (_root, { id }, context) => readUser(deps, context.principal, id),
      users: async (_root, args, context) =>
        toConnection(await searchUsers(deps, context.principal, parseUserSearch(withoutNulls(args)))),
      securityLog: async (_root, args, context) =>
        toConnection(await readSecurityLog(deps, context.principal, parseEventSearch(withoutNulls(args)))),
    },
    Mutation: {
      register: (_root, { input: { locale, ...input } }, { request }) =>
        register(deps, request, parseRegistration({ ...input, ...(locale && { locale: locale.toLowerCase() }) })),
      login: (_root, { input }, { request }) => logIn(deps, request, parseCredentials({ ...input })),
      refreshSession: (_root, args, { request }) =>
        refreshSession(deps, request, parseRefreshToken({ ...args }).refreshToken),
      logout: async (_root, args, { request }) => {
        await logOut(deps, request, parseRefreshToken({ ...args }).refreshToken)
        return true
      },
      changePassword: async (_root, { input }, { request }) => {
        requirePrincipal(request.principal)
        await changePassword(deps, request, parsePasswordChange({ ...input }))
        return true
      },
      updateProfile: (_root, { input }, { request }) => {
        requirePrincipal(request.principal)
        return updateProfile(deps, request, parseProfile({ ...input, locale: input.locale.toLowerCase() }))
      },
      deleteAccount: async (_root, args, { request }) => {
        requirePrincipal(request.principal)
        await deleteAccount(deps, request, parseDeletion({ ...args }).password)
        return true
      },
      requestPasswordReset: async (_root, args, { request }) => {
        await requestPasswordReset(deps, request, parsePasswordResetRequest({ ...args }).email)
        return true
      },
      resetPassword: async (_root, args, { request }) => {
        await resetPassword(deps, request, parsePasswordReset({ ...args }))
        return true
      },
      requestEmailVerification: async (_root, _args, { request }) => {
        await requestEmailVerification(deps, request)
        return true
      },
      verifyEmail: async (_root, args, { request }) => {
        await verifyEmail(deps, request, parseLinkToken({ ...args }).token)
        return true
      },
      requestEmailChange: async (_root, args, { request }) => {
        requirePrincipal(request.principal)
        await requestEmailChange(deps, request, parseEmailChange({ ...args }))
        return true
      },
      changeEmail: async (_root, args, { request }) => {
        await changeEmail(deps, request, parseLinkToken({ ...args }).token)
        return true
      },
      endSession: async (_root, { id }, { request }) => {
        await endSession(deps, request, id)
        return true
      },
      endAllSessions: async (_root, { userId }, { request }) => {
        await endAllSessions(deps, request, userId ?? undefined)
        return true
      },
      setUserRole: (_root, { id, role }, { request }) =>
        changeRole(deps, request, id, role === 'ADMIN' ? 'admin' : 'user'),
      setUserActive: (_root, { id, active }, { request }) => setActive(deps, request, id, active),
    },
    SecurityEvent: {
      what: ({ what }) => what.toUpperCase().replaceAll('-', '_') as SecurityEventKind,
      outcome: ({ outcome }) => outcome.toUpperCase() as Outcome,
    },
    User: {
      sessions: async ({ id }, args, context) =>
        toConnection(
          await readSessions(deps, context.principal, parseSessionSearch({ ...withoutNulls(args), userId: id })),
        ),
      role: ({ role }) => role.toUpperCase() as Role,
      locale: ({ locale }) => locale.toUpperCase() as Locale,
    },
  }
  const references = {
    User: (keys: { id: string }[], context: { principal: Parameters<typeof readUsers>[1] }) =>
      readUsers(
        deps,
        context.principal,
        keys.map(({ id }) => id),
      ),
  }
  serveSubgraph(app, createSubgraphSchema({ sdl, resolvers, references }))
}

/** The arguments that are not null: the schemas accept absent properties, and null means absent in these fields. */
const withoutNulls = (args: object): object =>
  Object.fromEntries(Object.entries(args).filter(([, value]) => value !== null))
