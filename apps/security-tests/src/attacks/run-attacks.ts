import { createAttackFixtures, type AttackFixtures } from '../fixtures/attack-fixtures.ts'
import { monitorHealth, type ServiceHealth } from '../health-monitor.ts'
import type { ShopUnderTest } from '../shop-under-test.ts'
import type { Attack, Verdict } from './attack.ts'
import { bodyAttacks } from './body-attacks.ts'
import { browserAttacks } from './browser-attacks.ts'
import { contentAttacks } from './content-attacks.ts'
import { graphqlAttacks } from './graphql-attacks.ts'
import { grpcAttacks } from './grpc-attacks.ts'
import { headerAttacks } from './header-attacks.ts'
import { idAttacks } from './id-attacks.ts'
import { inputAttacks } from './input-attacks.ts'
import { overloadAttacks } from './overload-attacks.ts'
import { ownershipAttacks } from './ownership-attacks.ts'
import { pictureAttacks } from './picture-attacks.ts'
import { signInAttacks } from './sign-in-attacks.ts'
import { tokenAttacks } from './token-attacks.ts'

/** The attack corpus, as far as the addresses in the fixtures allow. */
export const listAttacks = (fixtures: AttackFixtures): Attack[] => [
  ...tokenAttacks(fixtures),
  ...graphqlAttacks(fixtures),
  ...bodyAttacks(fixtures),
  ...idAttacks(fixtures),
  ...headerAttacks(fixtures),
  ...contentAttacks(fixtures),
  ...ownershipAttacks(fixtures),
  ...inputAttacks(fixtures),
  ...pictureAttacks(fixtures),
  ...browserAttacks(fixtures),
  ...grpcAttacks(fixtures),
  ...overloadAttacks(fixtures),
  ...signInAttacks(fixtures),
]

export type AttackRun = { results: (Attack & Verdict)[]; health: ServiceHealth[] }

const CONCURRENCY = 8

/**
 * Runs all attacks on a shop and monitors the health of its services meanwhile.
 *
 * @throws what the fixtures throw, or the reason of the signal
 */
export async function runAttacks(shop: ShopUnderTest, signal?: AbortSignal): Promise<AttackRun> {
  const fixtures = await createAttackFixtures(shop)
  const results: AttackRun['results'] = []
  const attacks = [...listAttacks(fixtures).entries()]
  const queue = attacks.filter(([, { alone }]) => !alone).values()
  const work = async (queue: Iterable<[number, Attack]>): Promise<void> => {
    for (const [i, attack] of queue) {
      signal?.throwIfAborted()
      results[i] = { ...attack, ...(await runAttack(attack, fixtures)) }
    }
  }
  const monitor = monitorHealth(shop)
  const workers = await Promise.allSettled(Array.from({ length: CONCURRENCY }, () => work(queue)))
  const [alone] = await Promise.allSettled([work(attacks.filter((entry) => entry[1].alone))])
  const health = await monitor.stop()
  for (const worker of [...workers, alone]) if (worker.status === 'rejected') throw worker.reason
  return { results, health }
}

/** An attack without any response counts as accepted: the service should have rejected it. */
async function runAttack(attack: Attack, fixtures: AttackFixtures): Promise<Verdict> {
  try {
    return await attack.run(fixtures)
  } catch (error) {
    const { message, cause } = error as Error
    return { rejected: false, observed: cause instanceof Error ? `${message}: ${cause.message}` : message }
  }
}
