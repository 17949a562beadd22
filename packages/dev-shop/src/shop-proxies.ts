import { userError } from '@halles/test-servers'
import type { ShopDependency, ProcessName, ServerAddresses, ShopPorts } from './shop-services.ts'
import { brokerNames, dependenciesOf, isReplicaSet, publicPort, serviceOf } from './shop-services.ts'

/** A TCP proxy between a process and one of its dependencies: see `StartShop.createProxy`. */
export type ConnectionProxy = {
  /** The `host:port` at which the proxy listens. The process is configured with it. */
  address: string
  /**
   * Called with the `host:port` of the dependency, before the process starts. Not called for a MongoDB of several members:
   * the proxy must be a SOCKS5 proxy then.
   */
  connectTo: (address: string) => void
}

/** Decides whether a proxy stands between a process and a dependency. */
export type CreateProxy = (from: ProcessName, to: ShopDependency) => Promise<ConnectionProxy | undefined>

export type Proxies = Awaited<ReturnType<typeof createProxies>>

/**
 * Creates the requested proxies between the processes and their dependencies.
 * @param brokers the number of Kafka brokers
 * @throws a user error when a process has a proxy in front of some brokers and none in front of others
 */
export async function createProxies(
  names: ProcessName[],
  brokers: number,
  createProxy: CreateProxy = async () => undefined,
) {
  const byProcess = new Map<ProcessName, Map<ShopDependency, ConnectionProxy>>()
  for (const from of names) {
    const proxies = new Map<ShopDependency, ConnectionProxy>()
    for (const to of dependenciesOf(from, names, brokers)) {
      const proxy = await createProxy(from, to)
      if (proxy !== undefined) proxies.set(to, proxy)
    }
    byProcess.set(from, proxies)
  }
  const kafkaNames = brokerNames(brokers)
  /** The proxies of each process that has them in front of Kafka: one a broker. */
  const inFrontOfKafka = [...byProcess]
    .map(([from, proxies]) => ({ from, found: kafkaNames.flatMap((name) => proxies.get(name) ?? []) }))
    .filter(({ found }) => found.length > 0)
  for (const { from, found } of inFrontOfKafka)
    if (found.length < brokers) throw userError(`${from} needs a proxy in front of each of the ${brokers} brokers.`)
  return {
    /** The listeners that Kafka needs for the proxies, in the form of `kafkaListeners` of test-servers. */
    kafkaListeners: inFrontOfKafka.map(({ found }) => found.map(({ address }) => address).join(',')),

    /** Connects the proxies in front of Kafka to the listeners that it has started for them. */
    connectKafka: (listeners: readonly string[]): void => {
      for (const [i, { found }] of inFrontOfKafka.entries())
        for (const [broker, address] of listeners[i]!.split(',').entries()) found[broker]!.connectTo(address)
    },

    /**
     * Connects the proxies of a process to its other dependencies.
     * @returns the `host:port` of the proxy in front of each dependency that has one
     */
    connect: (from: ProcessName, ports: ShopPorts, servers: ServerAddresses): Map<ShopDependency, string> => {
      const addresses = new Map<ShopDependency, string>()
      for (const [to, proxy] of byProcess.get(from)!) {
        const isSocks = to === 'mongodb' && isReplicaSet(servers.mongodb ?? '')
        if (!isSocks && !(kafkaNames as ShopDependency[]).includes(to))
          proxy.connectTo(addressOf(from, to, ports, servers))
        addresses.set(to, proxy.address)
      }
      return addresses
    },
  }
}

/** The `host:port` of a dependency. */
function addressOf(
  from: ProcessName,
  to: ShopDependency,
  ports: ShopPorts,
  { mongodb = '', smtp = '' }: ServerAddresses,
): string {
  if (to === 'mongodb') return /^mongodb:\/\/(?:[^@/]*@)?([^/?,]+)/.exec(mongodb)![1]!
  if (to === 'mailbox') return new URL(smtp).host
  if (to === 'auth' && serviceOf(from) !== 'gateway') return `127.0.0.1:${publicPort(ports, 'auth')}`
  return `127.0.0.1:${ports[to as ProcessName]}`
}
