import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { plainError } from './plain-error.ts'
import { guardian } from './process-group.ts'
import { startOf } from './process-identity.ts'
import { removeData } from './start-servers.ts'

type Life = { pid: number; start: string }

/**
 * Makes this process the only one that runs a shop on `dataDir`. Throws a plain error when another one does; waits for
 * what a killed one left behind to end.
 * @param reset removes the data first
 * @returns gives the folder free again
 */
export async function lockShop(dataDir: string, reset: boolean): Promise<() => void> {
  const file = path.join(dataDir, 'lock.json')
  await untilFree(dataDir, file)
  if (reset) await removeData(dataDir)
  mkdirSync(dataDir, { recursive: true })
  rmSync(file, { force: true })
  const us: Life = { pid: process.pid, start: startOf(process.pid) ?? '' }
  try {
    writeFileSync(file, JSON.stringify({ shop: us, guardian: guardian() }), { flag: 'wx' })
  } catch (error) {
    throw plainError('Another shop is starting here at this moment: use that one.', { cause: error })
  }
  return () => rmSync(file, { force: true })
}

async function untilFree(dataDir: string, file: string): Promise<void> {
  if (!existsSync(file)) return
  const lock = readLock(file)
  if (lock === undefined) return
  if (lives(lock.shop)) {
    const running = path.join(dataDir, 'running.json')
    const at = existsSync(running) ? ` at ${JSON.parse(readFileSync(running, 'utf8')).gateway}` : ''
    throw plainError(`The shop already runs${at} (process ${lock.shop.pid}): use it, or end it with Ctrl-C first.`)
  }
  for (let waited = 0; lives(lock.guardian) && waited < 15_000; waited += 50) await pause(50)
}

function readLock(file: string): { shop: Life; guardian: Life } | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as { shop: Life; guardian: Life }
  } catch {
    return undefined // cut short by a crash
  }
}

function lives({ pid, start }: Life): boolean {
  return startOf(pid) === start
}
