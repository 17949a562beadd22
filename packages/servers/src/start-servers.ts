import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { config } from './config.ts'
import { dockerEngine, removeVolumes, startContainer, type Engine } from './containers.ts'
import type { Guard } from './guard.ts'
import { kafkaProcess } from './kafka.ts'
import { mailboxProcess } from './mailbox.ts'
import { mongodbProcess } from './mongodb.ts'
import { plainError } from './plain-error.ts'
import { processGroup, removeAtTheEnd } from './process-group.ts'
import type { Addresses, Place, Ports, Server, ServerName, Way } from './server.ts'

export type StartServers = {
  need: ServerName[]
  /** Keeps the data for later starts; left out, it goes to a temporary folder that is removed at the end. */
  dataDir?: string
  onProgress?: (line: string) => void
  /** Ports to take where they are free; those of the last start with the same `dataDir` come first. */
  ports?: Ports
  /** The ways that may be tried, all by default. */
  ways?: Way[]
  /** Servers that run already, used as given; before those that the environment names. */
  given?: Addresses
  /**
   * More doors of Kafka: for each, the `host:port` that whoever comes through it is told to come back to, because a client
   * of Kafka goes where the broker says it is. So something can be put between the broker and a single client.
   */
  kafkaDoors?: string[]
  /** Has MongoDB and Kafka ask who comes; they are plain processes then. */
  guard?: Guard
  /** Hears of a plain process that ended without being asked to, with its last lines. */
  onCrash?: (message: string) => void
  /** Ends the start: what has begun is stopped, and the start rejects. */
  signal?: AbortSignal
}

export type Servers = Addresses & {
  ways: Partial<Record<ServerName, Way>>
  /** Of the servers that run as plain processes. */
  readonly pids: Partial<Record<ServerName, number>>
  /** Ends what was started; safe to call again. */
  stop: () => Promise<void>
  /** Sends a signal to a server that runs as a plain process; SIGKILL resolves when it has ended. */
  kill: (name: ServerName, signal: NodeJS.Signals) => Promise<void>
  /** Ends a server if it still runs, starts it on the same ports and data, and waits until it works. */
  restart: (name: ServerName) => Promise<void>
}

const startProcess: Record<ServerName, (place: Place) => Promise<Server>> = {
  mongodb: mongodbProcess,
  kafka: kafkaProcess,
  mailbox: mailboxProcess,
}

/** Starts the servers that are needed, all at once, and resolves when they work. See README.md for the ways. */
export async function startServers(options: StartServers): Promise<Servers> {
  const { need, dataDir, guard, kafkaDoors = [], onProgress = () => {}, onCrash = () => {}, signal } = options
  const may = options.ways ?? (guard ? ['process'] : ['environment', 'container', 'process'])
  const group = processGroup({ onProgress, signal })
  const folder = dataDir ?? (await mkdtemp(path.join(tmpdir(), 'halles-servers-')))
  const keepFolder = dataDir === undefined ? removeAtTheEnd(folder) : undefined
  const servers = new Map<ServerName, Server>()
  let engine: Promise<Engine | undefined> | undefined
  let failure: unknown

  async function start(name: ServerName): Promise<Server> {
    const given = may.includes('environment') ? givenServer(name, options.given) : undefined
    if (given !== undefined) {
      if (name === 'kafka' && kafkaDoors.length > 0)
        throw plainError('A Kafka that is given gets no more doors: start without KAFKA_BROKERS.')
      return given
    }
    const own = path.join(folder, name)
    await mkdir(own, { recursive: true })
    const last = await readMemory(own)
    const ports = { ...options.ports, ...last.ports }
    if (may.includes('container') && last.way !== 'process' && hasImage(name)) {
      const found = await (engine ??= dockerEngine(onProgress))
      try {
        if (found !== undefined) return await startContainer(found, name, { ports, dataDir, kafkaDoors })
      } catch (error) {
        if (!may.includes('process')) throw error
        onProgress(`${name}: no container, a plain process instead (${String(error)})`)
      }
    }
    if (!may.includes('process')) throw plainError(`No Docker engine answers that could run ${name}: start one.`)
    return startProcess[name]({ group, folder: own, ports, kafkaDoors, guard, onProgress, onCrash })
  }

  await Promise.all(
    [...new Set(need)].map(async (name) => {
      try {
        const server = await start(name)
        servers.set(name, server)
        if (server.way !== 'environment') await remember(path.join(folder, name), server)
      } catch (error) {
        failure ??= error // what follows from it is not worth telling
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
  const named = (name: ServerName): Server => {
    const server = servers.get(name)
    if (server === undefined) throw new Error(`${name} was not started`)
    return server
  }
  return {
    ...(Object.assign({}, ...all.map((server) => server.addresses)) as Addresses),
    ways: Object.fromEntries([...servers].map(([name, server]) => [name, server.way])),
    get pids() {
      return Object.fromEntries([...servers].map(([name, server]) => [name, server.pid()]).filter(([, pid]) => pid))
    },
    stop,
    kill: (name, signal) => named(name).kill(signal),
    restart: (name) => named(name).restart(),
  }
}

/** What the environment names already is used as it is. */
function givenServer(name: ServerName, given?: Addresses): Server | undefined {
  const { mongodb, kafka, smtp, mailbox } = { ...config().given, ...given }
  const addresses = { mongodb: { mongodb }, kafka: { kafka }, mailbox: { smtp, mailbox } }[name]
  if (Object.values(addresses)[0] === undefined) return undefined
  const notOurs = () => Promise.reject(plainError(`${name} was not started here: it is one that was given.`))
  return {
    way: 'environment',
    addresses,
    ports: {},
    pid: () => undefined,
    stop: async () => {},
    kill: notOurs,
    restart: notOurs,
  }
}

/** maildev comes with our own packages, so it needs no container unless an image is asked for. */
function hasImage(name: ServerName): boolean {
  return config().images[name] !== undefined
}

/** What a later start with the same data needs: the same ports where it can, and the way that has the data. */
type Memory = { ports: Ports; way?: Way }

const memoryFile = 'server.json'

async function readMemory(folder: string): Promise<Memory> {
  try {
    return JSON.parse(await readFile(path.join(folder, memoryFile), 'utf8')) as Memory
  } catch {
    return { ports: {} } // the first start here
  }
}

async function remember(folder: string, { ports, way }: Memory): Promise<void> {
  await writeFile(path.join(folder, memoryFile), JSON.stringify({ ports, way }))
}

/** Forgets what was kept in `dataDir`, in whichever way the servers ran. Nothing may run on it. */
export async function removeData(dataDir: string): Promise<void> {
  const memories = await Promise.all(Object.keys(startProcess).map((name) => readMemory(path.join(dataDir, name))))
  if (memories.some(({ way }) => way === 'container')) await removeVolumes(dataDir)
  await rm(dataDir, { recursive: true, force: true, maxRetries: 5 })
}
