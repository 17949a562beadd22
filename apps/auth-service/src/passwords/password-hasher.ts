import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { AppError } from '@halles/errors/app-error'
import { hash, parseOptions, verify } from '@node-rs/argon2'
import { normalizePassword } from './password.ts'

/** argon2id with the minimum that OWASP recommends: 19 MiB, 2 passes. Each hash contains its own parameters. */
const PARAMETERS = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

// libuv's thread pool has four threads, which file access and DNS lookups need too.
const CONCURRENCY = Math.min(2, availableParallelism())
/** About a second and a half of work on one core. */
const MAX_QUEUE_LENGTH = 100

export type PasswordHasher = Awaited<ReturnType<typeof createPasswordHasher>>

/**
 * Creates a password hasher with bounded concurrency, since each hash takes a core for some 15 ms, and 19 MiB. Up to
 * `concurrency` hashes are computed at once, and up to `maxQueueLength` wait. Beyond that, `hash` and `verify` call
 * `onRejected` and throw at once.
 *
 * Both throw AppError `RATE_LIMITED` when the queue is full.
 */
export async function createPasswordHasher({
  concurrency = CONCURRENCY,
  maxQueueLength = MAX_QUEUE_LENGTH,
  onRejected = () => {},
} = {}) {
  const queue: (() => void)[] = []
  let running = 0
  const dummyHash = await hash(randomBytes(16).toString('hex'), PARAMETERS)

  async function enqueue<T>(work: () => Promise<T>): Promise<T> {
    if (running < concurrency) running++
    else if (queue.length < maxQueueLength) await new Promise<void>((start) => queue.push(start))
    else {
      onRejected()
      throw new AppError('RATE_LIMITED', 'Too many people are signing in right now: try again in a moment.', {
        retryAfter: 1,
      })
    }
    try {
      return await work()
    } finally {
      const next = queue.shift()
      // The next in the queue takes over this slot, so `running` stays.
      if (next) next()
      else running--
    }
  }

  return {
    /** Hashes a password, to PHC string format with its parameters and salt. */
    hash: (password: string): Promise<string> => enqueue(() => hash(normalizePassword(password), PARAMETERS)),

    /** Whether a password matches a hash. Without a hash the answer is false, after the same work. */
    verify: async (passwordHash: string | undefined, password: string): Promise<boolean> => {
      const matches = await enqueue(() => verify(passwordHash ?? dummyHash, normalizePassword(password)))
      return matches && passwordHash !== undefined
    },

    /** Whether a hash was made with weaker parameters than today's. */
    needsRehash: (passwordHash: string): boolean => {
      const { memoryCost, timeCost, parallelism } = parseOptions(passwordHash)
      return (
        !passwordHash.startsWith('$argon2id$') ||
        memoryCost < PARAMETERS.memoryCost ||
        timeCost < PARAMETERS.timeCost ||
        parallelism < PARAMETERS.parallelism
      )
    },

    /** The number of calls that wait for a slot. */
    queueLength: (): number => queue.length,
  }
}
