import type { Client } from '@halles/service/client'
import type { Logger } from '@halles/service/log'
import type { Person } from '@halles/service/person'
import type { AccessTokens } from './access-token.ts'
import type { AccountLetters } from './account-letters.ts'
import type { Hashing } from './hashing.ts'
import type { LinkRequests } from './link-requests.ts'
import type { SignInMetrics } from './metrics.ts'
import type { IsCommon } from './password.ts'
import type { RefreshTokens } from './refresh-token.ts'
import type { SecurityLog } from './security-log.ts'
import type { Sessions } from './sessions.ts'
import type { Throttle } from './throttle.ts'
import type { Users } from './users.ts'

/** Everything that the use cases of this service work with. app.ts makes it; each use case names what it takes. */
export type Desk = {
  users: Users
  sessions: Sessions
  passwords: Hashing
  isCommon: IsCommon
  throttle: Throttle
  accessTokens: AccessTokens
  refreshTokens: RefreshTokens
  /** How long a session lives without being refreshed, in milliseconds. */
  sessionLife: number
  /** How long it is told that a session or a token is no good, in milliseconds: longer than an access token lives. */
  mourning: number
  security: SecurityLog
  linkRequests: LinkRequests
  /** Undefined where no letters about accounts are sent. */
  letters: Pick<AccountLetters, 'soon' | 'newLink'> | undefined
  count: SignInMetrics
  log: Pick<Logger, 'info' | 'warn'>
  now: () => Date
}

/** Who asks for something, and from where: every request is one. */
export type Caller = { person: Person | undefined; client: Client }
