import { spawn as spawnProcess, type ChildProcess } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { startOf } from './process-identity.ts'

export type Exit = { code: number | null; signal: NodeJS.Signals | null }

export type SpawnOptions = {
  /** The whole environment of the child; left out, it inherits ours. */
  env?: NodeJS.ProcessEnv
  cwd?: string
  /** A file that gets everything the child prints, appended. */
  log?: string
  /** Hears each line that the child prints; not together with `log`. */
  onLine?: (line: string) => void
  /** Hears of an end that nobody asked for by `stop` or `kill`. */
  onExit?: (exit: Exit) => void
}

export type GroupProcess = {
  name: string
  pid: number
  /** Settles when the process has ended. */
  exited: Promise<Exit>
  /** How it ended; undefined while it runs. */
  exit: () => Exit | undefined
  running: () => boolean
  /** The last lines that it printed, for a message about its end. */
  lastLines: (count?: number) => string[]
  /** Sends a signal to the process and its children; its end is then expected. */
  kill: (signal: NodeJS.Signals) => void
  /** SIGTERM, and SIGKILL after `graceMs` milliseconds; resolves when it has ended. */
  stop: (graceMs?: number) => Promise<void>
}

/**
 * Child processes that end with us, however we end: by `stop`, by Ctrl-C, by an exception, even by SIGKILL. A small
 * process of its own (reaper.ts) sees the end of ours and ends what is left. Each child leads its own process group, so a
 * Ctrl-C in the terminal reaches only us and we choose the order of the ends.
 */
export function processGroup({
  onProgress,
  signal,
}: { onProgress?: (line: string) => void; signal?: AbortSignal } = {}) {
  const members = new Set<GroupProcess>()
  signal?.addEventListener('abort', () => void stop())

  /** Ends all of them, newest first and each before the next. */
  async function stop(graceMs?: number): Promise<void> {
    for (const member of [...members].toReversed()) await member.stop(graceMs)
  }

  /** Starts `command`; throws when it cannot be started at all, or when `signal` has said that all is over. */
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
    const start = startOf(child.pid)
    if (start !== undefined) tellReaper({ pid: child.pid, start })
    const member = memberFor(name, child, child.pid, options, (line) => onProgress?.(line))
    members.add(member)
    child.once('exit', () => {
      members.delete(member)
      tellReaper({ gone: member.pid })
    })
    return member
  }

  return {
    spawn,
    /** The processes that run now, oldest first. */
    running: () => [...members],
    stop,
  }
}

export type ProcessGroup = ReturnType<typeof processGroup>

function memberFor(
  name: string,
  child: ChildProcess,
  pid: number,
  options: SpawnOptions,
  onProgress: (line: string) => void,
): GroupProcess {
  let expected = false
  let exit: Exit | undefined
  const heard: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    if (stream === null) continue
    createInterface({ input: stream }).on('line', (line) => {
      heard.push(line)
      if (heard.length > 100) heard.shift()
      options.onLine?.(line)
    })
  }
  const exited = new Promise<Exit>((resolve) => {
    child.once('exit', (code, signal) => {
      signalGroup(pid, 'SIGKILL') // what it left behind
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
      (options.log === undefined ? heard : readFileSync(options.log, 'utf8').trimEnd().split('\n')).slice(-count),
    kill,
    stop: async (graceMs = 10_000) => {
      if (exit !== undefined) return
      kill('SIGTERM')
      const impatience = setTimeout(() => {
        onProgress(`${name} did not end within ${graceMs / 1000} s and is killed`)
        kill('SIGKILL')
      }, graceMs)
      await exited
      clearTimeout(impatience)
    },
  }
}

/** Sends a signal to everybody in a process group, if anybody is. */
function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal)
  } catch {
    // all of it ended by itself
  }
}

/** Has `folder` removed when our process ends without calling the function that is returned. */
export function removeAtTheEnd(folder: string): () => void {
  tellReaper({ folder })
  return () => tellReaper({ keep: folder })
}

let reaper: ChildProcess | undefined

/**
 * The process that lives exactly as long as ours or anything that ours left behind: who waits for its end may use the
 * same files and ports.
 */
export function guardian(): { pid: number; start: string } {
  const pid = theReaper().pid ?? 0
  return { pid, start: startOf(pid) ?? '' }
}

function tellReaper(note: object): void {
  theReaper().stdin?.write(`${JSON.stringify(note)}\n`)
}

/** One reaper for our whole process, started with the first child. It holds nothing open and ends right after us. */
function theReaper(): ChildProcess {
  if (reaper !== undefined) return reaper
  const file = import.meta.url.endsWith('.ts') ? './reaper.ts' : './reaper.js'
  reaper = spawnProcess(process.execPath, [fileURLToPath(new URL(file, import.meta.url))], {
    cwd: '/', // a folder that is never removed
    env: {}, // none of our NODE_OPTIONS
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  reaper.unref()
  const pipe = reaper.stdin as unknown as { unref: () => void; on: (event: 'error', heard: () => void) => void }
  pipe.unref()
  pipe.on('error', () => {}) // killed from outside: nothing that we could do
  return reaper
}
