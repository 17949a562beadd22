import type { App } from '@halles/fastify-service/app'
import { PageView, toPageView } from '@halles/validation/page'
import type { AppDeps } from '../deps.ts'
import { problems, requireAdminRole, security, tags } from '../rest-schema.ts'
import { readSecurityLog } from './read-security-log.ts'
import { EventSearch, EventView, toEventView } from './security-event.ts'

/** The REST route to the security log. */
export function securityLogRoutes(app: App, deps: AppDeps): void {
  app.get(
    '/security-log',
    {
      schema: {
        summary: 'Lists the security events about all accounts or one user’s, newest first. For admins.',
        tags,
        security,
        querystring: EventSearch,
        response: { 200: PageView(EventView, 'SecurityEventPage'), ...problems },
      },
      preValidation: requireAdminRole,
    },
    async (request) => toPageView(await readSecurityLog(deps, request.principal, request.query), toEventView),
  )
}
