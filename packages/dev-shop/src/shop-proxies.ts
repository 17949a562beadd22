import type { ShopDependency, ProcessName, ServerAddresses, ShopPorts } from './shop-services.ts'
import { dependenciesOf } from './shop-services.ts'

/** A TCP proxy between a process and one of its dependencies: see `StartShop.createProxy`. */
export type ConnectionProxy = {
  /** The `host:port` at which the proxy listens. The process is configured with it. */
  address: string
  /** Called with the `host:port` of the dependency, before the process starts. */
  connectTo: (address: string) => void
}

/** Decides whether a proxy stands between a process and a dependency. */
export type CreateProxy = (from: ProcessName, to: ShopDependency) => Promise<ConnectionProxy | undefined>

export type Proxies = Awaited<ReturnType<typeof createProxies>>

/** Creates the requested proxies between the processes and their dependencies. */
export async function createProxies(names: ProcessName[], createProxy: CreateProxy = async () => undefined) {
  const byProcess = new Map<ProcessName, Map<ShopDependency, ConnectionProxy>>()
  for (const from of names) {
    const proxies = new Map<ShopDependency, ConnectionProxy>()
    for (const to of dependenciesOf(from, names)) {
      const proxy = await createProxy(from, to)
      if (proxy !== undefined) proxies.set(to, proxy)
    }
    byProcess.set(from, proxies)
  }
  return {
    /** The proxies in front of a dependency, one for each process that has one, in a stable order. */
    inFrontOf: (to: ShopDependency): ConnectionProxy[] =>
      [...byProcess.values()].map((proxies) => proxies.get(to)).filter((proxy) => proxy !== undefined),

    /**
     * Connects the proxies of a process to its dependencies.
     * @returns the `host:port` of the proxy in front of each dependency that has one
     */
    connect: (from: ProcessName, ports: ShopPorts, servers: ServerAddresses): Map<ShopDependency, string> => {
      const addresses = new Map<ShopDependency, string>()
      for (const [to, proxy] of byProcess.get(from)!) {
        // Those of Kafka are connected to a listener each, when Kafka has started.
        if (to !== 'kafka') proxy.connectTo(addressOf(to, ports, servers))
        addresses.set(to, proxy.address)
      }
      return addresses
    },
  }
}

/** The `host:port` of a dependency. */
function addressOf(
  to: Exclude<ShopDependency, 'kafka'>,
  ports: ShopPorts,
  { mongodb = '', smtp = '' }: ServerAddresses,
): string {
  if (to === 'mongodb') return /^mongodb:\/\/(?:[^@/]*@)?([^/?,]+)/.exec(mongodb)![1]!
  if (to === 'mailbox') return new URL(smtp).host
  return `127.0.0.1:${ports[to]}`
}
