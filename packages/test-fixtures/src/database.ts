import { randomBytes } from 'node:crypto'
import { databaseUrl } from '@halles/test-servers'

/** Returns the URL of a new database with a unique name. `server` is a mongodb:// URL without a database. */
export function uniqueDatabaseUrl(server: string, name = 'test'): string {
  return databaseUrl(server, `${name}_${randomBytes(6).toString('hex')}`)
}
