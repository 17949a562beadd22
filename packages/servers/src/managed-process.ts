import { connect } from 'node:net'
import type { GroupProcess, SpawnOptions } from './process-group.ts'

export type Launch = {
  /** Starts the process; `options` go to the group's `spawn`. */
  spawn: (options: Pick<SpawnOptions, 'onExit'>) => Promise<GroupProcess>
  /** Looks once whether it works; `false` or a rejection, which may say why, means "not yet". */
  isReady: () => Promise<boolean>
  /** Milliseconds between SIGTERM and SIGKILL. */
  graceMs?: number
  /** Hears, with its last lines, of an end that nobody asked for. */
  onCrash?: (message: string) => void
}

export type ManagedProcess = {
  /** Of the process that runs now, if one does. */
  pid: () => number | undefined
  stop: () => Promise<void>
  /** Sends a signal; SIGKILL resolves when the process has ended. */
  kill: (signal: NodeJS.Signals) => Promise<void>
  /** Ends it if it still runs, starts it again as it was started, and waits until it works. */
  restart: () => Promise<void>
}

/** Starts a process and resolves when it works; it can be killed and started again later. */
export async function managedProcess({ spawn, isReady, graceMs, onCrash }: Launch): Promise<ManagedProcess> {
  async function launch(): Promise<GroupProcess> {
    let ready = false
    const started: GroupProcess = await spawn({
      onExit: () => ready && onCrash?.(lastWords(started)), // before that, untilReady says it
    })
    await untilReady(started.name, isReady, started)
    ready = true
    return started
  }

  let current = await launch()
  return {
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
export async function untilReady(name: string, isReady: () => Promise<boolean>, process?: GroupProcess): Promise<void> {
  const deadline = Date.now() + 60_000
  let problem = ''
  const look = () =>
    isReady().catch((error: unknown) => {
      problem = ` (${error instanceof Error ? error.message : String(error)})`
      return false
    })
  while (process?.running() !== false) {
    if (await look()) return
    if (Date.now() > deadline) {
      await process?.stop(1_000)
      throw new Error(`${name} was not ready within 60 s${problem}\n${process?.lastLines().join('\n') ?? ''}`)
    }
    await pause(15)
  }
  await process.exited
  throw new Error(lastWords(process))
}

function lastWords(process: GroupProcess): string {
  const { code = null, signal = null } = process.exit() ?? {}
  const lines = process.lastLines().map((line) => `  ${line.slice(0, 500)}`)
  return [`${process.name} ended (${signal ?? `exit code ${code}`}). Its last lines:`, ...lines].join('\n')
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
