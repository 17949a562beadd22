import { spawn as spawnProcess, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { processStartTime } from './process-identity.ts'

export type Exit = { code: number | null; signal: NodeJS.Signals | null }

export type SpawnOptions = {
  /** The whole environment of the child. By default it inherits ours. */
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** A file to which the output of the child is appended. */
  log?: string
  /** Called with each line that the child prints. Not together with `log`. */
  onLine?: (line: string) => void
  /** Called when the child exits without `stop` or `kill`. */
  onExit?: (exit: Exit) => void
}

export type GroupProcess = {
  name: string
  pid: number
  /** Resolves when the process has exited. */
  exited: Promise<Exit>
  /** How the process exited; undefined while it runs. */
  exit: () => Exit | undefined
  running: () => boolean
  /** The last lines that the process printed, for a message about its exit. */
  lastLines: (count?: number) => string[]
  /** Sends a signal to the process and its children. Its exit is expected from then on. */
  kill: (signal: NodeJS.Signals) => void
  /** Sends SIGTERM, and SIGKILL after `graceMs` milliseconds. Resolves when the process has exited. */
  stop: (graceMs?: number) => Promise<void>
}

/**
 * Creates a group of child processes that never outlive this process, whether it ends by `stop`, Ctrl-C, an exception or
 * SIGKILL. A separate process (reaper.ts) notices the end of this one and stops the remaining children. Each child leads a
 * process group of its own, so that Ctrl-C in the terminal reaches only this process, which stops the children in order.
 */
export function createProcessGroup({
  onProgress,
  signal,
}: { onProgress?: (line: string) => void; signal?: AbortSignal } = {}) {
  const members = new Set<GroupProcess>()
  signal?.addEventListener('abort', () => void stop())

  /** Stops all processes one after another, the newest first. */
  async function stop(graceMs?: number): Promise<void> {
    for (const member of [...members].toReversed()) await member.stop(graceMs)
  }

  /** Starts `command`. @throws when it cannot be started, or when `signal` is aborted */
  async function spawn(name: string, command: string, args: string[], options: SpawnOptions = {}) {
    signal?.throwIfAborted()
    const log = options.log === undefined ? undefined : openSync(options.log, 'a')
    const output = log ?? 'pipe'
    const child = spawnProcess(command, args, {
      cwd: options.cwd,
      env: options.env,
      detached: true,
      stdio: ['ignore', output, output],
    })
    if (log !== undefined) closeSync(log)
    if (child.pid === undefined) {
      const [error] = (await once(child, 'error')) as [Error]
      throw error
    }
    const start = processStartTime(child.pid)
    if (start !== undefined) notifyReaper({ pid: child.pid, start })
    const member = createMember(name, child, child.pid, options, (line) => onProgress?.(line))
    members.add(member)
    child.once('exit', () => {
      members.delete(member)
      notifyReaper({ gone: member.pid })
    })
    return member
  }

  return {
    spawn,
    /** The running processes, the oldest first. */
    running: () => [...members],
    stop,
  }
}

export type ProcessGroup = ReturnType<typeof createProcessGroup>

function createMember(
  name: string,
  child: ChildProcess,
  pid: number,
  options: SpawnOptions,
  onProgress: (line: string) => void,
): GroupProcess {
  let expected = false
  let exit: Exit | undefined
  const lines: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      lines.push(line)
      if (lines.length > 100) lines.shift()
      options.onLine?.(line)
    })
  }
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      signalGroup(pid, 'SIGKILL') // its children that still run
      exit = { code, signal }
      resolve(exit)
      if (!expected) options.onExit?.(exit)
    })
  })

  function kill(signal: NodeJS.Signals): void {
    if (signal !== 'SIGSTOP' && signal !== 'SIGCONT') expected = true
    if (exit !== undefined) return
    signalGroup(pid, signal)
  }

  return {
    name,
    pid,
    exited,
    exit: () => exit,
    running: () => exit === undefined,
    lastLines: (count = 10) =>
      (options.log === undefined ? lines : readFileSync(options.log, 'utf8').trimEnd().split('\n')).slice(-count),
    kill,
    stop: async (graceMs = 10_000) => {
      if (exit !== undefined) return
      kill('SIGTERM')
      const timer = setTimeout(() => {
        onProgress(`${name} did not exit within ${graceMs / 1000} s and is killed`)
        kill('SIGKILL')
      }, graceMs)
      await exited
      clearTimeout(timer)
    },
  }
}

/** Sends a signal to all processes of a group, if there are any. */
function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal)
  } catch {
    // The whole group has exited already.
  }
}

/** Has `folder` removed when this process ends without having called the returned function. */
export function removeOnExit(folder: string): () => void {
  notifyReaper({ folder })
  return () => notifyReaper({ keep: folder })
}

let reaper: ChildProcess | undefined

/**
 * Identifies the reaper, which runs exactly as long as this process or any child of it. After its end the same files and
 * ports can be used again.
 */
export function reaperIdentity(): { pid: number; start: string } {
  const pid = getReaper().pid ?? 0
  return { pid, start: processStartTime(pid) ?? '' }
}

function notifyReaper(note: object): void {
  getReaper().stdin?.write(`${JSON.stringify(note)}\n`)
}

/** The only reaper of this process, started with the first child. It exits right after this process. */
function getReaper(): ChildProcess {
  if (reaper !== undefined) return reaper
  const file = import.meta.url.endsWith('.ts') ? './reaper.ts' : './reaper.js'
  reaper = spawnProcess(process.execPath, [fileURLToPath(new URL(file, import.meta.url))], {
    cwd: '/', // A folder that is never removed.
    env: {}, // Without our NODE_OPTIONS.
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  reaper.unref()
  const pipe = reaper.stdin as unknown as { unref: () => void; on: (event: 'error', listener: () => void) => void }
  pipe.unref()
  pipe.on('error', () => {}) // The reaper was killed from outside. Nothing can be done about it.
  return reaper
}
