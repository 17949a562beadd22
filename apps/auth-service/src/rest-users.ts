import type { App } from '@halles/service/app'
import { PageView, pageView } from '@halles/service/page'
import type { Desk } from './desk.ts'
import { changeRole, setActive } from './manage-users.ts'
import { readSecurityLog } from './read-security-log.ts'
import { readUser, searchUsers } from './read-users.ts'
import { ById, isAdmin, problems, security, tags } from './route.ts'
import { EventSearch, EventView, eventView } from './security-event.ts'
import { ActiveChange, RoleChange, UserSearch, UserView, userView } from './user.ts'

/** REST's routes to users, and to what happened to their accounts. */
export function userRoutes(app: App, desk: Desk): void {
  app.get(
    '/users',
    {
      schema: {
        summary: 'All users, newest first, for admins. `search` is of beginnings of words of name and e-mail.',
        tags,
        security,
        querystring: UserSearch,
        response: { 200: PageView(UserView, 'UserPage'), ...problems },
      },
      preValidation: isAdmin,
    },
    async ({ person, query }) => pageView(await searchUsers(desk, person, query), userView),
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
    async ({ person, params }) => userView(await readUser(desk, person, params.id)),
  )

  app.put(
    '/users/:id/role',
    {
      schema: {
        summary: 'Makes another user an admin, or an admin a user: for admins.',
        tags,
        security,
        params: ById,
        body: RoleChange,
        response: { 200: UserView, ...problems },
      },
      preValidation: isAdmin,
    },
    async (request) => userView(await changeRole(desk, request, request.params.id, request.body.role)),
  )

  app.put(
    '/users/:id/active',
    {
      schema: {
        summary: 'Closes the account of another user, which ends their sessions, or opens it again: for admins.',
        tags,
        security,
        params: ById,
        body: ActiveChange,
        response: { 200: UserView, ...problems },
      },
      preValidation: isAdmin,
    },
    async (request) => userView(await setActive(desk, request, request.params.id, request.body.active)),
  )

  app.get(
    '/security-log',
    {
      schema: {
        summary: 'What happened to accounts, newest first, for admins.',
        tags,
        security,
        querystring: EventSearch,
        response: { 200: PageView(EventView, 'SecurityEventPage'), ...problems },
      },
      preValidation: isAdmin,
    },
    async ({ person, query }) => pageView(await readSecurityLog(desk, person, query), eventView),
  )
}
