import type { Logger } from '@halles/service/log'
import type { AccessTokens } from './access-token.ts'
import type { Hashing } from './hashing.ts'
import type { SignInMetrics } from './metrics.ts'
import type { IsCommon } from './password.ts'
import type { RefreshTokens } from './refresh-token.ts'
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
  count: SignInMetrics
  log: Pick<Logger, 'info' | 'warn'>
  now: () => Date
}
