import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { config } from './config.ts'
import { userError } from './user-error.ts'
import type { ProcessGroup } from './process-group.ts'

/** The path of the first of `names` that is on the PATH; undefined when none is. */
export async function findOnPath(...names: string[]): Promise<string | undefined> {
  for (const name of names) {
    for (const folder of config().path) {
      const file = path.join(folder, name)
      if (await fileExists(file, constants.X_OK)) return file
    }
  }
  return undefined
}

export async function fileExists(file: string, mode: number = constants.F_OK): Promise<boolean> {
  return access(file, mode).then(
    () => true,
    () => false,
  )
}

/**
 * Returns the folder `name` of the cache, and fills it by `fill` when it does not exist. `fill` writes to a temporary
 * folder that is renamed when it is complete. So an interrupted download leaves no partial folder, and when two processes
 * download at once, one of them wins and both continue.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const { cache } = config()
  const folder = path.join(cache, name)
  if (await fileExists(folder)) return folder
  await mkdir(cache, { recursive: true })
  const unfinished = await mkdtemp(path.join(cache, `.${name}-`))
  try {
    await fill(unfinished)
    await rename(unfinished, folder)
  } catch (error) {
    if (!(await fileExists(folder))) throw error
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return folder
}

/** Runs a command until it exits. @returns its last lines. @throws a user error with its last lines when it fails */
export async function runCommand(
  group: ProcessGroup,
  command: string,
  args: string[],
  cwd?: string,
): Promise<string[]> {
  const name = path.basename(command)
  const child = await group.spawn(name, command, args, cwd === undefined ? {} : { cwd })
  const { code, signal } = await child.exited
  const lines = child.lastLines()
  if (code === 0) return lines
  throw userError(`${name} failed (${signal ?? code}): ${lines.join(' ').slice(-600) || 'it printed nothing'}`)
}
