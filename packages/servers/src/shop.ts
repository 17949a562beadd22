// A whole shop on this machine: servers, services, demo data. `npm start`, the demo, the benchmarks and the torture tests
// all start it from here.
import { mkdir, mkdtemp, realpath, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { config } from './config.ts'
import { managedProcess, type ManagedProcess } from './managed-process.ts'
import { plainError } from './plain-error.ts'
import { processGroup, removeAtTheEnd } from './process-group.ts'
import type { ServerName } from './server.ts'
import { lockShop } from './shop-lock.ts'
import {
  appOf,
  choosePorts,
  demoAccounts,
  environmentOf,
  needs,
  neighboursOf,
  processesOf,
  serviceNames,
  serviceOf,
  urlOf,
  type Multiplied,
  type Neighbour,
  type ProcessName,
  type ServerAddresses,
  type ServiceName,
  type ShopPorts,
} from './shop-services.ts'
import { startServers, type Servers } from './start-servers.ts'

export { demoAccounts, serviceNames, type Multiplied, type Neighbour, type ProcessName, type ServiceName }

const root = path.resolve(import.meta.dirname, '../../..')
/**
 * A young generation of 8 MB a space costs half the garbage collection of one of 2 MB, and with the usual 16 MB five idle
 * services would weigh 80 MB more. What a start leaves behind is collected once, for which they need `gc`. And kafkajs
 * counts a pause backwards once, harmlessly, which Node 24 would warn of.
 */
const flags = ['--max-semi-space-size=8', '--expose-gc', '--disable-warning=TimeoutNegativeWarning']
const serverNames = ['mongodb', 'kafka', 'mailbox'] as const satisfies ServerName[]
const titles: Record<ServerName, string> = { mongodb: 'MongoDB', kafka: 'Kafka', mailbox: 'The mailbox' }

/** Where everything is; the content of `.data/running.json`. */
export type Running = {
  gateway: string
  /** The gateway's door for operators; the others have none of their own. */
  gatewayOperator: string
  services: Record<Exclude<ServiceName, 'gateway'>, string>
  /** host:port */
  productGrpc: string
  mongodb: string
  kafka: string
  smtp: string
  mailbox: string
  storefront: string
  accounts: typeof demoAccounts
  pids: Record<string, number>
}

/** Something between a process and a neighbour of it, through which all that they say goes: see `StartShop.cable`. */
export type Cable = {
  /** Where it takes connections, `host:port`: the process is told this one. */
  address: string
  /** Told where the neighbour is, `host:port`, before the process starts. */
  leadTo: (address: string) => void
}

export type StartShop = {
  /** Keeps data, logs and running.json; left out, a temporary folder that is removed at the end. */
  dataDir?: string
  /** Begins with an empty `dataDir`. */
  reset?: boolean
  /** The gateway has this port or the start fails; left out, 4000 or any free one. */
  gatewayPort?: number
  /** Servers that run already, used instead of starting some. */
  given?: ServerAddresses
  /** How many processes there are to be of a service, one by default; the second is called `order-2`. */
  instances?: Partial<Record<Multiplied, number>>
  /** Puts a cable between a process and a neighbour that it connects to, or not: asked for each pair, before the start. */
  cable?: (from: ProcessName, to: Neighbour) => Promise<Cable | undefined>
  /** More environment for single services; all processes of one share it. */
  env?: Partial<Record<ServiceName, NodeJS.ProcessEnv>>
  onProgress?: (line: string) => void
  /** Hears of a process that ended without being asked to, with its last lines, once the shop is up. */
  onCrash?: (message: string) => void
  /** Calls the start off: what has begun is stopped and the start rejects. */
  signal?: AbortSignal
}

type Process = Pick<ManagedProcess, 'pid' | 'kill' | 'restart'>

export type Shop = {
  /** As it is now: `pids` follows restarts. */
  readonly running: Running
  /** The folder of the services' logs: `<service>.log`, `<service>-2.log` of a second process; JSON lines. */
  logs: string
  /** The processes by name, to be killed and started again. */
  processes: Record<ServiceName | ServerName, Process> & { [more in `${Multiplied}-${number}`]?: Process }
  /** Ends the services, then the servers. */
  stop: () => Promise<void>
  /** Ends everything at once and ungently. */
  abort: () => void
}

/** Builds what is not built, starts everything, and resolves when every service is ready. */
export async function startShop(options: StartShop = {}): Promise<Shop> {
  const { onProgress = () => {}, gatewayPort, instances = {}, env = {} } = options
  const dataDir = options.dataDir ?? (await mkdtemp(path.join(tmpdir(), 'halles-shop-')))
  const keepFolder = options.dataDir === undefined ? removeAtTheEnd(dataDir) : undefined
  const unlock = await lockShop(dataDir, options.reset ?? false)
  const logs = path.join(dataDir, 'logs')
  const runningFile = path.join(dataDir, 'running.json')
  await mkdir(logs, { recursive: true })
  await rm(runningFile, { force: true }) // of a shop that was killed

  const calledOff = new AbortController()
  const callOff = () => calledOff.abort(options.signal?.reason)
  if (options.signal?.aborted) callOff()
  options.signal?.addEventListener('abort', callOff)
  let onCrash = (message: string): void => calledOff.abort(new Error(message))

  const group = processGroup({ onProgress, signal: calledOff.signal })
  const services = new Map<ProcessName, ManagedProcess>()
  const servers = new Map<ServerName, Servers>()

  async function startServer(name: ServerName): Promise<ServerAddresses> {
    const started = await startServers({
      need: [name],
      dataDir,
      // One that is thrown away stays clear of the usual ports: another may start at the same moment.
      ports: options.dataDir === undefined ? {} : { mongodb: 27017, kafka: 9092, smtp: 1025, mailbox: 1080 },
      given: options.given,
      ...(name === 'kafka' && { kafkaDoors: [...cables.of('kafka').values()].map(({ address }) => address) }),
      onProgress,
      onCrash: (message) => onCrash(message),
      signal: calledOff.signal,
    })
    servers.set(name, started)
    for (const [i, cable] of [...cables.of('kafka').values()].entries()) {
      const door = started.kafkaDoors?.[i]
      if (door !== undefined) cable.leadTo(door)
    }
    onProgress(`${titles[name]} is up (${started.ways[name]})`)
    return started
  }

  async function startService(name: ProcessName, ready: Promise<unknown>[]): Promise<void> {
    const [found] = (await Promise.all([ports, ...ready])) as [ShopPorts]
    const service = serviceOf(name)
    const app = appOf(service)
    const log = app + name.slice(service.length)
    const detours = cables.laid(name, found, addresses(servers))
    const surroundings = { ports: found, servers: addresses(servers), all: names, detours }
    const environment = { ...environmentOf(name, surroundings, config().environment), ...env[service] }
    // Threads that share their heaps: 14 MB less over five idle services.
    environment['MALLOC_ARENA_MAX'] ??= '2'
    environment['NODE_COMPILE_CACHE'] ??= path.join(root, 'node_modules', '.cache', 'halles-compile')
    const started = await managedProcess({
      spawn: (more) =>
        group.spawn(log, process.execPath, [...flags, path.join(root, 'apps', app, 'dist', 'main.js')], {
          ...more,
          env: environment,
          cwd: root,
          log: path.join(logs, `${log}.log`),
        }),
      isReady: () => isReady(urlOf(name === 'gateway' ? found.gatewayOperator : found[name]!)),
      onCrash: (message) => onCrash(message),
    })
    services.set(name, started)
    onProgress(`${log} is ready`)
  }

  async function stop(): Promise<void> {
    options.signal?.removeEventListener('abort', callOff)
    await rm(runningFile, { force: true })
    await services.get('gateway')?.stop()
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
  const cables = await layCables(names, options.cable)
  const more = names.filter((name): name is `${Multiplied}-${number}` => name !== serviceOf(name))
  const built = build(group).then(() => onProgress('Built'))
  // Only now, for a first build takes long enough for another shop to take them.
  const ports = built.then(() => choosePorts(gatewayPort, options.dataDir !== undefined, more))
  const up = Object.fromEntries(serverNames.map((name) => [name, startServer(name)])) as Record<
    ServerName,
    Promise<unknown>
  >
  const all = [
    ports,
    built,
    ...Object.values(up),
    ...names.map((name) => startService(name, [built, ...needs[serviceOf(name)].map((server) => up[server])])),
  ]
  for (const part of all) part.catch((error: unknown) => calledOff.abort(error))
  await Promise.allSettled(all)
  if (calledOff.signal.aborted) {
    await stop()
    throw calledOff.signal.reason
  }
  onCrash = options.onCrash ?? (() => {})

  const found = await ports
  const shop: Shop = {
    get running() {
      return { ...whereEverythingIs(found, addresses(servers)), pids: pidsOf(services, servers) }
    },
    logs,
    processes: Object.fromEntries([
      ...services,
      ...[...servers].map(([name, server]) => [name, processOf(name, server)]),
    ]) as Shop['processes'],
    stop,
    abort: () => {
      for (const service of services.values()) void service.kill('SIGKILL')
      for (const [name, server] of servers) if (server.pids[name]) void server.kill(name, 'SIGKILL')
    },
  }
  await writeFile(`${runningFile}.new`, `${JSON.stringify(shop.running, null, 2)}\n`)
  await rename(`${runningFile}.new`, runningFile)
  return shop
}

/** The cables between all processes and their neighbours, as far as they are wanted. */
async function layCables(names: ProcessName[], wanted: StartShop['cable'] = async () => undefined) {
  const all = new Map<ProcessName, Map<Neighbour, Cable>>()
  for (const from of names) {
    const laid = new Map<Neighbour, Cable>()
    for (const to of neighboursOf(from, names)) {
      const cable = await wanted(from, to)
      if (cable !== undefined) laid.set(to, cable)
    }
    all.set(from, laid)
  }
  return {
    /** The cables to a neighbour, by who uses them. */
    of: (to: Neighbour): Map<ProcessName, Cable> =>
      new Map([...all].flatMap(([from, laid]) => (laid.has(to) ? [[from, laid.get(to)!]] : []))),

    /** Leads a process's cables to where its neighbours are, and gives back what to tell it of each. */
    laid: (from: ProcessName, ports: ShopPorts, servers: ServerAddresses): Map<Neighbour, string> => {
      const detours = new Map<Neighbour, string>()
      for (const [to, cable] of all.get(from)!) {
        if (to !== 'kafka') cable.leadTo(whereIs(to, ports, servers)) // Kafka's lead to a door each
        detours.set(to, cable.address)
      }
      return detours
    },
  }
}

function whereIs(
  to: Exclude<Neighbour, 'kafka'>,
  ports: ShopPorts,
  { mongodb = '', smtp = '' }: ServerAddresses,
): string {
  if (to === 'mongodb') return /^mongodb:\/\/(?:[^@/]*@)?([^/?,]+)/.exec(mongodb)![1]!
  if (to === 'mailbox') return new URL(smtp).host
  return `127.0.0.1:${ports[to]}`
}

/** Compiles the services; a moment when nothing has changed. */
async function build(group: ReturnType<typeof processGroup>): Promise<void> {
  const tsc = await realpath(path.join(root, 'node_modules', '.bin', 'tsc'))
  const projects = serviceNames.map((name) => path.join(root, 'apps', appOf(name)))
  const compiler = await group.spawn('tsc', process.execPath, [tsc, '--build', ...projects], { cwd: root })
  const { code } = await compiler.exited
  if (code !== 0) throw plainError(`The services do not compile:\n${compiler.lastLines(30).join('\n')}`)
}

/** Whether the service says that it and all it depends on work; else throws what it says instead. */
async function isReady(url: string): Promise<boolean> {
  const answer = await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(5_000) })
  if (!answer.ok) throw new Error(await answer.text())
  return true
}

function addresses(servers: Map<ServerName, Servers>): ServerAddresses {
  const found: ServerAddresses = {}
  for (const { mongodb, kafka, smtp, mailbox } of servers.values()) {
    Object.assign(found, mongodb && { mongodb }, kafka && { kafka }, smtp && { smtp }, mailbox && { mailbox })
  }
  return found
}

function whereEverythingIs(
  ports: Awaited<ReturnType<typeof choosePorts>>,
  servers: ServerAddresses,
): Omit<Running, 'pids'> {
  const { mongodb = '', kafka = '', smtp = '', mailbox = '' } = servers
  return {
    gateway: urlOf(ports.gateway),
    gatewayOperator: urlOf(ports.gatewayOperator),
    services: {
      auth: urlOf(ports.auth),
      product: urlOf(ports.product),
      order: urlOf(ports.order),
      notification: urlOf(ports.notification),
    },
    productGrpc: `127.0.0.1:${ports.productGrpc}`,
    mongodb,
    kafka,
    smtp,
    mailbox,
    storefront: `${urlOf(ports.gateway)}/`,
    accounts: demoAccounts,
  }
}

function pidsOf(services: Map<ProcessName, ManagedProcess>, servers: Map<ServerName, Servers>): Record<string, number> {
  const pids: Record<string, number> = { shop: process.pid }
  for (const [name, service] of services) Object.assign(pids, service.pid() && { [name]: service.pid() })
  for (const server of servers.values()) Object.assign(pids, server.pids)
  return pids
}

function processOf(name: ServerName, server: Servers): Pick<ManagedProcess, 'pid' | 'kill' | 'restart'> {
  return {
    pid: () => server.pids[name],
    kill: (signal) => server.kill(name, signal),
    restart: () => server.restart(name),
  }
}
