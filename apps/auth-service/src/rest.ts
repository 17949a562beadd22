import type { App } from '@halles/fastify-service/app'
import { accountLinkRoutes } from './account-links/rest.ts'
import { accountRoutes } from './accounts/rest.ts'
import type { AppDeps } from './deps.ts'
import { securityLogRoutes } from './security-log/rest.ts'
import { sessionRoutes } from './sessions/rest.ts'
import { signInRoutes } from './sign-in/rest.ts'
import { signingKeyRoutes } from './signing-keys/rest.ts'
import type { SigningKeys } from './signing-keys/signing-keys.ts'

/** Registers the REST routes of auth-service, which are declared in the folder of their noun. */
export function registerRestRoutes(
  app: App,
  deps: AppDeps,
  signingKeys: Pick<SigningKeys, 'listPublicKeys' | 'readRevokedKeys'>,
): void {
  signInRoutes(app, deps)
  accountRoutes(app, deps)
  accountLinkRoutes(app, deps)
  sessionRoutes(app, deps, signingKeys)
  securityLogRoutes(app, deps)
  signingKeyRoutes(app, signingKeys)
}
