import type { ShopDependency, ProcessName } from '@halles/dev-shop'
import { createRandom, type Random } from '../random.ts'
import { networkFaults, type NetworkFault } from './fault-proxy.ts'
import { mailFaults, type MailFault } from './mail-server.ts'

/** A process that can be killed: of a service, or of a server. */
export type KillTarget = ProcessName | 'mongodb' | 'kafka'

/** A proxied connection from a process to one of its dependencies: `order-2→productGrpc`. */
export type ConnectionName = `${ProcessName}→${ShopDependency}`

/** Message values on order-events that no consumer can process. */
export const poisonMessages = {
  'not JSON': 'Hélas, ceci n’est pas du JSON',
  'not an event': '{"specversion":"1.0","type":"order.exploded","id":"1"}',
  'no value': null,
} as const
export type PoisonMessage = keyof typeof poisonMessages

/** What is injected, and for how many milliseconds. A killed process is down for longer: its start comes on top. */
export type FaultSpec =
  | { what: 'kill'; on: KillTarget; lasts: number }
  | { what: 'freeze'; on: ProcessName; lasts: number }
  | { what: NetworkFault; on: ConnectionName; lasts: number }
  | { what: MailFault; on: 'mail'; lasts: number }
  | { what: 'poison'; on: PoisonMessage; lasts: number }

/** A scheduled fault. `at`: milliseconds after the start of the load. */
export type Fault = FaultSpec & { at: number }

const killTargets: readonly KillTarget[] = [
  'auth',
  'product',
  'order',
  'order-2',
  'notification',
  'notification-2',
  'gateway',
  'kafka',
  'mongodb',
]

/** The faults of each connection. A lost response matters where the request was a write. */
const faultsByConnection: Record<ConnectionName, readonly NetworkFault[]> = Object.fromEntries([
  ...(['order', 'order-2'] as const).flatMap((order) => [
    [`${order}→productGrpc`, networkFaults],
    [`${order}→mongodb`, networkFaults],
    [`${order}→kafka`, ['down', 'stall', 'drop-responses']],
    [`gateway→${order}`, ['down', 'stall', 'drop-responses']],
  ]),
  ...(['notification', 'notification-2'] as const).flatMap((notification) => [
    [`${notification}→mongodb`, ['down', 'stall', 'drop-responses']],
    [`${notification}→kafka`, ['down', 'drop-responses']],
    [`${notification}→mailbox`, networkFaults],
  ]),
  ['product→mongodb', ['down', 'stall', 'drop-responses']],
  ['auth→mongodb', ['down', 'stall', 'drop-responses']],
  ['auth→kafka', ['down', 'stall', 'drop-responses']],
])

/** The connections that go through a fault proxy. */
export const connectionNames = Object.keys(faultsByConnection) as ConnectionName[]

/**
 * Longer than order-service leaves a pending order to the process that created it: a process that is frozen for this long
 * finds its order cancelled when it continues.
 */
const LONG_FREEZE: [low: number, high: number] = [16_500, 18_500]

/**
 * Creates the schedule of faults for a run; the seed determines it completely. It consists of three concurrent sequences:
 * killed processes, frozen processes, and network, mail and message faults. In each sequence every fault occurs once, in
 * random order, before any occurs again.
 */
export function scheduleFaults(seed: number, seconds: number): Fault[] {
  const kills = createSequence(createRandom(seed, 'kills'), seconds, [300, 2000], (random) =>
    random.shuffled(killTargets).map((on) => ({ what: 'kill', on, lasts: random.between(0, 1500) })),
  )
  const freezes = createSequence(createRandom(seed, 'freezes'), seconds, [500, 4000], (random) => {
    const [long, other] = random.shuffled(['order', 'order-2'] as const)
    const short = random.shuffled([other!, 'product', 'notification', 'notification-2', 'auth', 'gateway'] as const)
    return [
      { what: 'freeze', on: long!, lasts: random.between(...LONG_FREEZE) },
      ...short.map((on) => ({ what: 'freeze' as const, on, lasts: random.between(500, 5000) })),
    ]
  })
  const others = createSequence(createRandom(seed, 'network'), seconds, [100, 900], (random) =>
    random.shuffled<FaultSpec>([
      ...connectionNames.map((on) => ({
        what: random.pick(faultsByConnection[on]!),
        on,
        lasts: random.between(300, 3500),
      })),
      ...mailFaults.map((what) => ({ what, on: 'mail' as const, lasts: random.between(500, 4000) })),
      ...(Object.keys(poisonMessages) as PoisonMessage[]).map((on) => ({ what: 'poison' as const, on, lasts: 0 })),
    ]),
  )
  return [...kills, ...freezes, ...others].toSorted((a, b) => a.at - b.at)
}

/**
 * Creates the schedule of a soak test: two to three faults a minute, one at a time, of all kinds except killed services,
 * as a restart would hide what a service leaks. The seed determines it.
 */
export function scheduleSoakFaults(seed: number, seconds: number): Fault[] {
  return createSequence(createRandom(seed, 'soak'), seconds, [15_000, 30_000], (random) =>
    random.shuffled<FaultSpec>([
      ...connectionNames.map((on) => ({
        what: random.pick(faultsByConnection[on]!),
        on,
        lasts: random.between(300, 3500),
      })),
      ...mailFaults.map((what) => ({ what, on: 'mail' as const, lasts: random.between(500, 4000) })),
      ...(Object.keys(poisonMessages) as PoisonMessage[]).map((on) => ({ what: 'poison' as const, on, lasts: 0 })),
      ...killTargets.map((on): FaultSpec =>
        on === 'kafka' || on === 'mongodb'
          ? { what: 'kill', on, lasts: random.between(0, 1500) }
          : { what: 'freeze', on, lasts: random.between(500, 5000) },
      ),
    ]),
  )
}

/**
 * A sequence of faults, one at a time, until the run ends.
 *
 * @param gap bounds of the pause after each fault, in milliseconds
 * @param createRound gives every fault of the sequence once
 */
function createSequence(
  random: Random,
  seconds: number,
  gap: [low: number, high: number],
  createRound: (random: Random) => FaultSpec[],
): Fault[] {
  const faults: Fault[] = []
  for (let at = random.between(...gap); ;)
    for (const spec of createRound(random)) {
      if (at >= seconds * 1000) return faults
      faults.push({ ...spec, at })
      at += spec.lasts + random.between(...gap)
    }
}
