import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { root } from './workspace.ts'

/**
 * Installs a package that only a measurement needs, at an exact version, outside of the workspace's dependencies. It stays until
 * the next `npm ci`.
 *
 * @param peer `name@version`
 * @returns the folder whose node_modules has it
 */
export async function installPeer(peer: string): Promise<string> {
  const folder = path.join(root, 'node_modules/.cache/halles-peers', peer.replaceAll('/', '+'))
  const done = path.join(folder, 'installed')
  if (existsSync(done)) return folder
  console.log(`Installing ${peer} …`)
  await mkdir(folder, { recursive: true })
  await writeFile(path.join(folder, 'package.json'), '{"private": true}\n')
  await promisify(execFile)('npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact', peer], {
    cwd: folder,
  })
  await writeFile(done, '')
  return folder
}
