import { connect } from 'node:net'
import type { GroupProcess } from './process-group.ts'

export type ServerName = 'mongodb' | 'kafka' | 'mailbox'

/** How a server is had: it was there already, in a container, or as a plain process. */
export type Way = 'environment' | 'container' | 'process'

export type Addresses = {
  /** `mongodb://127.0.0.1:27017/?replicaSet=rs0`, without a database; see `databaseUrl`. */
  mongodb?: string
  /** `host:port[,host:port…]` */
  kafka?: string
  /** `smtp://host:port` */
  smtp?: string
  /** Where `GET /api/email` lists the letters, and people read them. */
  mailbox?: string
}

/** The ports that a server should have where they are free. */
export type Ports = { mongodb?: number; kafka?: number; smtp?: number; mailbox?: number }

export type Server = {
  way: Way
  addresses: Addresses
  /** The ports it got, for the next start to prefer. */
  ports: Ports
  pid: () => number | undefined
  stop: () => Promise<void>
  kill: (signal: NodeJS.Signals) => Promise<void>
  /** Ends it if it still runs and starts it again on the same ports and data. */
  restart: () => Promise<void>
}

/** What a server started as a plain process needs to know. */
export type Launch = {
  spawn: () => Promise<GroupProcess>
  /** Looks once whether it works; `false` or a rejection means "not yet". */
  isReady: () => Promise<boolean>
  /** Milliseconds between SIGTERM and SIGKILL. */
  graceMs?: number
}

/** Starts a server as a plain process and waits until it works. */
export async function processServer(
  { spawn, isReady, graceMs }: Launch,
  known: Pick<Server, 'addresses' | 'ports'>,
): Promise<Server> {
  async function launch() {
    const started = await spawn()
    await untilReady(started.name, isReady, started)
    return started
  }

  let current = await launch()
  return {
    ...known,
    way: 'process',
    pid: () => (current.running() ? current.pid : undefined),
    stop: () => current.stop(graceMs),
    kill: async (signal) => {
      current.kill(signal)
      if (signal === 'SIGKILL') await current.exited
    },
    restart: async () => {
      await current.stop(graceMs)
      current = await launch()
    },
  }
}

/**
 * Looks at a server until it works. Throws when it does not within a minute, or when its process ends, with the last
 * lines that it printed.
 */
export async function untilReady(
  name: string,
  isReady: () => Promise<boolean>,
  process?: Pick<GroupProcess, 'running' | 'lastLines' | 'exited' | 'stop'>,
): Promise<void> {
  const deadline = Date.now() + 60_000
  const lastWords = () => `:\n${process?.lastLines().join('\n') ?? 'see its own log'}`
  while (process?.running() !== false) {
    if (await isReady().catch(() => false)) return
    if (Date.now() > deadline) {
      await process?.stop(1_000)
      throw new Error(`${name} did not answer within 60 s${lastWords()}`)
    }
    await pause(15)
  }
  const { code, signal } = await process.exited
  throw new Error(`${name} ended with ${signal ?? code} at its start${lastWords()}`)
}

/** Whether somebody listens there. */
export function listens(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, host, () => {
      resolve(true)
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
  })
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
