import { createHmac } from 'node:crypto'
import type { Client } from '@halles/auth/client-address'
import { AppError } from '@halles/errors/app-error'
import { toEmailKey } from '../accounts/user.ts'
import type { AuthMetrics } from '../metrics.ts'
import type { SecurityLog } from '../security-log/security-log.ts'
import type { FailedAttemptStore } from './failed-attempts.ts'
import { KNOWN_SUBNET_LIFETIME, rateLimits, scaleRateLimit, type RateLimitName } from './rate-limits.ts'

export type RateLimiter = ReturnType<typeof createRateLimiter>

/** A sign-in attempt that was allowed. It stays counted as failed unless `succeeded` is called. */
export type SignInAttempt = { succeeded: () => Promise<void> }

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
 * Its `check…` functions throw AppError `RATE_LIMITED` with the time to wait; the rejected attempt is not counted.
 */
export function createRateLimiter({ failedAttempts, secret, scale, metrics, securityLog, now }: Deps) {
  // The text before the values is part of stored ids and must not change.
  const toCounterId = (limit: RateLimitName, ...values: string[]): string =>
    `${limit}:${createHmac('sha256', secret)
      .update(`tries:${values.join('\n')}`)
      .digest('base64url')}`

  const count = (limit: RateLimitName, id: string, at: Date) =>
    failedAttempts.count(id, scaleRateLimit(rateLimits[limit], scale), at)

  /**
   * Counts an attempt in several limits in order, and returns the ids of their counters. When one limit blocks the attempt,
   * it is taken back from those before. The generator yields limits with their counters' ids, and gets back whether the
   * counter's client subnet is a known one.
   */
  async function countInAll(
    client: Client,
    at: Date,
    limits: () => Generator<[RateLimitName, string], void, boolean>,
  ): Promise<string[]> {
    const counted: string[] = []
    const iterator = limits()
    for (let step = iterator.next(); !step.done;) {
      const [limit, id] = step.value
      const { allowed, blockedUntil, isKnownSubnet, refused } = await count(limit, id, at)
      if (!allowed) {
        await Promise.all(counted.map((one) => failedAttempts.undo(one, at)))
        metrics.countRateLimited(limit)
        // Recorded once per delay, however many attempts are made meanwhile.
        if (refused === 1) await securityLog.record(client, 'throttled', { outcome: 'refused' })
        throw rateLimited(blockedUntil, at)
      }
      counted.push(id)
      step = iterator.next(isKnownSubnet)
    }
    return counted
  }

  return {
    /** Counts a sign-in attempt. To be called before a password is verified. */
    async checkSignIn(email: string, client: Client): Promise<SignInAttempt> {
      const subnet = client.subnet
      const at = now()
      const account = toEmailKey(email)
      const accountFromSubnet = toCounterId('accountFromSubnet', account, subnet)
      const counted = await countInAll(client, at, function* () {
        // In a known subnet this is the only limit, so that attempts of others from there do not block the owner.
        const isKnownSubnet = yield ['accountFromSubnet', accountFromSubnet]
        if (isKnownSubnet) return
        yield ['subnet', toCounterId('subnet', subnet)]
        yield ['account', toCounterId('account', account)]
        yield ['allSignIns', toCounterId('allSignIns')]
      })
      return {
        succeeded: async () => {
          await Promise.all([
            failedAttempts.reset(accountFromSubnet, at, new Date(at.getTime() + KNOWN_SUBNET_LIFETIME)),
            ...counted.filter((id) => id !== accountFromSubnet).map((id) => failedAttempts.undo(id, at)),
          ])
        },
      }
    },

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
        yield ['allRegistrations', toCounterId('allRegistrations')]
      })
    },

    /** Counts a request for an e-mail. */
    async checkEmailRequest(client: Client): Promise<void> {
      await countInAll(client, now(), function* () {
        yield ['emailRequestsFromSubnet', toCounterId('emailRequestsFromSubnet', client.subnet)]
      })
    },

    /** Counts an e-mail to the address of an account. False when it must not be sent; the requester is not told. */
    tryEmailToAccount: async (emailKey: string): Promise<boolean> =>
      (await count('emailsToAddress', toCounterId('emailsToAddress', emailKey), now())).allowed,

    /**
     * The same for the new address of an account. It has a counter of its own: if it shared that of e-mails to accounts,
     * an e-mail that is not sent would reveal that the address has an account.
     */
    tryEmailToNewAddress: async (emailKey: string): Promise<boolean> =>
      (await count('emailsToAddress', toCounterId('emailsToAddress', emailKey, 'new'), now())).allowed,
  }
}

/** A rate limiter that allows everything, for measurements. */
export const unlimitedRateLimiter: RateLimiter = {
  checkSignIn: async () => ({ succeeded: async () => {} }),
  checkRegistration: async () => {},
  rememberSubnet: async () => {},
  checkEmailRequest: async () => {},
  tryEmailToAccount: async () => true,
  tryEmailToNewAddress: async () => true,
}

const rateLimited = (blockedUntil: Date, now: Date): AppError =>
  new AppError('RATE_LIMITED', 'Too many attempts: wait a moment, then try again.', {
    retryAfter: Math.max(1, Math.ceil((blockedUntil.getTime() - now.getTime()) / 1000)),
  })
