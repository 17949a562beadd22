// npm run keys -- list|rotate|revoke KID: lists, rotates or revokes signing keys, in the database of the shop that runs on this
// machine or in the one that MONGODB_URL names.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { root } from './workspace.ts'

const running = path.join(root, '.data/running.json')
const env = { ...process.env }
if (!env['MONGODB_URL'] && !env['MONGODB_URL_FILE'] && existsSync(running)) {
  const url = new URL((JSON.parse(readFileSync(running, 'utf8')) as { mongodb: string }).mongodb)
  url.pathname = '/halles_auth'
  env['MONGODB_URL'] = url.href
}
const main = path.join(root, 'apps/auth-service/src/main.ts')
const args = process.argv.slice(2)
const { status } = spawnSync(process.execPath, ['--conditions=development', main, 'keys', ...args], {
  env,
  stdio: 'inherit',
})
process.exitCode = status ?? 1
