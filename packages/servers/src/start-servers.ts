import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { config } from './config.ts'
import { kafkaProcess } from './kafka.ts'
import { mailboxProcess } from './mailbox.ts'
import { mongodbProcess } from './mongodb.ts'
import { processGroup, removeAtTheEnd } from './process-group.ts'
import type { Addresses, Ports, Server, ServerName, Way } from './server.ts'

export type StartServers = {
  need: ServerName[]
  /** Keeps the data for later starts; left out, it goes to a temporary folder that is removed at the end. */
  dataDir?: string
  onProgress?: (line: string) => void
  /** Ports to take where they are free; those of the last start with the same `dataDir` come first. */
  ports?: Ports
  /** The ways that may be tried, all by default. */
  ways?: Way[]
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

/** Starts the servers that are needed, all at once, and resolves when they work. See README.md for the ways. */
export async function startServers({
  need,
  dataDir,
  onProgress = () => {},
  ports = {},
  ways,
}: StartServers): Promise<Servers> {
  const group = processGroup({ onProgress })
  const folder = dataDir ?? (await mkdtemp(path.join(tmpdir(), 'halles-servers-')))
  const keepFolder = dataDir === undefined ? removeAtTheEnd(folder) : undefined
  const portsFile = path.join(folder, 'ports.json')
  await mkdir(folder, { recursive: true })
  const preferred: Ports = { ...ports, ...(await readPorts(portsFile)) }

  async function start(name: ServerName): Promise<Server> {
    const own = path.join(folder, name)
    if (name === 'mongodb') return mongodbProcess(group, own, preferred.mongodb, onProgress)
    if (name === 'kafka') return kafkaProcess(group, own, preferred.kafka, onProgress)
    return mailboxProcess(group, own, preferred)
  }

  const servers = new Map<ServerName, Server>()
  let failure: unknown
  await Promise.all(
    [...new Set(need)].map(async (name) => {
      try {
        servers.set(name, await start(name))
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

  if (failure !== undefined) {
    await stop()
    throw failure
  }

  const all = [...servers.values()]
  await writeFile(portsFile, JSON.stringify(Object.assign({}, ...all.map((server) => server.ports))))
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

async function readPorts(file: string): Promise<Ports> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Ports
  } catch {
    return {} // the first start here
  }
}
