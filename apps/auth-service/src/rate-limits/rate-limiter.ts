import { createHmac } from 'node:crypto'
import type { Client } from '@halles/auth/client-address'
import { AppError } from '@halles/errors/app-error'
import { LRUCache } from 'lru-cache'
import { toEmailKey } from '../accounts/user.ts'
import type { AuthMetrics } from '../metrics.ts'
import type { SecurityLog } from '../security-log/security-log.ts'
import type { FailedAttemptStore } from './failed-attempts.ts'
import { KNOWN_SUBNET_LIFETIME, rateLimits, scaleRateLimit, type RateLimitName } from './rate-limits.ts'

/** How many known owners an instance remembers; some 100 bytes each. */
const MAX_KNOWN_OWNERS = 20_000

export type RateLimiter = ReturnType<typeof createRateLimiter>

/** A limit that counts an attempt, the id of its counter, and the factor by which the limit is raised. */
type Count = [limit: RateLimitName, id: string, share?: number]

type Deps = {
  failedAttempts: FailedAttemptStore
  /** The key of the HMACs under which the database knows accounts, subnets and addresses. */
  secret: Buffer
  /** The factor by which all limits are raised. */
  scale: number
  metrics: Pick<AuthMetrics, 'countRateLimited'>
  securityLog: Pick<SecurityLog, 'record'>
  now: () => Date
}

/**
 * Creates the rate limiter that keeps passwords from being guessed and addresses from being probed, by the limits of
 * rate-limits.ts. Use cases call it, not adapters, so REST and GraphQL, and many operations in one request, share one
 * budget.
 *
 * Its functions `check…` and `verify…` throw AppError `RATE_LIMITED` with the time to wait; the rejected attempt is not counted.
 */
export function createRateLimiter({ failedAttempts, secret, scale, metrics, securityLog, now }: Deps) {
  // By the ids of their counters: the owners that this instance knows in a client subnet.
  const knownOwners = new LRUCache<string, true>({ max: MAX_KNOWN_OWNERS })

  // The text before the values is part of stored ids and must not change.
  const toCounterId = (limit: RateLimitName, ...values: string[]): string =>
    `${limit}:${createHmac('sha256', secret)
      .update(`tries:${values.join('\n')}`)
      .digest('base64url')}`

  const count = ([limit, id, share = 1]: Count, at: Date) =>
    failedAttempts.count(id, scaleRateLimit(rateLimits[limit], scale * share), at)

  /** The counts of a client in a limit of its wider networks, from narrow to wide. */
  const countNetworks = (limit: RateLimitName, { networks }: Client): Count[] =>
    networks.slice(1).map(({ cidr, share }) => [limit, toCounterId(limit, cidr), share])

  /**
   * Counts an attempt in several limits in order, and returns the ids of their counters. When one limit blocks the attempt,
   * it is taken back from those before. The generator yields counts, and gets back whether the counter's client subnet is a
   * known one. It returns that for the account.
   */
  async function countInAll(
    client: Client,
    at: Date,
    limits: () => Generator<Count, boolean | void, boolean>,
  ): Promise<{ counted: string[]; isKnown: boolean }> {
    const counted: string[] = []
    const iterator = limits()
    let step = iterator.next()
    while (!step.done) {
      const [limit, id] = step.value
      const { allowed, blockedUntil, isKnownSubnet, refused } = await count(step.value, at)
      if (!allowed) {
        await undoAll(counted, at)
        metrics.countRateLimited(limit)
        // Recorded once per delay, however many attempts are made meanwhile.
        if (refused === 1) await securityLog.record(client, 'throttled', { outcome: 'refused' })
        throw rateLimited(blockedUntil, at)
      }
      counted.push(id)
      step = iterator.next(isKnownSubnet)
    }
    return { counted, isKnown: step.value ?? false }
  }

  const undoAll = async (counted: readonly string[], at: Date): Promise<void> =>
    void (await Promise.all(counted.map((id) => failedAttempts.undo(id, at))))

  return {
    /**
     * Verifies a password within the limits of sign-ins. The attempt is counted before, so that concurrent ones cannot exceed
     * a limit, and stays counted only when `verify` returns false: not when it throws, as it does under load.
     *
     * @param verify whether the password is right; it gets whether the owner is known in the client subnet
     */
    async verifyWithinLimits(
      email: string,
      client: Client,
      verify: (isKnown: boolean) => Promise<boolean>,
    ): Promise<boolean> {
      const subnet = client.subnet
      const at = now()
      const account = toEmailKey(email)
      const accountFromSubnet = toCounterId('accountFromSubnet', account, subnet)
      const { counted, isKnown } = await countInAll(client, at, function* () {
        // In a known subnet this is the only limit, so that attempts of others from there do not block the owner.
        const isKnownSubnet = yield ['accountFromSubnet', accountFromSubnet]
        if (isKnownSubnet) return true
        yield ['subnet', toCounterId('subnet', subnet)]
        yield* countNetworks('network', client)
        yield ['account', toCounterId('account', account)]
        yield ['allSignIns', toCounterId('allSignIns')]
        return false
      })
      if (isKnown) knownOwners.set(accountFromSubnet, true)
      let isRight: boolean
      try {
        isRight = await verify(isKnown)
      } catch (error) {
        await undoAll(counted, at)
        throw error
      }
      if (isRight) {
        knownOwners.set(accountFromSubnet, true)
        const others = counted.filter((id) => id !== accountFromSubnet)
        const knownUntil = new Date(at.getTime() + KNOWN_SUBNET_LIFETIME)
        await Promise.all([failedAttempts.reset(accountFromSubnet, at, knownUntil), undoAll(others, at)])
      }
      return isRight
    },

    /** Whether this instance knows without a query that an account's owner has signed in from the client subnet. */
    isKnownHere: (email: string, { subnet }: Client): boolean =>
      knownOwners.has(toCounterId('accountFromSubnet', toEmailKey(email), subnet)),

    /** Makes the client subnet a known one for an account, because the owner has proven their identity there. */
    rememberSubnet: async (email: string, client: Client): Promise<void> => {
      const at = now()
      const id = toCounterId('accountFromSubnet', toEmailKey(email), client.subnet)
      await failedAttempts.reset(id, at, new Date(at.getTime() + KNOWN_SUBNET_LIFETIME))
    },

    /** Counts a registration. To be called before the response reveals whether the address has an account. */
    async checkRegistration(client: Client): Promise<void> {
      await countInAll(client, now(), function* () {
        yield ['registrationsFromSubnet', toCounterId('registrationsFromSubnet', client.subnet)]
        yield* countNetworks('networkRegistrations', client)
        yield ['allRegistrations', toCounterId('allRegistrations')]
      })
    },

    /** Counts a request for an e-mail. */
    async checkEmailRequest(client: Client): Promise<void> {
      await countInAll(client, now(), function* () {
        yield ['emailRequestsFromSubnet', toCounterId('emailRequestsFromSubnet', client.subnet)]
        yield* countNetworks('networkEmailRequests', client)
      })
    },

    /** Counts an e-mail to the address of an account. False when it must not be sent; the requester is not told. */
    tryEmailToAccount: async (emailKey: string): Promise<boolean> =>
      (await count(['emailsToAddress', toCounterId('emailsToAddress', emailKey)], now())).allowed,

    /**
     * The same for the new address of an account. It has a counter of its own: if it shared that of e-mails to accounts,
     * an e-mail that is not sent would reveal that the address has an account.
     */
    tryEmailToNewAddress: async (emailKey: string): Promise<boolean> =>
      (await count(['emailsToAddress', toCounterId('emailsToAddress', emailKey, 'new')], now())).allowed,
  }
}

/** A rate limiter that allows everything, for measurements. */
export const unlimitedRateLimiter: RateLimiter = {
  verifyWithinLimits: (_email, _client, verify) => verify(false),
  checkRegistration: async () => {},
  isKnownHere: () => false,
  rememberSubnet: async () => {},
  checkEmailRequest: async () => {},
  tryEmailToAccount: async () => true,
  tryEmailToNewAddress: async () => true,
}

const rateLimited = (blockedUntil: Date, now: Date): AppError =>
  new AppError('RATE_LIMITED', 'Too many attempts: wait a moment, then try again.', {
    retryAfter: Math.max(1, Math.ceil((blockedUntil.getTime() - now.getTime()) / 1000)),
  })
