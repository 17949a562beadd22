// Runs as a process of its own, in a session of its own. Its standard input is a pipe from the process that started it;
// when the pipe closes, that process has ended, however it ended, and what it left behind is ended here.
//
// Lines are JSON: {"pid", "start"} a process began, {"gone"} a pid ended, {"folder"} a folder to remove in the end,
// {"keep"} a folder that is no longer ours.
import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { startOf } from './process-identity.ts'

const graceMs = 5_000
const processes = new Map<number, string>()
const folders = new Set<string>()

for await (const line of createInterface({ input: process.stdin })) {
  const note = JSON.parse(line) as { pid?: number; start?: string; gone?: number; folder?: string; keep?: string }
  if (note.pid !== undefined && note.start !== undefined) processes.set(note.pid, note.start)
  if (note.gone !== undefined) processes.delete(note.gone)
  if (note.folder !== undefined) folders.add(note.folder)
  if (note.keep !== undefined) folders.delete(note.keep)
}

/**
 * The process groups that still have members of ours: the leader lives, or it has ended and others have not. As long as
 * anybody is in a group its number is not given again; a leader with another start is a stranger.
 */
function groupsLeft(): number[] {
  return [...processes]
    .filter(([pid, start]) => {
      const now = startOf(pid)
      return now === start || (now === undefined && signal(pid, 0))
    })
    .map(([pid]) => pid)
}

/** Sends a signal to a group; false when nobody is in it any more. */
function signal(group: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-group, name)
  } catch {
    return false
  }
}

for (const group of groupsLeft()) signal(group, 'SIGTERM')
const deadline = Date.now() + graceMs
while (groupsLeft().length > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50))
for (const group of groupsLeft()) signal(group, 'SIGKILL')
for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 })
