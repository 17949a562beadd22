import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { hash, parseOptions, verify } from '@node-rs/argon2'
import { MAX_WAIT, QUEUE_LIMITS } from './password-admission.ts'
import { createFairSlots, type FairSlotsOptions, type Turn } from './fair-slots.ts'
import { normalizePassword } from './password.ts'

/** argon2id with the minimum that OWASP recommends: 19 MiB, 2 passes. Each hash contains its own parameters. */
const PARAMETERS = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** One slot more than there are cores to use, which one network never takes. libuv's thread pool has four threads in all. */
const CORES = Math.min(2, availableParallelism())
const SLOTS = { total: CORES + 1, perNetwork: CORES } as const

export type PasswordHasher = Awaited<ReturnType<typeof createPasswordHasher>>

/** The turn of the service itself, which creates accounts when it starts. */
const OWN_TURN: Turn = {
  client: { networks: [{ cidr: 'auth-service', level: 0, share: 1 }], isGone: () => false },
  account: '',
  isKnown: true,
}

/**
 * Creates a password hasher with bounded concurrency, since each hash takes a core for some 15 ms, and 19 MiB. Up to three
 * hashes are computed at once; the others wait for their turn (fair-slots.ts).
 *
 * `hash` and `verify` throw AppError `RATE_LIMITED` when too many wait, or for too long. Then nothing was hashed or compared.
 */
export async function createPasswordHasher({
  slots = SLOTS,
  limits = QUEUE_LIMITS,
  maxWait = MAX_WAIT,
  onRejected = () => {},
}: Partial<FairSlotsOptions> = {}) {
  const queue = createFairSlots({ slots, limits, maxWait, onRejected })
  const dummyHash = await hash(randomBytes(16).toString('hex'), PARAMETERS)

  return {
    /** Hashes a password, to PHC string format with its parameters and salt. */
    hash: (password: string, turn = OWN_TURN): Promise<string> =>
      queue.run(turn, () => hash(normalizePassword(password), PARAMETERS)),

    /** Whether a password matches a hash. Without a hash the answer is false, after the same work. */
    verify: async (passwordHash: string | undefined, password: string, turn = OWN_TURN): Promise<boolean> => {
      const matches = await queue.run(turn, () => verify(passwordHash ?? dummyHash, normalizePassword(password)))
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
    queueLength: queue.queueLength,
  }
}
