import type { Client } from '@halles/auth/client-address'
import { toClientSubnet } from '@halles/auth/client-address'
import { clientNetworks } from '@halles/auth/client-networks'
import { AppError } from '@halles/errors/app-error'
import { connectMongo, type MongoConnection } from '@halles/mongo/mongo'
import { uniqueDatabaseUrl } from '@halles/test-fixtures/database'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest'
import { createFrozenClock, unusedEmail } from '../../test/fixtures.ts'
import { requestEmailChange } from '../account-links/change-email.ts'
import { deleteAccount } from '../accounts/delete-account.ts'
import type { AppDeps } from '../deps.ts'
import { changePassword } from '../passwords/change-password.ts'
import { logIn } from '../sign-in/log-in.ts'
import { createFailedAttemptStore } from './failed-attempts.ts'
import { createRateLimiter, type RateLimiter } from './rate-limiter.ts'

let mongo: MongoConnection
let limiter: RateLimiter
const time = createFrozenClock()
beforeAll(async () => {
  mongo = await connectMongo(uniqueDatabaseUrl(inject('mongodb'), 'auth'), 'network-limits-test')
  limiter = createRateLimiter({
    failedAttempts: await createFailedAttemptStore(mongo.db),
    secret: Buffer.alloc(32, 1),
    scale: 1,
    metrics: { countRateLimited: () => {} },
    securityLog: { record: async () => {} },
    now: time.now,
  })
})
// The limits of all networks together have leaked since the test before.
beforeEach(() => time.advance(120_000))
afterAll(async () => {
  await mongo.db.dropDatabase()
  await mongo.close()
})

const clientAt = (address: string): Client => ({
  subnet: toClientSubnet(address),
  networks: clientNetworks(address),
  userAgent: undefined,
  isGone: () => false,
})

/** Runs attempts from these addresses, eight at a time. Returns how many were allowed. */
async function countAllowed(addresses: string[], attempt: (client: Client) => Promise<unknown>): Promise<number> {
  let allowed = 0
  const queue = addresses.values()
  const work = async (): Promise<void> => {
    for (const address of queue)
      try {
        await attempt(clientAt(address))
        allowed++
      } catch (error) {
        if (!(error instanceof AppError && error.code === 'RATE_LIMITED')) throw error
      }
  }
  await Promise.all(Array.from({ length: 8 }, work))
  return allowed
}

const attempts = {
  'failed sign-ins': (client: Client) => limiter.verifyWithinLimits(unusedEmail(), client, async () => false),
  registrations: (client: Client) => limiter.checkRegistration(client),
}
const networks = {
  'an IPv4 /24': { addressOf: (i: number) => `203.0.113.${i % 256}`, limit: 101 },
  'an IPv6 /56': { addressOf: (i: number) => `2001:db8:1:1${(i % 256).toString(16).padStart(2, '0')}::1`, limit: 101 },
  'an IPv6 /48': { addressOf: (i: number) => `2001:db8:2:${i.toString(16)}00::1`, limit: 201 },
}

describe.each(Object.entries(attempts))('%s', (_name, attempt) => {
  it.each(Object.entries(networks))('of %s are limited together', async (_network, { addressOf, limit }) => {
    // From so many subnets that none reaches its own limit.
    const flood = Array.from({ length: limit + 40 }, (_, i) => addressOf(i))
    expect(await countAllowed(flood, attempt)).toBe(limit)
    time.advance(500)
    expect(await countAllowed([addressOf(0)], attempt)).toBe(0)
  })

  it('of other networks go on during a flood of one network', async () => {
    const flood = Array.from({ length: 700 }, (_, i) => `2001:db8:3:${i.toString(16)}::1`)
    expect(await countAllowed(flood, attempt)).toBeLessThan(210)
    const others = Array.from({ length: 25 }, (_, i) => [`198.51.${i}.1`, `2001:db8:${1000 + i}::1`]).flat()
    expect(await countAllowed(others, attempt)).toBe(others.length)
  })
})

describe('an attempt that is refused for load is not counted as failed', () => {
  const userId = 'somebody'
  const principal = { id: userId, sid: 'a', role: 'user', name: 'Camille', email: '', locale: 'fr' } as const
  const account = (email: string) => ({
    user: { id: userId, email, name: 'Camille', role: 'user', active: true },
    passwordHash: 'a hash',
  })
  const createDeps = (email: string, verify: () => Promise<boolean>) =>
    ({
      rateLimiter: limiter,
      passwordAdmission: { run: (_turn: unknown, work: () => unknown) => work() },
      passwordHasher: { verify },
      users: { findByEmail: async () => account(email), findActiveById: async () => account(email) },
      isCommonPassword: async () => false,
      securityLog: { record: async () => {} },
      metrics: { countSignIn: () => {} },
      outbox: {},
      now: time.now,
    }) as unknown as AppDeps
  const password = 'not the password'

  it.each<
    [string, (deps: AppDeps, context: { client: Client; principal: typeof principal }, email: string) => unknown]
  >([
    ['log-in', (deps, context, email) => logIn(deps, context, { email, password })],
    [
      'change-password',
      (deps, context) => changePassword(deps, context, { currentPassword: password, newPassword: 'douze douzaines' }),
    ],
    ['change-email', (deps, context) => requestEmailChange(deps, context, { email: unusedEmail(), password })],
    ['delete-account', (deps, context) => deleteAccount(deps, context, password)],
  ])('by %s', async (_name, useCase) => {
    const email = unusedEmail()
    const context = { client: clientAt('192.0.2.1'), principal }
    const refuse = () => Promise.reject(new AppError('RATE_LIMITED', 'Too many people are signing in right now.'))
    const codes = async (count: number, verify: () => Promise<boolean>) => {
      const seen: unknown[] = []
      for (let i = 0; i < count; i++) {
        const error = await Promise.resolve(useCase(createDeps(email, verify), context, email)).catch((e: unknown) => e)
        seen.push((error as AppError).code)
      }
      return seen
    }
    expect(await codes(20, refuse)).toEqual(Array.from({ length: 20 }, () => 'RATE_LIMITED'))
    // Five wrong passwords are allowed without a delay, and the sixth causes one.
    expect(await codes(7, async () => false)).toEqual([
      ...Array.from({ length: 6 }, () => 'INVALID_CREDENTIALS'),
      'RATE_LIMITED',
    ])
  })
})
