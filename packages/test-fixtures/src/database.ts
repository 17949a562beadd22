import { randomBytes } from 'node:crypto'

/** Returns the URL of a new database with a unique name. `server` is a mongodb:// URL without a database. */
export function uniqueDatabaseUrl(server: string, name = 'test'): string {
  const url = new URL(server)
  url.pathname = `/${name}_${randomBytes(6).toString('hex')}`
  return url.href
}
