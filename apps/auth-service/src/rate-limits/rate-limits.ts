const SECOND = 1000
const MINUTE = 60 * SECOND

/** A leaky bucket with exponential backoff: each attempt adds one to a level that falls by one per `leakInterval`. */
export type RateLimit = {
  /** The level up to which attempts are not delayed. */
  burst: number
  /** In milliseconds. */
  leakInterval: number
  /** The delay after the first attempt beyond the burst, in milliseconds. It doubles with each further attempt. */
  firstDelay: number
  /** In milliseconds. */
  maxDelay: number
}

/**
 * All rate limits of the service. For the first five, which limit sign-ins, only failed attempts stay counted.
 *
 * An attacker who knows an address has 5 attempts from one client subnet, then exponential backoff (`accountFromSubnet`).
 * Attackers from many subnets together have 50, then at most one a minute (`account`). That limit never blocks the owner in
 * a subnet where they have signed in before, since attempts from a known subnet count in `accountFromSubnet` alone.
 * `subnet` limits one subnet that tries many accounts, `allSignIns` many subnets that try many accounts.
 *
 * The limits `network…` are those of each wider network of a client (IPv4 /24; IPv6 /56 and /48), twice and four times as large
 * by its share. They keep one network, whose holder has all its subnets, from using up the limits that all clients share.
 */
export const rateLimits = {
  accountFromSubnet: { burst: 5, leakInterval: 10 * MINUTE, firstDelay: SECOND, maxDelay: 15 * MINUTE },
  account: { burst: 50, leakInterval: 10 * MINUTE, firstDelay: SECOND, maxDelay: MINUTE },
  subnet: { burst: 50, leakInterval: MINUTE, firstDelay: SECOND, maxDelay: 15 * MINUTE },
  network: { burst: 50, leakInterval: MINUTE, firstDelay: SECOND, maxDelay: 15 * MINUTE },
  allSignIns: { burst: 1000, leakInterval: MINUTE / 1000, firstDelay: SECOND, maxDelay: 10 * SECOND },
  // The response to a registration reveals whether an address has an account.
  registrationsFromSubnet: { burst: 20, leakInterval: 3 * MINUTE, firstDelay: SECOND, maxDelay: 15 * MINUTE },
  networkRegistrations: { burst: 50, leakInterval: MINUTE, firstDelay: SECOND, maxDelay: 15 * MINUTE },
  allRegistrations: { burst: 500, leakInterval: MINUTE / 500, firstDelay: SECOND, maxDelay: 10 * SECOND },
  // Anyone may request e-mails to any address: limits per requesting subnet and per recipient.
  emailRequestsFromSubnet: { burst: 10, leakInterval: 5 * MINUTE, firstDelay: SECOND, maxDelay: 15 * MINUTE },
  networkEmailRequests: { burst: 25, leakInterval: 2 * MINUTE, firstDelay: SECOND, maxDelay: 15 * MINUTE },
  emailsToAddress: { burst: 3, leakInterval: 20 * MINUTE, firstDelay: 20 * MINUTE, maxDelay: 20 * MINUTE },
} as const satisfies Record<string, RateLimit>
export type RateLimitName = keyof typeof rateLimits

/** How long a client subnet stays known for an account after a sign-in, in milliseconds. */
export const KNOWN_SUBNET_LIFETIME = 90 * 24 * 60 * MINUTE

/** A limit that allows `scale` times as many attempts. */
export const scaleRateLimit = (limit: RateLimit, scale: number): RateLimit => ({
  ...limit,
  burst: limit.burst * scale,
  leakInterval: limit.leakInterval / scale,
})
