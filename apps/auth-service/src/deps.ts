import type { Client } from '@halles/auth/client-address'
import type { Logger } from '@halles/telemetry/log'
import type { Principal } from '@halles/auth/principal'
import type { Outbox } from './account-events/outbox.ts'
import type { AccountLinkStore } from './account-links/account-links.ts'
import type { LinkRequestStore } from './account-links/link-requests.ts'
import type { UserStore } from './accounts/users.ts'
import type { AuthMetrics } from './metrics.ts'
import type { IsCommonPassword } from './passwords/password.ts'
import type { FairSlots } from './passwords/fair-slots.ts'
import type { PasswordHasher } from './passwords/password-hasher.ts'
import type { RateLimiter } from './rate-limits/rate-limiter.ts'
import type { SecurityLog } from './security-log/security-log.ts'
import type { AccessTokens } from './sessions/access-token.ts'
import type { RefreshTokens } from './sessions/refresh-token.ts'
import type { SessionStore } from './sessions/sessions.ts'

/** All dependencies of the use cases. app.ts creates them; each use case declares those that it uses. */
export type AppDeps = {
  users: UserStore
  accountLinks: AccountLinkStore
  linkRequests: LinkRequestStore
  sessions: SessionStore
  /** Admits requests with a password, each in its turn. */
  passwordAdmission: Pick<FairSlots, 'run'>
  passwordHasher: PasswordHasher
  isCommonPassword: IsCommonPassword
  rateLimiter: RateLimiter
  accessTokens: AccessTokens
  refreshTokens: RefreshTokens
  /** How long a session lives without being refreshed, in milliseconds. */
  sessionLifetime: number
  /** How long a revocation is kept, in milliseconds: longer than an access token lives. */
  revocationRetention: number
  securityLog: SecurityLog
  /** Undefined when this deployment has no Kafka: then no events are published and no account e-mails are sent. */
  outbox: Pick<Outbox, 'wake' | 'issueLink'> | undefined
  metrics: AuthMetrics
  log: Pick<Logger, 'info' | 'warn'>
  now: () => Date
}

/** Who makes a request, and from where. A Fastify request is one. */
export type RequestContext = { principal: Principal | undefined; client: Client }
