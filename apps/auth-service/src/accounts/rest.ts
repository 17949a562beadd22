import type { App } from '@halles/fastify-service/app'
import { PageView, toPageView } from '@halles/validation/page'
import { Timestamp } from '@halles/validation/schema'
import { Type, type Static } from 'typebox'
import type { AppDeps } from '../deps.ts'
import { changePassword } from '../passwords/change-password.ts'
import { ById, problems, requireAdminRole, requireSignIn, security, tags } from '../rest-schema.ts'
import { EventView } from '../security-log/security-event.ts'
import { OpenSessionView } from '../sessions/session.ts'
import { deleteAccount } from './delete-account.ts'
import { changeRole, setActive } from './manage-users.ts'
import { toJsonStream } from './my-data-stream.ts'
import { readMyData } from './read-my-data.ts'
import { readMe, readUser, searchUsers } from './read-users.ts'
import { updateProfile } from './update-profile.ts'
import {
  ActiveChange,
  Deletion,
  PasswordChange,
  Profile,
  RoleChange,
  toUserView,
  UserSearch,
  UserView,
} from './user.ts'

const MyData = Type.Object(
  {
    exportedAt: Timestamp,
    user: UserView,
    sessions: Type.Array(OpenSessionView),
    securityLog: Type.Array(EventView),
  },
  { title: 'MyData' },
)

/** The REST routes to one's own account and, for admins, to all users. */
export function accountRoutes(app: App, deps: AppDeps): void {
  app.get(
    '/me',
    {
      schema: {
        summary: 'The user of the access token.',
        tags,
        security,
        response: { 200: UserView, ...problems },
      },
    },
    async (request) => toUserView(await readMe(deps, request.principal)),
  )

  app.put(
    '/me',
    {
      schema: {
        summary:
          'Replaces the name and the language of e-mails. A change revokes the user’s access tokens: refresh after it.',
        tags,
        security,
        body: Profile,
        response: { 200: UserView, ...problems },
      },
      preValidation: requireSignIn,
    },
    async (request) => toUserView(await updateProfile(deps, request, request.body)),
  )

  app.delete(
    '/me',
    {
      schema: {
        summary: 'Deletes the user’s account and their personal data in all services. Requires the password.',
        tags,
        security,
        body: Deletion,
        response: { 204: Type.Null(), ...problems },
      },
      preValidation: requireSignIn,
    },
    async (request, reply) => {
      await deleteAccount(deps, request, request.body.password)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/me/data',
    {
      schema: {
        summary:
          'Exports all data of this service about the user. Their orders and e-mails are at `/orders` and `/notifications`.',
        tags,
        security,
        response: { 200: MyData, ...problems },
      },
    },
    async (request, reply) => {
      const data = toJsonStream(await readMyData(deps, request.principal), deps.now())
      reply.type('application/json; charset=utf-8')
      // A stream is sent as it is, whatever the type of the response.
      return data as unknown as Static<typeof MyData>
    },
  )

  app.put(
    '/me/password',
    {
      schema: {
        summary: 'Changes the password, and ends the user’s other sessions. Requires the current password.',
        tags,
        security,
        body: PasswordChange,
        response: { 204: Type.Null(), ...problems },
      },
      preValidation: requireSignIn,
    },
    async (request, reply) => {
      await changePassword(deps, request, request.body)
      return reply.code(204).send(null)
    },
  )

  app.get(
    '/users',
    {
      schema: {
        summary: 'Lists all users, newest first. `search` matches prefixes of words of name and e-mail. For admins.',
        tags,
        security,
        querystring: UserSearch,
        response: { 200: PageView(UserView, 'UserPage'), ...problems },
      },
      preValidation: requireAdminRole,
    },
    async (request) => toPageView(await searchUsers(deps, request.principal, request.query), toUserView),
  )

  app.get(
    '/users/:id',
    {
      schema: {
        summary: 'A user, for themselves or an admin.',
        tags,
        security,
        params: ById,
        response: { 200: UserView, ...problems },
      },
    },
    async (request) => toUserView(await readUser(deps, request.principal, request.params.id)),
  )

  app.put(
    '/users/:id/role',
    {
      schema: {
        summary: 'Changes the role of another user. For admins.',
        tags,
        security,
        params: ById,
        body: RoleChange,
        response: { 200: UserView, ...problems },
      },
      preValidation: requireAdminRole,
    },
    async (request) => toUserView(await changeRole(deps, request, request.params.id, request.body.role)),
  )

  app.put(
    '/users/:id/active',
    {
      schema: {
        summary: 'Deactivates the account of another user, which ends their sessions, or reactivates it. For admins.',
        tags,
        security,
        params: ById,
        body: ActiveChange,
        response: { 200: UserView, ...problems },
      },
      preValidation: requireAdminRole,
    },
    async (request) => toUserView(await setActive(deps, request, request.params.id, request.body.active)),
  )
}
