import { createHmac } from 'node:crypto'
import type { Client } from '@halles/service/client'
import { Refusal } from '@halles/service/refusal'
import type { SignInMetrics } from './metrics.ts'
import { KNOWN_FOR, paces, widened, type Counted } from './pace.ts'
import type { SecurityLog } from './security-log.ts'
import type { Tries } from './tries.ts'
import { emailKeyOf } from './user.ts'

export type Throttle = ReturnType<typeof throttleWith>

/** A try to sign in that was let through; it stays counted unless it was right. */
export type Attempt = { right: () => Promise<void> }

type Helpers = {
  tries: Tries
  /** What the counted things are hidden under in the database. */
  secret: Buffer
  /** How many times as much as usual may be tried. */
  scale: number
  count: Pick<SignInMetrics, 'throttled'>
  security: Pick<SecurityLog, 'note'>
  now: () => Date
}

/**
 * Keeps passwords from being guessed and addresses from being probed, at the paces of pace.ts. It counts here, behind all
 * doors: by REST or GraphQL, in one request or many, it is the same budget. What is not let through throws Refusal
 * `RATE_LIMITED`, with how long to wait, and is not counted.
 */
export function throttleWith({ tries, secret, scale, count, security, now }: Helpers) {
  const idOf = (counted: Counted, ...what: string[]): string =>
    `${counted}:${createHmac('sha256', secret)
      .update(`tries:${what.join('\n')}`)
      .digest('base64url')}`

  /** Takes a try of each in order; when one is refused, those before it are given back. */
  async function takeAll(
    client: Client,
    at: Date,
    wanted: () => Generator<[Counted, string], void, boolean>,
  ): Promise<string[]> {
    const taken: string[] = []
    const asking = wanted()
    for (let ask = asking.next(); !ask.done;) {
      const [counted, id] = ask.value
      const { allowed, openAt, known, refused } = await tries.take(id, widened(paces[counted], scale), at)
      if (!allowed) {
        await Promise.all(taken.map((one) => tries.giveBack(one, at)))
        count.throttled(counted)
        // Once for each wait, however often it is tried meanwhile.
        if (refused === 1) await security.note(client, 'throttled', { outcome: 'refused' })
        throw tooFast(openAt, at)
      }
      taken.push(id)
      ask = asking.next(known)
    }
    return taken
  }

  return {
    /** Before a password is looked at. */
    async signIn(email: string, client: Client): Promise<Attempt> {
      const { place } = client
      const at = now()
      const account = emailKeyOf(email)
      const pair = idOf('pair', account, place)
      const taken = await takeAll(client, at, function* () {
        // First, and for whoever is known alone: what others do at the same place is not in their way.
        const known = yield ['pair', pair]
        if (known) return
        yield ['address', idOf('address', place)]
        yield ['account', idOf('account', account)]
        yield ['all', idOf('all')]
      })
      return {
        right: async () => {
          await Promise.all([
            tries.welcome(pair, at, new Date(at.getTime() + KNOWN_FOR)),
            ...taken.filter((id) => id !== pair).map((id) => tries.giveBack(id, at)),
          ])
        },
      }
    },

    /** Remembers that the owner of an account was at a place. */
    welcome: async (email: string, { place }: Client): Promise<void> => {
      const at = now()
      await tries.welcome(idOf('pair', emailKeyOf(email), place), at, new Date(at.getTime() + KNOWN_FOR))
    },

    /** Before it is told whether an address has an account. */
    async registration(client: Client): Promise<void> {
      await takeAll(client, now(), function* () {
        yield ['registrations', idOf('registrations', client.place)]
        yield ['allRegistrations', idOf('allRegistrations')]
      })
    },

    /** Before a letter is wanted. */
    async letter(client: Client): Promise<void> {
      await takeAll(client, now(), function* () {
        yield ['letters', idOf('letters', client.place)]
      })
    },

    /** Whether one more letter may go to an address: no one is told when not. */
    letterTo: async (emailKey: string): Promise<boolean> =>
      (await tries.take(idOf('lettersTo', emailKey), widened(paces.lettersTo, scale), now())).allowed,

    /**
     * The same for an address that someone wants for their account. Counted apart: were it counted with the letters to
     * accounts, who misses theirs would know that there is one.
     */
    letterToNew: async (emailKey: string): Promise<boolean> =>
      (await tries.take(idOf('lettersTo', emailKey, 'new'), widened(paces.lettersTo, scale), now())).allowed,
  }
}

/** In place of a throttle, where nothing is counted. */
export const unthrottled: Throttle = {
  signIn: async () => ({ right: async () => {} }),
  registration: async () => {},
  welcome: async () => {},
  letter: async () => {},
  letterTo: async () => true,
  letterToNew: async () => true,
}

const tooFast = (openAt: Date, now: Date): Refusal =>
  new Refusal('RATE_LIMITED', 'Too many tries: wait a moment, then try again.', {
    retryAfter: Math.max(1, Math.ceil((openAt.getTime() - now.getTime()) / 1000)),
  })
