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

/**
 * The faults of a replica set.
 * - `step-down`: the primary hands over to a secondary
 * - `kill-primary`, `kill-secondary`: SIGKILL, later a restart
 * - `freeze-primary`, `freeze-secondary`: SIGSTOP, later SIGCONT; a frozen primary still holds its connections
 * - `lag-secondary`: the secondary replicates no writes
 */
export const replicaSetFaults = [
  'step-down',
  'kill-primary',
  'freeze-primary',
  'kill-secondary',
  'freeze-secondary',
  'lag-secondary',
] as const
export type ReplicaSetFault = (typeof replicaSetFaults)[number]

/** The faults of a cluster of brokers, on the leader of a partition of order-events. `move-leader`: another one leads it. */
export const brokerFaults = ['kill-leader', 'freeze-leader', 'move-leader'] as const
export type BrokerFault = (typeof brokerFaults)[number]

/** What is injected, and for how many milliseconds. A killed process is down for longer: its start comes on top. */
export type FaultSpec =
  | { what: 'kill'; on: KillTarget; lasts: number }
  /** SIGTERM, as in a rolling restart. */
  | { what: 'restart'; on: ProcessName; lasts: number }
  | { what: 'freeze'; on: ProcessName; lasts: number }
  | { what: NetworkFault; on: ConnectionName; lasts: number }
  | { what: MailFault; on: 'mail'; lasts: number }
  | { what: 'poison'; on: PoisonMessage; lasts: number }
  | { what: ReplicaSetFault; on: 'mongodb'; lasts: number }
  | { what: BrokerFault; on: 'kafka'; lasts: number }

/** A scheduled fault. `at`: milliseconds after the start of the load. */
export type Fault = FaultSpec & { at: number }

/** The parts of a shop that can fail. */
export type Topology = {
  processes: readonly ProcessName[]
  /** Whether MongoDB is a replica set of several members, and Kafka has several brokers. */
  replicas: boolean
}

/** The faults of the connections between two kinds of processes. A lost response matters where the request was a write. */
const connectionFaults: [from: RegExp, to: RegExp, faults: readonly NetworkFault[]][] = [
  [/^order/, /^(productGrpc|mongodb)/, networkFaults],
  [/^order/, /^kafka/, ['down', 'stall', 'drop-responses']],
  [/^gateway/, /^order/, ['down', 'stall', 'drop-responses']],
  [/^notification/, /^mongodb/, ['down', 'stall', 'drop-responses']],
  [/^notification/, /^kafka/, ['down', 'drop-responses']],
  [/^notification/, /^mailbox/, networkFaults],
  [/^product/, /^mongodb/, ['down', 'stall', 'drop-responses']],
  [/^auth/, /^(mongodb|kafka)/, ['down', 'stall', 'drop-responses']],
]

/** The faults that a connection can have; undefined when it gets no fault proxy. */
export const faultsOfConnection = (from: string, to: string): readonly NetworkFault[] | undefined =>
  connectionFaults.find(([one, other]) => one.test(from) && other.test(to))?.[2]

/** The gRPC endpoint of a process, if it has one: of `product-2` it is `productGrpc-2`. */
const toGrpcEndpoint = (name: ProcessName): ShopDependency[] =>
  name.startsWith('product') ? [name.replace('product', 'productGrpc') as ShopDependency] : []

/** The connections of a shop that go through a fault proxy. Where there are several brokers, those fail instead. */
export const connectionsOf = ({ processes, replicas }: Topology): ConnectionName[] =>
  processes.flatMap((from) =>
    [...processes, ...processes.flatMap(toGrpcEndpoint), 'mongodb', ...(replicas ? [] : ['kafka']), 'mailbox']
      .filter((to) => faultsOfConnection(from, to) !== undefined)
      .map((to) => `${from}→${to}` as ConnectionName),
  )

/**
 * Longer than order-service leaves a pending order to the process that created it: a process that is frozen for this long
 * finds its order cancelled when it continues.
 */
const LONG_FREEZE: [low: number, high: number] = [16_500, 18_500]

/** How often a process of a service is restarted instead of killed, where another process of the service goes on. */
const RESTARTS = 0.3

/**
 * Creates the schedule of faults for a run; the seed determines it completely. It consists of concurrent sequences: killed
 * processes, frozen processes, and network, mail and message faults; with replicas also those of MongoDB's members and of
 * Kafka's brokers. In each sequence every fault occurs once, in random order, before any occurs again.
 */
export function scheduleFaults(topology: Topology, seed: number, seconds: number): Fault[] {
  const { processes, replicas } = topology
  const killTargets: readonly KillTarget[] = replicas ? processes : [...processes, 'kafka', 'mongodb']
  const kills = createSequence(createRandom(seed, 'kills'), seconds, [300, 2000], (random) =>
    random.shuffled(killTargets).map((on): FaultSpec => {
      const lasts = random.between(0, 1500)
      const isRestarted = replicas && random.chance(RESTARTS)
      return isRestarted ? { what: 'restart', on: on as ProcessName, lasts: 0 } : { what: 'kill', on, lasts }
    }),
  )
  const freezes = createSequence(createRandom(seed, 'freezes'), seconds, [500, 4000], (random) => {
    const [long, ...others] = random.shuffled(processes.filter((name) => name.startsWith('order')))
    const short = random.shuffled([...others, ...processes.filter((name) => !name.startsWith('order'))])
    return [
      { what: 'freeze', on: long!, lasts: random.between(...LONG_FREEZE) },
      ...short.map((on) => ({ what: 'freeze' as const, on, lasts: random.between(500, 5000) })),
    ]
  })
  const others = createSequence(createRandom(seed, 'network'), seconds, [100, 900], (random) =>
    random.shuffled<FaultSpec>(createNetworkFaults(topology, random)),
  )
  const members = createSequence(createRandom(seed, 'mongodb'), replicas ? seconds : 0, [2000, 6000], (random) =>
    random.shuffled(createReplicaSetFaults(random)),
  )
  const brokers = createSequence(createRandom(seed, 'kafka'), replicas ? seconds : 0, [2000, 6000], (random) =>
    random.shuffled(createBrokerFaults(random)),
  )
  return [...kills, ...freezes, ...others, ...members, ...brokers].toSorted((a, b) => a.at - b.at)
}

/**
 * Creates the schedule of a soak test: two to three faults a minute, one at a time, of all kinds except killed services,
 * as a restart would hide what a service leaks. The seed determines it.
 */
export function scheduleSoakFaults(topology: Topology, seed: number, seconds: number): Fault[] {
  return createSequence(createRandom(seed, 'soak'), seconds, [15_000, 30_000], (random) =>
    random.shuffled<FaultSpec>([
      ...createNetworkFaults(topology, random),
      ...topology.processes.map((on) => ({ what: 'freeze' as const, on, lasts: random.between(500, 5000) })),
      ...(topology.replicas
        ? [...createReplicaSetFaults(random), ...createBrokerFaults(random)]
        : (['kafka', 'mongodb'] as const).map((on) => ({
            what: 'kill' as const,
            on,
            lasts: random.between(0, 1500),
          }))),
    ]),
  )
}

/** Every network fault, fault of the mail server, and poison message, once. */
const createNetworkFaults = (topology: Topology, random: Random): FaultSpec[] => [
  ...connectionsOf(topology).map((on) => ({
    what: random.pick(faultsOfConnection(...(on.split('→') as [string, string]))!),
    on,
    lasts: random.between(300, 3500),
  })),
  ...mailFaults.map((what) => ({ what, on: 'mail' as const, lasts: random.between(500, 4000) })),
  ...(Object.keys(poisonMessages) as PoisonMessage[]).map((on) => ({ what: 'poison' as const, on, lasts: 0 })),
]

/** Every fault of a replica set, once. A frozen primary is frozen for longer than an election takes. */
const createReplicaSetFaults = (random: Random): FaultSpec[] =>
  replicaSetFaults.map((what) => ({
    what,
    on: 'mongodb',
    lasts:
      { 'step-down': 0, 'freeze-primary': random.between(7000, 10_000) }[what as string] ?? random.between(500, 6000),
  }))

const createBrokerFaults = (random: Random): FaultSpec[] =>
  brokerFaults.map((what) => ({ what, on: 'kafka', lasts: what === 'move-leader' ? 0 : random.between(500, 8000) }))

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
