import { existsSync, globSync, statSync } from 'node:fs'
import path from 'node:path'
import { realpath } from 'node:fs/promises'
import { userError, type ProcessGroup } from '@halles/test-servers'

/** What the pages are built from, in apps/storefront. */
const sources = ['app/**/*.{ts,tsx,css}', 'public/**/*', '*.config.ts', 'package.json']

/** Builds the pages of the storefront, unless they are newer than all of their sources. */
export async function buildPages(root: string, group: ProcessGroup): Promise<void> {
  const app = path.join(root, 'apps/storefront')
  const built = path.join(app, 'build/server/index.js')
  const modified = (file: string): number => statSync(file).mtimeMs
  const files = [
    ...globSync(sources, { cwd: app }).map((file) => path.join(app, file)),
    path.join(root, 'package-lock.json'),
  ]
  if (existsSync(built) && files.every((file) => modified(file) <= modified(built))) return
  const tool = await realpath(path.join(root, 'node_modules/.bin/react-router'))
  // Under vitest NODE_ENV is `test`, with which React would be built for development.
  const env = { ...process.env, NODE_ENV: 'production' }
  const builder = await group.spawn('react-router', process.execPath, [tool, 'build'], { cwd: app, env })
  const { code } = await builder.exited
  if (code !== 0) throw userError(`The pages of the storefront cannot be built:\n${builder.lastLines(30).join('\n')}`)
}

/** The environment of the storefront's process. */
export const storefrontEnvironment = (port: number, gateway: string): NodeJS.ProcessEnv => ({
  HOST: '127.0.0.1',
  PORT: String(port),
  GRAPHQL_URL: `${gateway}/graphql`,
  SHOP_URL: gateway,
})
