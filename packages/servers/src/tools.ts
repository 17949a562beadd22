import { constants } from 'node:fs'
import { access, mkdir, mkdtemp, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { config } from './config.ts'
import { plainError } from './plain-error.ts'
import type { ProcessGroup } from './process-group.ts'

/** Where the first of `names` that is on the PATH is; undefined when none is. */
export async function onPath(...names: string[]): Promise<string | undefined> {
  for (const name of names) {
    for (const folder of config().path) {
      const file = path.join(folder, name)
      if (await exists(file, constants.X_OK)) return file
    }
  }
  return undefined
}

export async function exists(file: string, mode: number = constants.F_OK): Promise<boolean> {
  return access(file, mode).then(
    () => true,
    () => false,
  )
}

/**
 * The folder `name` of the cache; made by `fill` when it is not there. `fill` works in a folder of its own, which takes
 * the final name only when it is complete: an interrupted download leaves nothing half, and of two processes that
 * download at once one wins and both go on.
 */
export async function cached(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const { cache } = config()
  const folder = path.join(cache, name)
  if (await exists(folder)) return folder
  await mkdir(cache, { recursive: true })
  const unfinished = await mkdtemp(path.join(cache, `.${name}-`))
  try {
    await fill(unfinished)
    await rename(unfinished, folder)
  } catch (error) {
    if (!(await exists(folder))) throw error
  } finally {
    await rm(unfinished, { recursive: true, force: true })
  }
  return folder
}

/** Runs a tool to its end. Throws a plain error with its last words when it fails. */
export async function run(group: ProcessGroup, command: string, args: string[], cwd?: string): Promise<string[]> {
  const name = path.basename(command)
  const tool = await group.spawn(name, command, args, cwd === undefined ? {} : { cwd })
  const { code, signal } = await tool.exited
  const said = tool.lastLines()
  if (code === 0) return said
  throw plainError(`${name} failed (${signal ?? code}): ${said.join(' ').slice(-600) || 'it said nothing'}`)
}
