import type { App } from '@halles/service/app'
import type { Desk } from './desk.ts'
import type { Keys } from './keys.ts'
import { accountRoutes } from './rest-account.ts'
import { serviceRoutes } from './rest-services.ts'
import { sessionRoutes } from './rest-sessions.ts'
import { signInRoutes } from './rest-sign-in.ts'
import { userRoutes } from './rest-users.ts'

/** The REST face of auth-service, a file a noun. */
export function rest(app: App, desk: Desk, keys: Pick<Keys, 'published'>): void {
  signInRoutes(app, desk)
  accountRoutes(app, desk)
  sessionRoutes(app, desk)
  userRoutes(app, desk)
  serviceRoutes(app, desk, keys)
}
