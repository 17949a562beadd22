// Runs as a separate process in a session of its own. Its standard input is a pipe from its parent. When the pipe closes,
// the parent has ended for whatever reason, and the reaper stops the processes that the parent left running.
//
// Each line is a message in JSON: {"pid", "start"} a process has started, {"gone"} a process has exited, {"folder"} a folder
// to remove at the end, {"keep"} a folder not to remove after all.
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { processStartTime } from './process-identity.ts'

const graceMs = 5_000
const processes = new Map<number, string>()
const folders = new Set<string>()

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as { pid?: number; start?: string; gone?: number; folder?: string; keep?: string }
  if (message.pid !== undefined && message.start !== undefined) processes.set(message.pid, message.start)
  if (message.gone !== undefined) processes.delete(message.gone)
  if (message.folder !== undefined) folders.add(message.folder)
  if (message.keep !== undefined) folders.delete(message.keep)
}

/**
 * The process groups in which processes of the parent still run: the leader runs, or it has exited and its children have
 * not. The number of a group with members is not reused, so a leader with another start time is an unrelated process.
 */
function remainingGroups(): number[] {
  return [...processes]
    .filter(([pid, start]) => {
      const currentStart = processStartTime(pid)
      return currentStart === start || (currentStart === undefined && signalGroup(pid, 0))
    })
    .map(([pid]) => pid)
}

/** Sends a signal to a group; false when it has no members. */
function signalGroup(group: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, name)
  } catch {
    return false
  }
}

for (const group of remainingGroups()) signalGroup(group, 'SIGTERM')
const deadline = Date.now() + graceMs
while (remainingGroups().length > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50))
for (const group of remainingGroups()) signalGroup(group, 'SIGKILL')
for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
