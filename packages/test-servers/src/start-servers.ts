import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ServerCredentials } from './authentication.ts'
import { config } from './config.ts'
import { findDockerEngine, removeVolumes, startContainer, type Engine } from './containers.ts'
import { startKafkaProcess } from './kafka.ts'
import { startKafkaCluster } from './kafka-cluster.ts'
import { startMailboxProcess } from './mailbox.ts'
import { startMongodbProcess } from './mongodb.ts'
import { startReplicaSet } from './replica-set.ts'
import { userError } from './user-error.ts'
import { createProcessGroup, removeOnExit } from './process-group.ts'
import type {
  Addresses,
  KafkaCluster,
  Ports,
  ProcessContext,
  ReplicaSet,
  Server,
  ServerName,
  ServerMode,
} from './server.ts'

export type StartServers = {
  need: ServerName[]
  /** Keeps the data for later starts. By default it is in a temporary folder that is removed at the end. */
  dataDir?: string
  onProgress?: (line: string) => void
  /** Preferred ports. Those of the last start with the same `dataDir` take precedence. */
  ports?: Ports
  /** The allowed ways to run a server, all by default. */
  ways?: ServerMode[]
  /** Addresses of servers that already run. They take precedence over those in the environment. */
  given?: Addresses
  /**
   * Adds a listener to Kafka for each `host:port`, which the listener advertises. A Kafka client connects to the advertised
   * address, so a proxy can stand between the broker and a single client. With several brokers each entry has one address a
   * broker, `host:port,host:port,host:port`, and so has the listener in the result.
   */
  kafkaListeners?: string[]
  /** The number of members of MongoDB's replica set, 1 by default. Several run as plain processes: see `replicaSet`. */
  mongodbNodes?: number
  /**
   * The number of Kafka brokers, 1 by default. Several run as plain processes: see `kafkaCluster`. Topics then have up to
   * three replicas by default, of which all but one must be in sync for a send to be acknowledged.
   */
  kafkaBrokers?: number
  /** Requires authentication at MongoDB and Kafka. They run as plain processes then. */
  credentials?: ServerCredentials
  /** Called with the last lines of a plain process that exits without having been stopped. */
  onCrash?: (message: string) => void
  /** Aborts the start: servers that are starting are stopped, and the promise rejects. */
  signal?: AbortSignal
}

export type Servers = Addresses & {
  ways: Partial<Record<ServerName, ServerMode>>
  /** The pids of the servers that run as plain processes. */
  readonly pids: Partial<Record<ServerName, number>>
  /** The members of MongoDB's replica set, when `mongodbNodes` is more than 1. */
  replicaSet?: ReplicaSet
  /** The brokers of Kafka, when `kafkaBrokers` is more than 1. */
  kafkaCluster?: KafkaCluster
  /** Stops the servers that were started here. Calling it again has no effect. */
  stop: () => Promise<void>
  /** Sends a signal to a server. For plain processes SIGKILL resolves when the process has exited. */
  kill: (name: ServerName, signal: NodeJS.Signals) => Promise<void>
  /** Stops a server if it runs, starts it on the same ports and data, and waits until it is ready. */
  restart: (name: ServerName) => Promise<void>
}

const startProcess: Record<ServerName, (context: ProcessContext) => Promise<Server>> = {
  mongodb: startMongodbProcess,
  kafka: startKafkaProcess,
  mailbox: startMailboxProcess,
}

/** Starts the servers concurrently and resolves when all are ready. README.md describes the ways to run a server. */
export async function startServers(options: StartServers): Promise<Servers> {
  const { need, dataDir, credentials, kafkaListeners = [], onProgress = () => {}, onCrash = () => {}, signal } = options
  const { mongodbNodes = 1, kafkaBrokers = 1 } = options
  const configuredWays = options.ways ?? (credentials ? ['process'] : ['environment', 'container', 'process'])
  const group = createProcessGroup({ onProgress, signal })
  const folder = dataDir ?? (await mkdtemp(path.join(tmpdir(), 'halles-servers-')))
  const keepFolder = dataDir === undefined ? removeOnExit(folder) : undefined
  const servers = new Map<ServerName, Server>()
  let engine: Promise<Engine | undefined> | undefined
  let failure: unknown

  async function start(name: ServerName): Promise<Server> {
    const isReplicaSet = name === 'mongodb' && mongodbNodes > 1
    const isCluster = name === 'kafka' && kafkaBrokers > 1
    const allowedWays: readonly ServerMode[] = isReplicaSet || isCluster ? ['process'] : configuredWays
    const existing = allowedWays.includes('environment') ? findExistingServer(name, options.given) : undefined
    if (existing !== undefined) {
      if (name === 'kafka' && kafkaListeners.length > 0)
        throw userError('Listeners cannot be added to an existing Kafka: start without KAFKA_BROKERS.')
      return existing
    }
    const serverFolder = path.join(folder, name)
    await mkdir(serverFolder, { recursive: true })
    const last = await readLastStart(serverFolder)
    const ports = { ...options.ports, ...last.ports }
    if (allowedWays.includes('container') && last.way !== 'process' && hasImage(name)) {
      const found = await (engine ??= findDockerEngine(onProgress))
      try {
        if (found !== undefined) return await startContainer(found, name, { ports, dataDir, kafkaListeners })
      } catch (error) {
        if (!allowedWays.includes('process')) throw error
        onProgress(`${name}: the container failed, using a plain process instead (${String(error)})`)
      }
    }
    if (!allowedWays.includes('process')) throw userError(`No Docker engine answers that could run ${name}: start one.`)
    const context = { group, folder: serverFolder, ports, kafkaListeners, credentials, onProgress, onCrash }
    if (isReplicaSet) return startReplicaSet(context, mongodbNodes)
    return isCluster ? startKafkaCluster(context, kafkaBrokers) : startProcess[name](context)
  }

  await Promise.all(
    [...new Set(need)].map(async (name) => {
      try {
        const server = await start(name)
        servers.set(name, server)
        if (server.way !== 'environment') await writeLastStart(path.join(folder, name), server)
      } catch (error) {
        failure ??= error // Later errors are consequences of the first.
        await group.stop(2_000)
      }
    }),
  )

  async function stop(): Promise<void> {
    await Promise.all([...servers.values()].map((server) => server.stop()))
    await group.stop()
    if (keepFolder !== undefined) {
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
      keepFolder()
    }
  }

  if (failure !== undefined || signal?.aborted) {
    await stop()
    throw failure ?? signal?.reason
  }

  const all = [...servers.values()]
  const getServer = (name: ServerName): Server => {
    const server = servers.get(name)
    if (server === undefined) throw new Error(`${name} was not started`)
    return server
  }
  const { replicaSet } = servers.get('mongodb') ?? {}
  const { kafkaCluster } = servers.get('kafka') ?? {}
  return {
    ...(Object.assign({}, ...all.map((server) => server.addresses)) as Addresses),
    ...(replicaSet && { replicaSet }),
    ...(kafkaCluster && { kafkaCluster }),
    ways: Object.fromEntries([...servers].map(([name, server]) => [name, server.way])),
    get pids() {
      return Object.fromEntries([...servers].map(([name, server]) => [name, server.pid()]).filter(([, pid]) => pid))
    },
    stop,
    kill: (name, signal) => getServer(name).kill(signal),
    restart: (name) => getServer(name).restart(),
  }
}

/** Returns the server at an address that the options or the environment give. */
function findExistingServer(name: ServerName, given?: Addresses): Server | undefined {
  const { mongodb, kafka, smtp, mailbox } = { ...config().given, ...given }
  const addresses = { mongodb: { mongodb }, kafka: { kafka }, mailbox: { smtp, mailbox } }[name]
  if (Object.values(addresses)[0] === undefined) return undefined
  const notManaged = () => Promise.reject(userError(`${name} was not started here, so it cannot be controlled.`))
  return {
    way: 'environment',
    addresses,
    ports: {},
    pid: () => undefined,
    stop: async () => {},
    kill: notManaged,
    restart: notManaged,
  }
}

/** Whether the server may run in a container. maildev is an npm package and needs one only if an image is configured. */
function hasImage(name: ServerName): boolean {
  return config().images[name] !== undefined
}

/** What the next start with the same data reuses: the ports, and the way to run the server, which has the data. */
type LastStart = { ports: Ports; way?: ServerMode }

const lastStartFile = 'server.json'

async function readLastStart(folder: string): Promise<LastStart> {
  try {
    return JSON.parse(await readFile(path.join(folder, lastStartFile), 'utf8')) as LastStart
  } catch {
    return { ports: {} } // This is the first start.
  }
}

async function writeLastStart(folder: string, { ports, way }: LastStart): Promise<void> {
  await writeFile(path.join(folder, lastStartFile), JSON.stringify({ ports, way }))
}

/** Removes the data in `dataDir` and in the volumes of its containers. No server may be running on it. */
export async function removeData(dataDir: string): Promise<void> {
  const lastStarts = await Promise.all(Object.keys(startProcess).map((name) => readLastStart(path.join(dataDir, name))))
  if (lastStarts.some(({ way }) => way === 'container')) await removeVolumes(dataDir)
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
}
