import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { reaperIdentity, userError, removeData, processStartTime } from '@halles/test-servers'

/** Identifies a process: pids are reused, a pid with a start time is not. */
type ProcessIdentity = { pid: number; start: string }

/**
 * Locks `dataDir`, so that only one process runs a shop on it. Waits until the children of a killed shop have exited.
 * @param reset removes the data first
 * @returns a function that releases the lock
 * @throws a user error when another shop runs on the folder
 */
export async function lockShop(dataDir: string, reset: boolean): Promise<() => void> {
  const file = path.join(dataDir, 'lock.json')
  await waitUntilUnlocked(dataDir, file)
  if (reset) await removeData(dataDir)
  mkdirSync(dataDir, { recursive: true })
  rmSync(file, { force: true })
  const self: ProcessIdentity = { pid: process.pid, start: processStartTime(process.pid) ?? '' }
  try {
    writeFileSync(file, JSON.stringify({ shop: self, guardian: reaperIdentity() }), { flag: 'wx' })
  } catch (error) {
    throw userError('Another shop is starting here at this moment: use that one.', { cause: error })
  }
  return () => rmSync(file, { force: true })
}

async function waitUntilUnlocked(dataDir: string, file: string): Promise<void> {
  if (!existsSync(file)) return
  const lock = readLock(file)
  if (lock === undefined) return
  if (isRunning(lock.shop)) {
    const running = path.join(dataDir, 'running.json')
    const at = existsSync(running) ? ` at ${JSON.parse(readFileSync(running, 'utf8')).gateway}` : ''
    throw userError(`The shop already runs${at} (process ${lock.shop.pid}): use it, or end it with Ctrl-C first.`)
  }
  for (let waited = 0; isRunning(lock.guardian) && waited < 15_000; waited += 50) await pause(50)
}

function readLock(file: string): { shop: ProcessIdentity; guardian: ProcessIdentity } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { shop: ProcessIdentity; guardian: ProcessIdentity }
  } catch {
    return undefined // A crash left an incomplete file.
  }
}

function isRunning({ pid, start }: ProcessIdentity): boolean {
  return processStartTime(pid) === start
}
