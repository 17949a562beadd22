import { connect } from 'node:net'
import type { GroupProcess, SpawnOptions } from './process-group.ts'

export type Launch = {
  /** Starts the process; `options` go to the group's `spawn`. */
  spawn: (options: Pick<SpawnOptions, 'onExit'>) => Promise<GroupProcess>
  /** Checks once whether the process is ready. `false` or a rejection, whose message is reported, means "not yet". */
  isReady: () => Promise<boolean>
  /** Milliseconds between SIGTERM and SIGKILL. */
  graceMs?: number
  /** Called with the last lines of the process when it exits without having been stopped. */
  onCrash?: (message: string) => void
}

export type ManagedProcess = {
  /** The pid of the process; undefined while it does not run. */
  pid: () => number | undefined
  stop: () => Promise<void>
  /** Sends a signal. With SIGKILL it resolves when the process has exited. */
  kill: (signal: NodeJS.Signals) => Promise<void>
  /** Stops the process if it runs, starts it again in the same way, and waits until it is ready. */
  restart: () => Promise<void>
}

/** Starts a process and resolves when it is ready. The process can be killed and started again later. */
export async function startManagedProcess({ spawn, isReady, graceMs, onCrash }: Launch): Promise<ManagedProcess> {
  async function launch(): Promise<GroupProcess> {
    let ready = false
    const started: GroupProcess = await spawn({
      onExit: () => ready && onCrash?.(describeExit(started)), // before that, untilReady reports it
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
 * Polls a server until it is ready.
 * @throws Error with the last lines of its process, when it is not ready within a minute or when the process exits
 */
export async function untilReady(name: string, isReady: () => Promise<boolean>, process?: GroupProcess): Promise<void> {
  const deadline = Date.now() + 60_000
  let problem = ''
  const check = () =>
    isReady().catch((error: unknown) => {
      problem = ` (${error instanceof Error ? error.message : String(error)})`
      return false
    })
  while (process?.running() !== false) {
    if (await check()) return
    if (Date.now() > deadline) {
      await process?.stop(1_000)
      throw new Error(`${name} was not ready within 60 s${problem}\n${process?.lastLines().join('\n') ?? ''}`)
    }
    await pause(15)
  }
  await process.exited
  throw new Error(describeExit(process))
}

function describeExit(process: GroupProcess): string {
  const { code = null, signal = null } = process.exit() ?? {}
  const lines = process.lastLines().map((line) => `  ${line.slice(0, 500)}`)
  return [`${process.name} ended (${signal ?? `exit code ${code}`}). Its last lines:`, ...lines].join('\n')
}

/** Whether a process accepts TCP connections at this address. */
export function isListening(host: string, port: number): Promise<boolean> {
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
