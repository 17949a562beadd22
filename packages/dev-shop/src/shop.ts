// Starts a whole shop on this machine: servers, services, demo data. `npm start`, the demo, the benchmarks, the end-to-end
// tests and the chaos tests use it.
import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import {
  config,
  startLoadBalancer,
  startManagedProcess,
  userError,
  createProcessGroup,
  freePort,
  removeOnExit,
  startServers,
  type KafkaCluster,
  type ManagedProcess,
  type ProcessGroup,
  type ReplicaSet,
  type ServerName,
  type Servers,
} from '@halles/test-servers'
import { shopAddresses, type ShopAddresses } from './shop-addresses.ts'
import { lockShop } from './shop-lock.ts'
import { buildPages, storefrontEnvironment } from './storefront.ts'
import { createProxies, type ConnectionProxy } from './shop-proxies.ts'
import {
  appOf,
  balancedOf,
  choosePorts,
  demoAccounts,
  environmentOf,
  processesOf,
  readinessPort,
  requiredServers,
  serviceNames,
  serviceOf,
  urlOf,
  type Instances,
  type ShopDependency,
  type ProcessName,
  type ServerAddresses,
  type ServiceName,
  type ShopPorts,
} from './shop-services.ts'

export { demoAccounts, serviceNames }
export type { ConnectionProxy, Instances, ShopDependency, ProcessName, ShopAddresses, ServiceName }

const root = path.resolve(import.meta.dirname, '../../..')
/**
 * Flags of Node. A young generation of 8 MB per semi-space costs half the garbage collection of one of 2 MB; with the
 * default of 16 MB five idle services would need 80 MB more. `gc` lets a service collect the garbage of its start once.
 * kafkajs once computes a negative timeout, which is harmless, but Node 24 would warn about it.
 */
const nodeFlags = ['--max-semi-space-size=8', '--expose-gc', '--disable-warning=TimeoutNegativeWarning']
const serverNames = ['mongodb', 'kafka', 'mailbox'] as const satisfies ServerName[]
const titles: Record<ServerName, string> = { mongodb: 'MongoDB', kafka: 'Kafka', mailbox: 'The mailbox' }

export type StartShop = {
  /** Keeps data, logs and running.json. By default they are in a temporary folder that is removed at the end. */
  dataDir?: string
  /** Removes the content of `dataDir` first. */
  reset?: boolean
  /** The port of the gateway; the start fails when it is taken. By default 4000, or any free port. */
  gatewayPort?: number
  /** Addresses of servers that already run. The others are started. */
  existingServers?: ServerAddresses
  /**
   * The number of processes of each service, 1 by default; the second is called `order-2`. Several gateways or auth-services
   * are behind one address, at HAProxy.
   */
  instances?: Instances
  /** The number of members of MongoDB's replica set, 1 by default: see `Shop.replicaSet`. */
  mongodbNodes?: number
  /** The number of Kafka brokers, 1 by default: see `Shop.kafkaCluster`. */
  kafkaBrokers?: number
  /** Whether to build the pages and to start the storefront, which the gateway then serves at `/`. */
  storefront?: boolean
  /** Puts a proxy between a process and a dependency. Called for each pair before the start; undefined means none. */
  createProxy?: (from: ProcessName, to: ShopDependency) => Promise<ConnectionProxy | undefined>
  /** Further environment variables of services. All processes of a service share them. */
  env?: Partial<Record<ServiceName, NodeJS.ProcessEnv>>
  onProgress?: (line: string) => void
  /** Called with the last lines of a process that exits without having been stopped, once the shop is ready. */
  onCrash?: (message: string) => void
  /** Aborts the start: processes that were started are stopped, and the promise rejects. */
  signal?: AbortSignal
}

type Process = Pick<ManagedProcess, 'pid' | 'kill' | 'restart'>

export type Shop = {
  /** The current addresses and processes: `pids` changes with restarts. */
  readonly running: ShopAddresses
  /** The URL of each process of a service that serves `/readyz` and `/metrics`. */
  operatorUrls: Record<string, string>
  /** The folder of the services' logs: `<service>.log`, `<service>-2.log` of a second process; JSON lines. */
  logs: string
  /** The processes by name, for tests that kill and restart them. */
  processes: Record<ServiceName | ServerName, Process> & { [more in `${ServiceName}-${number}`]?: Process }
  /** The members of MongoDB's replica set, when `mongodbNodes` is more than 1. */
  replicaSet?: ReplicaSet
  /** The brokers of Kafka, when `kafkaBrokers` is more than 1. */
  kafkaCluster?: KafkaCluster
  /** Stops the services, then the servers. */
  stop: () => Promise<void>
  /** Kills all processes at once. */
  abort: () => void
}

/** Compiles the services if necessary, starts everything, and resolves when every service is ready. */
export async function startShop(options: StartShop = {}): Promise<Shop> {
  const { onProgress = () => {}, gatewayPort, instances = {}, env = {}, mongodbNodes = 1, kafkaBrokers = 1 } = options
  const dataDir = options.dataDir ?? (await mkdtemp(path.join(tmpdir(), 'halles-shop-')))
  const keepFolder = options.dataDir === undefined ? removeOnExit(dataDir) : undefined
  const unlock = await lockShop(dataDir, options.reset ?? false)
  const logs = path.join(dataDir, 'logs')
  const runningFile = path.join(dataDir, 'running.json')
  await mkdir(logs, { recursive: true })
  await rm(runningFile, { force: true }) // Left by a shop that was killed.

  const starting = new AbortController()
  const abortStart = () => starting.abort(options.signal?.reason)
  if (options.signal?.aborted) abortStart()
  options.signal?.addEventListener('abort', abortStart)
  let onCrash = (message: string): void => starting.abort(new Error(message))

  const group = createProcessGroup({ onProgress, signal: starting.signal })
  const services = new Map<ProcessName, ManagedProcess>()
  const servers = new Map<ServerName, Servers>()

  async function startServer(name: ServerName): Promise<void> {
    const started = await startServers({
      need: [name],
      dataDir,
      // A temporary shop avoids the default ports, as another shop may be starting at the same moment.
      ports: options.dataDir === undefined ? {} : { mongodb: 27017, kafka: 9092, smtp: 1025, mailbox: 1080 },
      given: options.existingServers,
      ...(name === 'mongodb' && { mongodbNodes }),
      ...(name === 'kafka' && { kafkaBrokers, kafkaListeners: proxies.kafkaListeners }),
      onProgress,
      onCrash: (message) => onCrash(message),
      signal: starting.signal,
    })
    servers.set(name, started)
    if (started.kafkaListeners) proxies.connectKafka(started.kafkaListeners)
    onProgress(`${titles[name]} is up (${started.ways[name]})`)
  }

  async function startService(name: ProcessName, dependencies: Promise<unknown>[]): Promise<void> {
    const [assignedPorts] = (await Promise.all([ports, ...dependencies])) as [ShopPorts]
    const service = serviceOf(name)
    const app = appOf(service)
    const title = app + name.slice(service.length)
    const serverAddresses = mergeAddresses(servers)
    const environment = {
      ...environmentOf(
        name,
        {
          ports: assignedPorts,
          servers: serverAddresses,
          all: names,
          proxies: proxies.connect(name, assignedPorts, serverAddresses),
        },
        config().environment,
      ),
      ...(service === 'gateway' && storefrontPort !== undefined && { STOREFRONT_URL: urlOf(storefrontPort) }),
      ...env[service],
    }
    const started = await startApp(app, title, environment, operatorUrlOf(name, assignedPorts))
    services.set(name, started)
  }

  /** Starts the process of an app, and waits until it is ready. */
  async function startApp(
    app: string,
    title: string,
    environment: NodeJS.ProcessEnv,
    readyUrl: string,
  ): Promise<ManagedProcess> {
    // Threads that share malloc arenas save 14 MB over five idle services.
    environment['MALLOC_ARENA_MAX'] ??= '2'
    environment['NODE_COMPILE_CACHE'] ??= path.join(root, 'node_modules', '.cache', 'halles-compile')
    const started = await startManagedProcess({
      spawn: (more) =>
        group.spawn(title, process.execPath, [...nodeFlags, path.join(root, 'apps', app, 'dist', 'main.js')], {
          ...more,
          env: environment,
          cwd: root,
          log: path.join(logs, `${title}.log`),
        }),
      isReady: () => isReady(readyUrl),
      onCrash: (message) => onCrash(message),
    })
    onProgress(`${title} is ready`)
    return started
  }

  let storefront: ManagedProcess | undefined
  async function startStorefront(): Promise<void> {
    const [assignedPorts] = await Promise.all([ports, built.then(() => buildPages(root, group))])
    const environment = {
      ...config().environment,
      ...storefrontEnvironment(storefrontPort!, shopAddresses(assignedPorts, {}).gateway),
    }
    storefront = await startApp('storefront', 'storefront', environment, urlOf(storefrontPort!))
  }

  /** Starts HAProxy in front of the services that need one address for several processes. */
  async function startBalancer(assignedPorts: ShopPorts): Promise<void> {
    const balanced = balancedOf(names)
    if (balanced.length === 0) return
    await startLoadBalancer({
      group,
      folder: dataDir,
      services: balanced.map((service) => ({
        name: service,
        port: assignedPorts.balanced[service]!,
        instances: processesOf(service, instances).map((name) => ({
          name,
          port: assignedPorts[name]!,
          readinessPort: readinessPort(assignedPorts, name),
        })),
        forwardedFor: service === 'gateway',
      })),
      log: path.join(logs, 'haproxy.log'),
      onCrash: (message) => onCrash(message),
    })
    onProgress(`HAProxy is ready (${balanced.map(appOf).join(', ')})`)
  }

  async function stop(): Promise<void> {
    options.signal?.removeEventListener('abort', abortStart)
    await rm(runningFile, { force: true })
    const gateways = [...services].filter(([name]) => serviceOf(name) === 'gateway')
    await Promise.all(gateways.map(([, gateway]) => gateway.stop()))
    await storefront?.stop()
    await Promise.all([...services.values()].map((service) => service.stop()))
    await group.stop()
    await Promise.all([...servers.values()].map((server) => server.stop()))
    unlock()
    if (keepFolder !== undefined) {
      await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
      keepFolder()
    }
  }

  const names = serviceNames.flatMap((name) => processesOf(name, instances))
  const proxies = await createProxies(names, kafkaBrokers, options.createProxy)
  const storefrontPort = options.storefront ? await freePort() : undefined
  const built = compileServices(group).then(() => onProgress('Built'))
  // Ports are chosen after the build: a first build takes long enough for another shop to take them.
  const ports = built.then(() => choosePorts(gatewayPort, options.dataDir !== undefined, names))
  const started = Object.fromEntries(serverNames.map((name) => [name, startServer(name)])) as Record<
    ServerName,
    Promise<void>
  >
  const all = [
    ports,
    built,
    ports.then((assigned) => startBalancer(assigned)),
    ...Object.values(started),
    ...(storefrontPort === undefined ? [] : [startStorefront()]),
    ...names.map((name) =>
      startService(name, [built, ...requiredServers[serviceOf(name)].map((server) => started[server])]),
    ),
  ]
  for (const part of all) part.catch((error: unknown) => starting.abort(error))
  await Promise.allSettled(all)
  if (starting.signal.aborted) {
    await stop()
    throw starting.signal.reason
  }
  onCrash = options.onCrash ?? (() => {})

  const assignedPorts = await ports
  const shop: Shop = {
    get running() {
      return {
        ...shopAddresses(assignedPorts, mergeAddresses(servers)),
        pids: { ...pidsOf(services, servers), ...(storefront?.pid() && { storefront: storefront.pid()! }) },
      }
    },
    operatorUrls: Object.fromEntries(names.map((name) => [name, operatorUrlOf(name, assignedPorts)])),
    logs,
    processes: Object.fromEntries([
      ...services,
      ...[...servers].map(([name, server]) => [name, processOf(name, server)]),
    ]) as Shop['processes'],
    ...(servers.get('mongodb')?.replicaSet && { replicaSet: servers.get('mongodb')!.replicaSet! }),
    ...(servers.get('kafka')?.kafkaCluster && { kafkaCluster: servers.get('kafka')!.kafkaCluster! }),
    stop,
    abort: () => {
      for (const service of [...services.values(), storefront]) void service?.kill('SIGKILL')
      for (const [name, server] of servers) if (server.pids[name]) void server.kill(name, 'SIGKILL')
    },
  }
  await writeFile(`${runningFile}.new`, `${JSON.stringify(shop.running, null, 2)}\n`)
  await rename(`${runningFile}.new`, runningFile)
  return shop
}

/** Compiles the services; incremental, so that it takes a moment when nothing has changed. */
async function compileServices(group: ProcessGroup): Promise<void> {
  const tsc = await realpath(path.join(root, 'node_modules', '.bin', 'tsc'))
  const projects = [...serviceNames.map(appOf), 'storefront'].map((app) => path.join(root, 'apps', app))
  const compiler = await group.spawn('tsc', process.execPath, [tsc, '--build', ...projects], { cwd: root })
  const { code } = await compiler.exited
  if (code !== 0) throw userError(`The services do not compile:\n${compiler.lastLines(30).join('\n')}`)
}

/** Where a process serves operators. */
const operatorUrlOf = (name: ProcessName, ports: ShopPorts): string => urlOf(readinessPort(ports, name))

/** Checks the readiness of a service. @throws Error with the response when it or one of its dependencies is not ready */
async function isReady(url: string): Promise<boolean> {
  const response = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) })
  if (!response.ok) throw new Error(await response.text())
  return true
}

function mergeAddresses(servers: Map<ServerName, Servers>): ServerAddresses {
  const merged: ServerAddresses = {}
  for (const { mongodb, kafka, smtp, mailbox } of servers.values()) {
    Object.assign(merged, mongodb && { mongodb }, kafka && { kafka }, smtp && { smtp }, mailbox && { mailbox })
  }
  return merged
}

function pidsOf(services: Map<ProcessName, ManagedProcess>, servers: Map<ServerName, Servers>): Record<string, number> {
  const pids: Record<string, number> = { shop: process.pid }
  for (const [name, service] of services) Object.assign(pids, service.pid() && { [name]: service.pid() })
  for (const server of servers.values()) Object.assign(pids, server.pids)
  return pids
}

function processOf(name: ServerName, server: Servers): Process {
  return {
    pid: () => server.pids[name],
    kill: (signal) => server.kill(name, signal),
    restart: () => server.restart(name),
  }
}
