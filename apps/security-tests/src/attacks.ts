import type { Attack, Verdict } from './attack.ts'
import { bodyAttacks } from './body-attacks.ts'
import { browserAttacks } from './browser-attacks.ts'
import { contentAttacks } from './content-attacks.ts'
import { graphqlAttacks } from './graphql-attacks.ts'
import { groundAt, type Ground } from './ground.ts'
import { grpcAttacks } from './grpc-attacks.ts'
import { headerAttacks } from './header-attacks.ts'
import { idAttacks } from './id-attacks.ts'
import { ownershipAttacks } from './ownership-attacks.ts'
import type { Place } from './place.ts'
import { watchOver, type Watched } from './watch.ts'
import { tokenAttacks } from './token-attacks.ts'

/** Everything that is tried on a shop, as far as its doors are known. */
export const corpus = (ground: Ground): Attack[] => [
  ...tokenAttacks(ground),
  ...graphqlAttacks(ground),
  ...bodyAttacks(ground),
  ...idAttacks(ground),
  ...headerAttacks(ground),
  ...contentAttacks(ground),
  ...ownershipAttacks(ground),
  ...browserAttacks(ground),
  ...grpcAttacks(ground),
]

export type Attacked = { results: (Attack & Verdict)[]; watched: Watched[] }

/** How many attacks are under way at once. */
const AT_ONCE = 8

/** Attacks a shop by everything, while its health is watched. */
export async function attackOn(place: Place, signal?: AbortSignal): Promise<Attacked> {
  const ground = await groundAt(place)
  const attacks = corpus(ground)
  const results: Attacked['results'] = []
  const waiting = attacks.entries()
  const work = async (): Promise<void> => {
    for (const [i, attack] of waiting) {
      signal?.throwIfAborted()
      results[i] = { ...attack, ...(await verdictOf(attack, ground)) }
    }
  }
  const watch = watchOver(place)
  const done = await Promise.allSettled(Array.from({ length: AT_ONCE }, work))
  const watched = await watch.stop()
  for (const one of done) if (one.status === 'rejected') throw one.reason
  return { results, watched }
}

/** An attack that came to no answer at all was not refused. */
async function verdictOf(attack: Attack, ground: Ground): Promise<Verdict> {
  try {
    return await attack.try(ground)
  } catch (error) {
    const { message, cause } = error as Error
    return { refused: false, saw: cause instanceof Error ? `${message}: ${cause.message}` : message }
  }
}
