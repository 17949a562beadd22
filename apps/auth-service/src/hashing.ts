import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { Refusal } from '@halles/service/refusal'
import { hash, parseOptions, verify } from '@node-rs/argon2'
import { typed } from './password.ts'

/** argon2id as OWASP advises at the least: 19 MiB, 2 passes. A hash keeps its own, so these can be raised later. */
const COST = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

// libuv has four threads: files and host names must not wait behind passwords.
const LANES = Math.min(2, availableParallelism())
/** About a second and a half of work on one core. */
const MOST_WAITING = 100

export type Hashing = Awaited<ReturnType<typeof hashing>>

/**
 * Hashes passwords, a few at a time: each takes a core for some 15 ms and 19 MiB.
 *
 * `lanes` are worked on at once and `most` may wait. Beyond that every call throws Refusal `RATE_LIMITED` at once, after
 * telling `turnedAway`.
 */
export async function hashing({ lanes = LANES, most = MOST_WAITING, turnedAway = () => {} } = {}) {
  const queue: (() => void)[] = []
  let busy = 0
  const decoy = await hash(randomBytes(16).toString('hex'), COST)

  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (busy < lanes) busy++
    else if (queue.length < most) await new Promise<void>((go) => queue.push(go))
    else {
      turnedAway()
      throw new Refusal('RATE_LIMITED', 'Too many people are signing in right now: try again in a moment.', {
        retryAfter: 1,
      })
    }
    try {
      return await work()
    } finally {
      const next = queue.shift()
      // Who comes next takes over this lane.
      if (next) next()
      else busy--
    }
  }

  return {
    /** The hash of a password, with its parameters and salt in it (PHC form). */
    hash: (password: string): Promise<string> => inTurn(() => hash(typed(password), COST)),

    /** Whether a hash is that of a password. Without a hash it is not, which takes just as long to say. */
    matches: async (hashed: string | undefined, password: string): Promise<boolean> => {
      const same = await inTurn(() => verify(hashed ?? decoy, typed(password)))
      return same && hashed !== undefined
    },

    /** Whether a hash was made with less work than one costs now, by the parameters that it carries. */
    isOutdated: (hashed: string): boolean => {
      const { memoryCost, timeCost, parallelism } = parseOptions(hashed)
      return (
        !hashed.startsWith('$argon2id$') ||
        memoryCost < COST.memoryCost ||
        timeCost < COST.timeCost ||
        parallelism < COST.parallelism
      )
    },

    /** How many wait for their turn. */
    waiting: (): number => queue.length,
  }
}
